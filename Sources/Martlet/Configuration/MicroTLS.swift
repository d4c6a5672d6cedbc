// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

/// Certificates, as PEM files: who one is, and whom one trusts.
public struct MicroTLS: Sendable, Hashable {
    /// The own certificate, with those between it and its authority; `nil` has none, so that nothing that listens is
    /// encrypted.
    public var certificateChainFile: String?

    /// The key of the own certificate.
    public var privateKeyFile: String?

    /// Authorities whose certificates are accepted of others; `nil` takes the system's.
    public var trustRootsFile: String?

    /// Whether whoever connects must show a certificate by one of those authorities.
    public var requiresClientCertificate = false

    /// The name that the certificates of servers must bear, where it isn't the host that is connected to: nodes are
    /// mostly registered by addresses, which certificates seldom bear.
    public var serverName: String?

    /// Accepts any certificate of servers, as go-micro does. It keeps nobody from listening in between.
    public var skipsVerification = false

    public init() {}

    /// - Parameters:
    ///   - certificateChainFile: The own certificate, with those between it and its authority.
    ///   - privateKeyFile: The key of the own certificate.
    ///   - trustRootsFile: Authorities whose certificates are accepted of others; `nil` takes the system's.
    public init(certificateChainFile: String, privateKeyFile: String, trustRootsFile: String? = nil) {
        self.certificateChainFile = certificateChainFile
        self.privateKeyFile = privateKeyFile
        self.trustRootsFile = trustRootsFile
    }

    /// For what listens; `nil` without a certificate.
    var server: WireServerTLS? {
        guard let chain = self.certificateChainFile, let key = self.privateKeyFile else { return nil }
        var tls = WireServerTLS(certificateChainFile: chain, privateKeyFile: key)
        tls.trustRootsFile = self.trustRootsFile
        tls.requiresClientCertificate = self.requiresClientCertificate
        return tls
    }

    /// For what connects.
    package var client: WireClientTLS {
        var tls = WireClientTLS()
        tls.certificateChainFile = self.certificateChainFile
        tls.privateKeyFile = self.privateKeyFile
        tls.trustRootsFile = self.trustRootsFile
        tls.serverName = self.serverName
        tls.skipsVerification = self.skipsVerification
        return tls
    }
}
