// SPDX-License-Identifier: Apache-2.0

import Logging
package import MartletGRPCWire

/// How members' connections to each other are encrypted, and what one asks of another's certificate.
package struct PeerTLS: Sendable, Equatable {
    /// What others are shown, and asked, when they connect.
    package var server: ServerOptions.TLS
    /// What is shown when this member connects, where that is another certificate.
    package var clientCertificate: (certificate: String, key: String)?

    package static func == (left: PeerTLS, right: PeerTLS) -> Bool {
        left.server == right.server && left.clientCertificate?.certificate == right.clientCertificate?.certificate
            && left.clientCertificate?.key == right.clientCertificate?.key
    }

    /// What the flags say; nil where they name no certificate.
    init?(
        _ flags: ServerFlags, _ cluster: ServerOptions.Cluster, dataFolder: String
    ) throws(ServerFlagError) {
        let (certificate, key) = (flags.string("peer-cert-file"), flags.string("peer-key-file"))
        let encrypted = cluster.listenURLs.first { $0.isEncrypted }
        if !certificate.isEmpty || !key.isEmpty {
            guard !certificate.isEmpty, !key.isEmpty else {
                throw .conflict("KeyFile and CertFile must both be present[key: \(key), cert: \(certificate)]")
            }
            server = ServerOptions.TLS(identity: .files(certificate: certificate, key: key))
        } else if flags.boolean("peer-auto-tls") {
            let hosts = cluster.listenURLs.filter { !$0.isSocketFile }.map(\.host)
            let years = Int(clamping: min(max(flags.number("self-signed-cert-validity"), 1), 1_000))
            server = ServerOptions.TLS(
                identity: .selfSigned(folder: dataFolder + "/fixtures/peer", hosts: hosts, years: years))
        } else if let encrypted {
            throw .conflict(
                "TLS key/cert (--peer-cert-file, --peer-key-file) must be provided for peer url \(encrypted) "
                    + "with HTTPS scheme")
        } else {
            return nil
        }
        let authority = flags.string("peer-trusted-ca-file")
        server.trustedAuthorityFile = authority.isEmpty ? nil : authority
        server.requiresClientCertificate = flags.boolean("peer-client-cert-auth") || !authority.isEmpty
        let revocations = flags.string("peer-crl-file")
        server.revocationFile = revocations.isEmpty ? nil : revocations
        server.comparesAddresses = !flags.boolean("peer-skip-client-san-verification")
        server.endpoint = "peer"
        server.allowedCommonNames = flags.strings("peer-cert-allowed-cn")
        server.allowedHostnames = flags.strings("peer-cert-allowed-hostname")
        guard server.allowedHostnames.isEmpty || server.allowedCommonNames.isEmpty else {
            throw .conflict(
                "AllowedCNs and AllowedHostnames are mutually exclusive "
                    + "(cns=\(server.allowedCommonNames), hostnames=\(server.allowedHostnames))")
        }
        let versions = try TLSVersions(flags)
        (server.minimumVersion, server.maximumVersion) = (versions.minimum, versions.maximum)
        server.cipherSuites = try CipherSuites.numbers(flags.strings("cipher-suites"))
        let (other, otherKey) = (flags.string("peer-client-cert-file"), flags.string("peer-client-key-file"))
        clientCertificate = other.isEmpty || otherKey.isEmpty ? nil : (other, otherKey)
    }

    /// For this member's connections to others, who are asked for the same names as when they connect. Without an
    /// authority a certificate of their own making is all that they can show: it is taken, as etcd takes it, but where
    /// names are asked for: nobody has vouched for those.
    package func client(_ server: WireServerTLS) -> WireClientTLS {
        var tls = WireClientTLS()
        tls.trustRootsFile = self.server.trustedAuthorityFile
        tls.certificateChainFile = clientCertificate?.certificate ?? server.certificateChainFile
        tls.privateKeyFile = clientCertificate?.key ?? server.privateKeyFile
        if case .selfSigned = self.server.identity { tls.skipsVerification = tls.trustRootsFile == nil }
        let policy = CertificatePolicy(
            allowedHostnames: self.server.allowedHostnames, allowedCommonNames: self.server.allowedCommonNames)
        if policy.asksAnything {
            tls.examinesServer = { [isVerified = !tls.skipsVerification] certificate in
                guard isVerified else { throw CertificatePolicy.failed }
                try policy.examine(certificate)
            }
        }
        return tls
    }
}
