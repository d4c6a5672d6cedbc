// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Martlet
import MartletEtcd

/// `martlet services`
struct ServicesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "services",
        abstract: "List the services in a registry, with their versions, nodes and endpoints.",
        discussion: """
            Services of Martlet and of go-micro are listed alike: they keep the same records.

              martlet services
              martlet services Greeter --registry 10.0.0.5:2379
              martlet services --watch
              martlet services -o json | jq .nodes
            """)

    @Argument(help: "Only this service.", completion: .services)
    var service: String?

    @OptionGroup var registry: RegistryOption

    @Flag(help: "Go on and print every node that comes (+) or goes (-), until Ctrl-C.")
    var watch = false

    @OptionGroup var output: OutputOption

    mutating func run() async throws {
        let start = ContinuousClock.now
        let option = registry
        let registry = try option.make()
        if watch { return try await follow(registry, option) }
        let records = try await option.ask(registry) { [service] registry -> [ServiceRecord] in
            if let service { try await registry.services(named: service) } else { try await registry.services() }
        }
        if let service, records.isEmpty {
            throw await option.unknown(service, registry, within: option.limit - start.duration(to: .now))
        }
        if output.isJSON {
            for line in ServiceListing.json(records) { StandardStream.output.writeLine(line) }
        } else {
            var lines = ServiceListing.table(records)
            let style = TerminalStyle(
                isTerminal: StandardStream.output.isTerminal, environment: ProcessInfo.processInfo.environment)
            if !records.isEmpty { lines[0] = style.bold(lines[0]) }
            for line in lines { StandardStream.output.writeLine(line) }
        }
    }

    /// Prints changes until a signal.
    private func follow(_ registry: EtcdRegistry, _ option: RegistryOption) async throws {
        // A watch waits for a registry that is away; whoever begins one wants to be told that it is.
        _ = try await option.ask(registry) { try await $0.services(named: "") }
        let ending = await Ending()
        let (json, service) = (output.isJSON, service)
        let watching = Task {
            try await registry.watch { change in
                guard let change = change.only(service) else { return }
                let lines = json ? ServiceListing.jsonLine(change) : ServiceListing.line(change)
                for line in lines { StandardStream.output.writeLine(line) }
            }
        }
        _ = await ending.wait()
        watching.cancel()
        _ = await watching.result
    }
}

extension RegistryChange {
    /// The change as far as it is about one service; all of it where none is named.
    fileprivate func only(_ name: String?) -> RegistryChange? {
        guard let name else { return self }
        switch self {
        case .snapshot(let records): return .snapshot(records.filter { $0.name == name })
        case .put(let record): return record.name == name ? self : nil
        case .remove(let service, _): return service == RegistryKey.part(name) ? self : nil
        }
    }
}
