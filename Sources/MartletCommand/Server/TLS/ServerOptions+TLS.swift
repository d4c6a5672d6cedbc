// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire

extension ServerOptions {
    /// How clients' connections are encrypted, and what is asked of those clients.
    package struct TLS: Sendable, Equatable {
        package enum Identity: Sendable, Equatable {
            /// PEM files.
            case files(certificate: String, key: String)
            /// A certificate of the server's own for these hosts, valid for so many years, kept in a folder.
            case selfSigned(folder: String, hosts: [String], years: Int)
        }

        package var identity: Identity
        package var trustedAuthorityFile: String?
        package var requiresClientCertificate = false
        /// Whether its common name is the user that a client without a token calls as.
        package var namesClients = false
        package var revocationFile: String?
        package var allowedHostnames: [String] = []
        package var allowedCommonNames: [String] = []
        /// Whether a certificate that names addresses or hosts is good there alone.
        package var comparesAddresses = false
        /// For whom the port is, in the log.
        package var endpoint = "client"
        package var cipherSuites: [UInt16]?
        package var minimumVersion = WireTLSVersion.tls12
        package var maximumVersion: WireTLSVersion?

        package init(identity: Identity) {
            self.identity = identity
        }
    }

    /// What the flags say of TLS; nil where they name no certificate.
    ///
    /// - Parameter listeners: Certificates must be there where one of them is encrypted.
    static func tls(
        _ flags: ServerFlags, _ listeners: [Listener], dataFolder: String, _ notices: inout [ServerNotice]
    ) throws(ServerFlagError) -> TLS? {
        let encrypted = listeners.map(\.url).first { $0.isEncrypted }
        let (certificate, key) = (flags.string("cert-file"), flags.string("key-file"))
        let hasFiles = !certificate.isEmpty || !key.isEmpty
        let requiresClient = flags.boolean("client-cert-auth")
        for url in listeners.filter({ $0.role.servesCalls }).map(\.url) where !url.isEncrypted {
            let field = ["client-url": url.description]
            if hasFiles {
                notices.append(
                    ServerNotice(
                        .warning,
                        "scheme is HTTP while key and cert files are present; ignoring key and cert files", field))
            }
            if requiresClient {
                notices.append(
                    ServerNotice(
                        .warning,
                        "scheme is HTTP while --client-cert-auth is enabled; ignoring client cert auth for this URL",
                        field))
            }
        }
        let versions = try TLSVersions(flags)
        let cipherSuites = try CipherSuites.numbers(flags.strings("cipher-suites"))
        let identity: TLS.Identity
        if hasFiles {
            guard encrypted == nil || (!certificate.isEmpty && !key.isEmpty) else {
                throw .conflict("KeyFile and CertFile must both be present[key: \(key), cert: \(certificate)]")
            }
            if flags.boolean("auto-tls") {
                notices.append(ServerNotice(.warning, "ignoring client auto TLS since certs given"))
            }
            identity = .files(certificate: certificate, key: key)
        } else if flags.boolean("auto-tls") {
            let years = flags.number("self-signed-cert-validity")
            guard years > 0 else {
                throw .conflict("selfSignedCertValidity is invalid,it should be greater than 0")
            }
            let hosts = listeners.filter { $0.role != .metrics && !$0.url.isSocketFile }.map(\.url.host)
            identity = .selfSigned(
                folder: dataFolder + "/fixtures/client", hosts: hosts, years: Int(clamping: min(years, 1_000)))
        } else {
            if let encrypted {
                throw .conflict(
                    "TLS key/cert (--cert-file, --key-file) must be provided for client url \(encrypted) "
                        + "with HTTPS scheme")
            }
            return nil
        }
        var tls = TLS(identity: identity)
        tls.cipherSuites = cipherSuites
        (tls.minimumVersion, tls.maximumVersion) = (versions.minimum, versions.maximum)
        // As in etcd, naming authorities asks for certificates of theirs. Unlike there, so it does beside --auto-tls.
        let authority = flags.string("trusted-ca-file")
        tls.trustedAuthorityFile = authority.isEmpty ? nil : authority
        tls.requiresClientCertificate = requiresClient || !authority.isEmpty
        tls.namesClients = requiresClient
        let revocations = flags.string("client-crl-file")
        tls.revocationFile = revocations.isEmpty ? nil : revocations
        tls.allowedHostnames = flags.strings("client-cert-allowed-hostname")
        tls.allowedCommonNames = flags.strings("client-cert-allowed-cn")
        guard tls.allowedHostnames.isEmpty || tls.allowedCommonNames.isEmpty else {
            throw .conflict(
                "AllowedCNs and AllowedHostnames are mutually exclusive "
                    + "(cns=\(tls.allowedCommonNames), hostnames=\(tls.allowedHostnames))")
        }
        return tls
    }
}

/// `--tls-min-version` and `--tls-max-version`.
struct TLSVersions {
    var minimum = WireTLSVersion.tls12
    var maximum: WireTLSVersion?

    init(_ flags: ServerFlags) throws(ServerFlagError) {
        let (least, most) = (flags.string("tls-min-version"), flags.string("tls-max-version"))
        if let version = try Self.version(least) { minimum = version }
        maximum = try Self.version(most)
        if let maximum, minimum > maximum {
            throw .conflict("min version (\(least)) is greater than max version (\(most))")
        }
        if minimum == .tls13, !flags.strings("cipher-suites").isEmpty {
            throw .conflict("cipher suites cannot be configured when only TLS1.3 is enabled")
        }
    }

    private static func version(_ text: String) throws(ServerFlagError) -> WireTLSVersion? {
        switch text {
        case "": return nil
        case "TLS1.2": return .tls12
        case "TLS1.3": return .tls13
        default: throw .conflict("unexpected TLS version \(text.goQuoted), expected \"TLS1.2\" or \"TLS1.3\"")
        }
    }
}
