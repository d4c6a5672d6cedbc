// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import MartletEtcd
import MartletEtcdClient

/// Which registry a command asks.
struct RegistryOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The registry: host:port of an etcd or Martlet server, several with commas.",
            discussion: "Without it MICRO_REGISTRY_ADDRESS counts, else 127.0.0.1:2379.", valueName: "address"))
    var registry: String?

    var endpoints: [String] {
        let text = registry ?? ProcessInfo.processInfo.environment["MICRO_REGISTRY_ADDRESS"] ?? ""
        return text.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty }
    }

    /// The registry's addresses as they are shown to people.
    var shown: String { endpoints.isEmpty ? "127.0.0.1:2379" : endpoints.joined(separator: ",") }

    /// The registry, quiet unless something is wrong.
    func make() -> EtcdRegistry {
        EtcdRegistry(endpoints: endpoints) { $0.logger = Self.logger }
    }

    static let logger = Logger(label: "martlet") { _ in EventLog(format: .console, level: .warning) }
}
