// SPDX-License-Identifier: Apache-2.0

import NIOSSL

/// A client's TLS.
package struct WireClientTLS: Sendable {
    /// Authorities whose server certificates are accepted; `nil`: the system's.
    package var trustRootsFile: String?
    /// This client's own certificate and key, for mutual TLS.
    package var certificateChainFile: String?
    package var privateKeyFile: String?
    /// The name that the server's certificate must bear, where it is not the host that is connected to.
    package var serverName: String?
    /// Accepts any certificate. For tests and for what etcd calls `--insecure-skip-tls-verify`.
    package var skipsVerification = false

    package init() {}

    func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["h2"]
        configuration.minimumTLSVersion = .tlsv12
        if let trustRootsFile = self.trustRootsFile { configuration.trustRoots = .file(trustRootsFile) }
        if let chain = self.certificateChainFile, let key = self.privateKeyFile {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(chain).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        if self.skipsVerification { configuration.certificateVerification = .none }
        return try NIOSSLContext(configuration: configuration)
    }
}
