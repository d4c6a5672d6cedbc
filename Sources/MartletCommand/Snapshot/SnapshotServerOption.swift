// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletEtcdClient

/// Which server, and who asks it: etcdctl's flags, and its `ETCDCTL_` variables where a flag is missing.
struct SnapshotServerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server, of Martlet or etcd: one host:port, with https:// for TLS.",
            discussion: "Without it 127.0.0.1:2379. Of each of these flags there is a variable: ETCDCTL_ENDPOINTS, …",
            valueName: "address"))
    var endpoints: String?

    @OptionGroup var access: EtcdAccessOption

    func makeClient() throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: [try endpoint()])
        configuration.logger = RegistryOption.logger
        try access.apply(to: &configuration, .etcdctl)
        do {
            return try EtcdClient(configuration)
        } catch {
            throw CommandFailure(error.message)
        }
    }

    private func endpoint() throws -> String {
        let said = endpoints ?? ProcessInfo.processInfo.environment["ETCDCTL_ENDPOINTS"] ?? ""
        let text = said.isEmpty ? "127.0.0.1:2379" : said
        let servers = text.split(separator: ",").map { String($0.trimmed) }
        guard servers.count == 1 else {
            throw CommandFailure("snapshot must be requested to one selected node, not multiple [\(text)]")
        }
        return servers[0]
    }
}
