// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletEtcdClient

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Who asks a server of Martlet's or etcd's, and by which certificates: etcdctl's flags. Where one is missing a
/// variable counts, which the command names.
struct EtcdAccessOption: ParsableArguments {
    @Option(help: ArgumentHelp("Who asks. Without a password it is asked for.", valueName: "name[:password]"))
    var user: String?

    @Option(help: "The password; then --user is the name alone.")
    var password: String?

    @Option(help: ArgumentHelp("Authorities whose server certificates are accepted.", valueName: "file"))
    var cacert: String?

    @Option(help: ArgumentHelp("The client's own certificate.", valueName: "file"))
    var cert: String?

    @Option(help: ArgumentHelp("The key of that certificate.", valueName: "file"))
    var key: String?

    @Flag(help: "Accept any certificate of the server. For tests only.")
    var insecureSkipTlsVerify = false

    /// Flags that Go's tools also take with a value.
    static let switches: Set<String> = ["--insecure-skip-tls-verify"]

    /// What the variables are called.
    enum Variables: Sendable {
        /// As etcdctl's.
        case etcdctl
        /// As those of services, for their registry.
        case registry

        fileprivate var names: Names {
            switch self {
            case .etcdctl:
                Names(
                    user: "ETCDCTL_USER", password: "ETCDCTL_PASSWORD", authorities: "ETCDCTL_CACERT",
                    certificate: "ETCDCTL_CERT", key: "ETCDCTL_KEY", serverName: nil,
                    skipsVerification: "ETCDCTL_INSECURE_SKIP_TLS_VERIFY")
            case .registry:
                Names(
                    user: "MICRO_REGISTRY_USER", password: "MICRO_REGISTRY_PASSWORD",
                    authorities: "MICRO_REGISTRY_TLS_CA", certificate: "MICRO_REGISTRY_TLS_CERT",
                    key: "MICRO_REGISTRY_TLS_KEY", serverName: "MICRO_REGISTRY_TLS_SERVER_NAME",
                    skipsVerification: "MICRO_REGISTRY_TLS_SKIP_VERIFY")
            }
        }
    }

    fileprivate struct Names {
        var user: String
        var password: String
        var authorities: String
        var certificate: String
        var key: String
        /// etcdctl has none.
        var serverName: String?
        var skipsVerification: String
    }

    /// The flags that were given, for a command that has no use for them.
    var given: [String] {
        var names: [String] = []
        if user != nil { names.append("--user") }
        if password != nil { names.append("--password") }
        if cacert != nil { names.append("--cacert") }
        if cert != nil { names.append("--cert") }
        if key != nil { names.append("--key") }
        if insecureSkipTlsVerify { names.append("--insecure-skip-tls-verify") }
        return names
    }

    /// - Parameter asksForPassword: Whether somebody sits there to be asked; else a name without a password has none.
    func apply(
        to configuration: inout EtcdClient.Configuration, _ variables: Variables, asksForPassword: Bool = true
    ) throws {
        configuration.credentials = credentials(variables.names, asksForPassword: asksForPassword)
        configuration.tls = try tls(variables.names)
    }

    /// A password without a name is nobody's, as for etcdctl.
    private func credentials(_ names: Names, asksForPassword: Bool) -> EtcdCredentials? {
        guard let user = Self.value(user, names.user) else { return nil }
        if let password = Self.value(password, names.password) {
            return EtcdCredentials(user: user, password: password)
        }
        if let colon = user.firstIndex(of: ":") {
            return EtcdCredentials(
                user: String(user[..<colon]), password: String(user[user.index(after: colon)...]))
        }
        // From the terminal, without showing it.
        let typed = asksForPassword ? getpass("Password: ").map { String(cString: $0) } : nil
        return EtcdCredentials(user: user, password: typed ?? "")
    }

    /// `nil` where nothing is said of TLS: then the endpoint's scheme decides.
    private func tls(_ names: Names) throws -> EtcdTLS? {
        var tls = EtcdTLS()
        tls.trustRootsFile = Self.value(cacert, names.authorities)
        tls.certificateChainFile = Self.value(cert, names.certificate)
        tls.privateKeyFile = Self.value(key, names.key)
        tls.serverName = names.serverName.flatMap { Self.value(nil, $0) }
        let variable = Self.value(nil, names.skipsVerification).map { GoFlags.truths.contains($0) } ?? false
        tls.skipsVerification = insecureSkipTlsVerify || variable
        guard (tls.certificateChainFile == nil) == (tls.privateKeyFile == nil) else {
            throw CommandFailure("--cert and --key need each other, and so do \(names.certificate) and \(names.key)")
        }
        try PEMFiles.check([tls.trustRootsFile, tls.certificateChainFile, tls.privateKeyFile])
        return tls == EtcdTLS() ? nil : tls
    }

    /// The flag's value or its variable's; nothing is as good as none.
    private static func value(_ flag: String?, _ variable: String) -> String? {
        let text = flag ?? ProcessInfo.processInfo.environment[variable] ?? ""
        return text.isEmpty ? nil : text
    }
}

/// Files that a command was pointed at: a name that was mistyped is said to be one.
enum PEMFiles {
    static func check(_ paths: [String?]) throws {
        for path in paths.compactMap({ $0 }) where !FileManager.default.isReadableFile(atPath: path) {
            throw CommandFailure("the file \(path) can't be read")
        }
    }
}
