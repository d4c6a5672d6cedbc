// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import MartletWireServices
internal import NIOCore
public import ServiceLifecycle
internal import UnixSignals

extension MicroService: Service {
    /// Listens, registers and answers calls until the task is cancelled or its service group shuts down gracefully.
    ///
    /// Then it leaves the registry, goes on for a moment so that clients notice, lets calls under way finish, and
    /// closes. No signal is handled here; see ``runService()``.
    public func run() async throws {
        let configuration = self.configuration
        let logger = configuration.logger
        try await configuration.beforeStart?()

        var clientConfiguration = configuration.client
        clientConfiguration.serviceName = clientConfiguration.serviceName ?? self.name
        let client = MicroClient(self.registry, clientConfiguration)
        let runtime = ServiceRuntime(
            name: self.name, logger: logger, interceptors: self.interceptors, codecs: configuration.codecs,
            client: client)
        var wireConfiguration = WireServerConfiguration()
        wireConfiguration.maximumMessageBytes = configuration.maximumMessageBytes
        wireConfiguration.maximumSentMessageBytes = configuration.maximumMessageBytes
        let health = HealthService()
        let server = try WireServer(
            router: self.router(runtime, health), configuration: wireConfiguration, logger: logger)
        let record: ServiceRecord
        do {
            let address = try WireAddress(registered: configuration.address)
            let bound = try await server.bind(address)
            record = self.record(node: self.node(at: address, bound: bound))
        } catch {
            await server.close()
            await client.close()
            throw error
        }

        var failure: (any Error)?
        do {
            await self.register(record)
            try await configuration.afterStart?(record.nodes[0])
            try await gracefulShutdown()
        } catch is CancellationError {
            // The normal end of a service whose task is cancelled.
        } catch {
            failure = error
        }

        // Leaving must not be cut short by the cancellation that brought us here, hence a task of its own.
        await Task { await self.stop(record, server, client, health) }.value
        if let failure { throw failure }
    }

    /// Runs the service until SIGTERM or SIGINT, and then ends it gracefully.
    public func runService() async throws {
        let group = ServiceGroup(
            services: [self], gracefulShutdownSignals: [.sigterm, .sigint], logger: self.configuration.logger)
        try await group.run()
    }

    private func node(at address: WireAddress, bound: SocketAddress) -> NodeRecord {
        let advertised: String
        if let given = self.configuration.advertisedAddress {
            advertised = given
        } else if case .hostPort(let host, _) = address.kind, let port = bound.port {
            let host = NodeIdentity.advertisedHost(host, interfaces: NodeIdentity.interfaces())
            advertised = WireAddress.hostPort(host, port).description
        } else {
            advertised = self.configuration.address
        }
        let id = self.configuration.nodeID ?? "\(self.name)-\(NodeIdentity.uuid())"
        return NodeRecord(id: id, address: advertised, metadata: self.nodeMetadata())
    }

    private func register(_ record: ServiceRecord) async {
        let metadata: Logger.Metadata = ["node": "\(record.nodes[0].id)", "address": "\(record.nodes[0].address)"]
        do {
            try await self.registry.register(record, options: self.configuration.registration)
            self.configuration.logger.info("registered", metadata: metadata)
        } catch {
            // The registry keeps trying; the service can be called by its address meanwhile.
            self.configuration.logger.warning(
                "not registered yet", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
    }

    private func stop(
        _ record: ServiceRecord, _ server: WireServer, _ client: MicroClient, _ health: HealthService
    ) async {
        let configuration = self.configuration
        await configuration.beforeStop?()
        health.table.shutDown()
        do {
            try await self.registry.deregister(record)
        } catch {
            configuration.logger.warning("not deregistered", metadata: ["error": "\(error)"])
        }
        try? await Task.sleep(for: configuration.drainDelay)
        // Watches of health never end by themselves and would hold up the drain.
        health.table.endWatches()
        await server.drain(limit: configuration.drainLimit)
        await server.close()
        await client.close()
        await configuration.afterStop?()
        configuration.logger.info("stopped")
    }
}
