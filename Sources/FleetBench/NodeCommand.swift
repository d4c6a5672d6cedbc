// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import Martlet
import MartletEtcd
import NIOCore
import ServiceLifecycle
import UnixSignals

/// Nodes of the service, until SIGTERM or SIGINT. Each says when it has tried to register:
/// `listening on PORT as ID at NANOSECONDS`, by the system's monotonic clock.
struct NodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "node", abstract: "Nodes of the service.")

    @Option(help: "The registry's store, host:port; without it nobody hears of the nodes.")
    var store: String?

    @Option(help: "How many nodes this process is.")
    var count = 1

    @Option(help: "Seconds that a record outlives its node.")
    var timeToLive = 15.0

    @Option(help: "Seconds between two refreshes of a record.")
    var interval = 5.0

    @Flag(help: "End with the standard input, which a parent holds open.")
    var followInput = false

    mutating func run() async throws {
        if self.followInput { endWithInput() }
        let registration = RegistrationOptions(ttl: .seconds(self.timeToLive), interval: .seconds(self.interval))
        let services = (0..<self.count).map { number in
            let id = "\(FleetService.name)-\(UUID().uuidString)"
            var service =
                if let store { FleetService.make(.etcd(store), id: id) } else {
                    FleetService.make(InMemoryRegistry(), id: id)
                }
            service.configuration.registration = registration
            service.configuration.afterStart = { node in
                let port = node.address.split(separator: ":").last ?? ""
                say("listening on \(port) as \(id) at \(NIODeadline.now().uptimeNanoseconds)")
            }
            return service
        }
        var logger = Logger(label: "fleet")
        logger.logLevel = .error
        let group = ServiceGroup(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await group.run()
    }
}

/// Ends this process when its standard input ends: then its parent is gone, however that died.
private func endWithInput() {
    Thread.detachNewThread {
        while readLine() != nil {}
        exit(0)
    }
}
