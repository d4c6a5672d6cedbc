// SPDX-License-Identifier: Apache-2.0

package import NIOCore
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
    /// Looks at the server's own certificate, in DER, whose chain has been verified; an error ends the connection
    /// before a byte of it is read. On the connection's event loop.
    package var examinesServer: (@Sendable (_ certificate: [UInt8]) throws -> Void)?
    /// Accepts any certificate. For tests and for what etcd calls `--insecure-skip-tls-verify`.
    package var skipsVerification = false

    package init() {}

    func makeContext(applicationProtocols: [String] = ["h2"]) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = applicationProtocols
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

/// TLS for a client's connections that speak something else than gRPC; the files are read once.
package struct WireClientTLSContext: Sendable {
    private let context: NIOSSLContext
    private let serverName: String?
    private let examinesServer: (@Sendable ([UInt8]) throws -> Void)?

    /// - Throws: when the files cannot be used.
    package init(_ tls: WireClientTLS, applicationProtocols: [String]) throws {
        self.init(try tls.makeContext(applicationProtocols: applicationProtocols), tls)
    }

    init(_ context: NIOSSLContext, _ tls: WireClientTLS?) {
        self.context = context
        self.serverName = tls?.serverName
        self.examinesServer = tls?.examinesServer
    }

    /// Puts TLS at the end of a new channel's pipeline. On its event loop.
    ///
    /// - Parameter host: What is connected to, and what the server's certificate must bear if nothing else was said.
    package func secure(_ channel: any Channel, host: String) throws {
        let name = self.serverName ?? host
        // A numeric address cannot be a server name indication; the certificate is still checked against it.
        let isNumeric = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        let handler = try NIOSSLClientHandler(context: self.context, serverHostname: isNumeric ? nil : name)
        try channel.pipeline.syncOperations.addHandler(handler)
        if let examinesServer { try channel.pipeline.syncOperations.addHandler(ServerExaminer(examinesServer)) }
    }
}
