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

/// Which server, and who asks it: etcdctl's flags, and its `ETCDCTL_` variables where a flag is missing.
struct SnapshotServerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server, of Martlet or etcd: one host:port, with https:// for TLS.",
            discussion: "Without it 127.0.0.1:2379. Of each of these flags there is a variable: ETCDCTL_ENDPOINTS, …",
            valueName: "address"))
    var endpoints: String?

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

    func makeClient() throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: [try endpoint()])
        configuration.logger = RegistryOption.logger
        configuration.credentials = credentials()
        configuration.tls = tls()
        do {
            return try EtcdClient(configuration)
        } catch {
            throw CommandFailure(error.message)
        }
    }

    private func endpoint() throws -> String {
        let text = value(endpoints, "ENDPOINTS") ?? "127.0.0.1:2379"
        let servers = text.split(separator: ",").map { String($0.trimmed) }
        guard servers.count == 1 else {
            throw CommandFailure("snapshot must be requested to one selected node, not multiple [\(text)]")
        }
        return servers[0]
    }

    /// A password without a name is nobody's, as for etcdctl.
    private func credentials() -> EtcdCredentials? {
        guard let user = value(user, "USER") else { return nil }
        if let password = value(password, "PASSWORD") { return EtcdCredentials(user: user, password: password) }
        if let colon = user.firstIndex(of: ":") {
            return EtcdCredentials(
                user: String(user[..<colon]), password: String(user[user.index(after: colon)...]))
        }
        // From the terminal, without showing it.
        return EtcdCredentials(user: user, password: getpass("Password: ").map { String(cString: $0) } ?? "")
    }

    /// `nil` where nothing is said of TLS: then the endpoint's scheme decides.
    private func tls() -> EtcdTLS? {
        var tls = EtcdTLS()
        tls.trustRootsFile = value(cacert, "CACERT")
        tls.certificateChainFile = value(cert, "CERT")
        tls.privateKeyFile = value(key, "KEY")
        let variable = value(nil, "INSECURE_SKIP_TLS_VERIFY").map { GoFlags.truths.contains($0) } ?? false
        tls.skipsVerification = insecureSkipTlsVerify || variable
        return tls == EtcdTLS() ? nil : tls
    }

    /// The flag's value or its variable's; nothing is as good as none.
    private func value(_ flag: String?, _ variable: String) -> String? {
        let text = flag ?? ProcessInfo.processInfo.environment["ETCDCTL_" + variable] ?? ""
        return text.isEmpty ? nil : text
    }
}
