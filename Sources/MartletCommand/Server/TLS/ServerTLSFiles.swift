// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletAuth
import MartletAuthTokens
import MartletGRPCWire

extension ServerOptions.TLS {
    /// The wire's settings. Makes the server's own certificate, if that is asked for; otherwise looks at the files.
    func wire(_ logger: Logger) throws -> WireServerTLS {
        let certificate: String
        let key: String
        switch identity {
        case .files(let certificateFile, let keyFile): (certificate, key) = (certificateFile, keyFile)
        case .selfSigned(let folder, let hosts, let years):
            (certificate, key) = try SelfSignedCertificate(folder: folder, hosts: hosts, years: years).prepare(logger)
        }
        for path in [certificate, key] + [trustedAuthorityFile].compactMap({ $0 }) { try Self.open(path) }
        var tls = WireServerTLS(certificateChainFile: certificate, privateKeyFile: key)
        tls.trustRootsFile = trustedAuthorityFile
        tls.requiresClientCertificate = requiresClientCertificate
        tls.cipherSuites = cipherSuites
        tls.minimumVersion = minimumVersion
        tls.maximumVersion = maximumVersion
        let policy = CertificatePolicy(
            allowedHostnames: allowedHostnames, allowedCommonNames: allowedCommonNames,
            revocations: revocationFile.map(RevocationFile.init(path:)))
        if namesClients { tls.namesClient = { ClientCertificate.commonName(of: $0)?.bytes } }
        if policy.asksAnything { tls.examinesClient = { try policy.examine($0) } }
        if comparesAddresses {
            tls.locatesClient = { try CertificatePlace($0).compare(with: $1, on: $2) }
        }
        tls.endpoint = endpoint
        return tls
    }

    /// TLS libraries say only that a file was no good; this says why it couldn't be read.
    private static func open(_ path: String) throws {
        let descriptor = Foundation.open(path, O_RDONLY)
        guard descriptor >= 0 else { throw FileFailure(verb: "open", path: path) }
        close(descriptor)
    }
}

/// A file that can't be read or written, in Go's words: `open x.pem: no such file or directory`.
struct FileFailure: Error, CustomStringConvertible {
    var verb: String
    var path: String
    var code: Int32

    /// With the code of the call that has just failed.
    init(verb: String, path: String, code: Int32 = errno) {
        self.verb = verb
        self.path = path
        self.code = code
    }

    var description: String {
        let reason = String(cString: strerror(code))
        return "\(verb) \(path): \(reason.prefix(1).lowercased())\(reason.dropFirst())"
    }
}
