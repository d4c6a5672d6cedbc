// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import MartletWireServices
internal import NIOCore
public import ServiceLifecycle
internal import UnixSignals

extension MicroService: Service {
    /// Listens, subscribes, registers and answers calls until the task is cancelled or its service group shuts down
    /// gracefully.
    ///
    /// Then, each step with a limit of its own: what was to run before the end runs; `grpc.health.v1` says that the
    /// service doesn't serve; it takes no more messages from its broker and leaves the registry; it goes on for a
    /// moment so that clients notice; connections are told to send no more calls, in the two steps of HTTP/2; calls and
    /// messages under way finish, and those that don't are cancelled; everything closes. No signal is handled here; see
    /// ``runService()``.
    public func run() async throws {
        let configuration = self.configuration
        let hooks = self.allHooks
        for hook in hooks.beforeStart { try await hook() }

        var clientConfiguration = configuration.client
        clientConfiguration.serviceName = clientConfiguration.serviceName ?? self.name
        clientConfiguration.broker = self.broker
        clientConfiguration.debugSpans = DebugSpans()
        let client = MicroClient(self.registry, clientConfiguration)
        let runtime = ServiceRuntime(self, client: client)
        var wireConfiguration = WireServerConfiguration()
        wireConfiguration.maximumMessageBytes = configuration.maximumMessageBytes
        wireConfiguration.maximumSentMessageBytes = configuration.maximumMessageBytes
        if let tls = configuration.tls {
            guard let tls = tls.server else {
                throw MicroError(.badRequest, "to listen encrypted a service needs a certificate and its key")
            }
            wireConfiguration.tls = tls
        }
        let health = HealthService()
        let local = self.local(runtime)
        let pipe = WireAddress.inProcess("node-\(NodeIdentity.uuid())")
        let server = try WireServer(
            router: try self.router(local, health), configuration: wireConfiguration, logger: configuration.logger)
        let monitor = HealthMonitor(
            checks: self.healthChecks, table: health.table, names: self.healthNames, state: runtime.health,
            logger: runtime.logger)
        var running = RunningService(runtime: runtime, server: server, client: client, health: health, monitor: monitor)
        do {
            let address = try WireAddress(registered: configuration.address)
            let bound = try await server.listen(at: address, for: self.name)
            running.record = self.record(node: self.node(at: address, bound: bound))
            if configuration.answersInProcess {
                _ = try await server.bind(pipe)
                running.local = LocalNode(running.record.nodes[0], pipe: pipe, local)
            }
            await monitor.start()
            running.subscriptions = try await self.subscribe(runtime)
        } catch is ShutdownCame {
            running.isCutShort = true
        } catch {
            monitor.stop()
            await server.close()
            await client.close()
            throw error
        }

        var failure: (any Error)?
        do {
            if !running.isCutShort { running.isCutShort = await !self.register(running.record, runtime.logger) }
            if !running.isCutShort {
                if let node = running.local { LocalNodes.enter(node) }
                for hook in hooks.afterStart { try await hook(running.record.nodes[0]) }
                try await gracefulShutdown()
            }
        } catch is CancellationError {
            // The normal end of a service whose task is cancelled.
        } catch {
            failure = error
        }

        // Leaving must not be cut short by the cancellation that brought us here, hence a task of its own.
        let ending = running
        await Task { await self.stop(ending, hooks) }.value
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

    private func subscribe(_ runtime: ServiceRuntime) async throws -> [any BrokerSubscription] {
        var subscriptions: [any BrokerSubscription] = []
        do {
            for subscriber in self.subscribers {
                let broker = self.broker
                try subscriber.options.check(broker, subscriber.topic, queue: subscriber.queue)
                // Brokers may register what subscribes, and wait for a registry that is away.
                let subscription = try await untilShutdown {
                    let subscription = try await broker.subscribe(
                        subscriber.topic, queue: subscriber.queue, options: subscriber.options
                    ) { await subscriber.outcome(of: $0, runtime, broker) }
                    guard Task.isCancelled else { return subscription }
                    // Nobody waits for it any more.
                    await subscription.end(limit: .zero)
                    throw CancellationError()
                }
                subscriptions.append(subscription)
            }
        } catch {
            for subscription in subscriptions { await subscription.end(limit: .zero) }
            throw error
        }
        return subscriptions
    }

    /// - Returns: Whether the service goes on: not when it was told to end before the registry had answered.
    private func register(_ record: ServiceRecord, _ logger: Logger) async -> Bool {
        let metadata: Logger.Metadata = ["node": "\(record.nodes[0].id)", "address": "\(record.nodes[0].address)"]
        do {
            try await untilShutdown { [registry = self.registry, options = self.configuration.registration] in
                try await registry.register(record, options: options)
            }
            logger.info("registered", metadata: metadata)
        } catch is ShutdownCame {
            logger.info("told to end before the registry answered", metadata: metadata)
            return false
        } catch {
            // The registry keeps trying; the service can be called by its address meanwhile.
            logger.warning("not registered yet", metadata: metadata.merging(["error": "\(error)"]) { $1 })
        }
        return true
    }
}

/// What a service has while it runs.
private struct RunningService: Sendable {
    let runtime: ServiceRuntime
    let server: WireServer
    let client: MicroClient
    let health: HealthService
    let monitor: HealthMonitor
    var local: LocalNode?
    var record = ServiceRecord(name: "", version: "", endpoints: [], nodes: [])
    var subscriptions: [any BrokerSubscription] = []
    /// The service was told to end before it had subscribed and its first registration was answered.
    var isCutShort = false
}

extension MicroService {
    /// The end of a service: every step has a limit, so that none keeps the next from coming.
    private func stop(_ running: RunningService, _ hooks: ServiceHooks) async {
        let configuration = self.configuration
        // A registry that hasn't answered yet is hardly going to now. Nobody may have heard of the node; if it was
        // written all the same, its lease ends it.
        let deregisterLimit =
            running.isCutShort
            ? min(configuration.deregisterLimit, Self.cutShortLimit) : configuration.deregisterLimit
        for hook in hooks.beforeStop { await self.step("before stop", configuration.hookLimit) { await hook() } }
        running.monitor.stop()
        running.health.table.shutDown()
        let subscriptions = running.subscriptions.map { subscription in
            Task { await subscription.end(limit: configuration.drainLimit) }
        }
        if let node = running.local { LocalNodes.leave(node) }
        await self.step("deregister", deregisterLimit) { [registry = self.registry] in
            try await registry.deregister(running.record)
        }
        try? await Task.sleep(for: configuration.drainDelay.sleepable)
        // Watches of health, and logs that are followed, never end by themselves and would hold up the drain.
        running.health.table.endWatches()
        running.runtime.log.endFollowing()
        async let localCalls: Void? = running.local?.drain(limit: configuration.drainLimit)
        await running.server.drain(limit: configuration.drainLimit)
        _ = await localCalls
        for subscription in subscriptions { await subscription.value }
        await running.server.close()
        await running.client.close()
        for hook in hooks.afterStop { await self.step("after stop", configuration.hookLimit) { await hook() } }
        configuration.logger.info("stopped")
    }

    /// How long leaving a registry may take that has not answered the first registration.
    private static let cutShortLimit = Duration.seconds(1)

    private func step(
        _ name: String, _ limit: Duration, _ body: @escaping @Sendable () async throws -> Void
    ) async {
        do {
            try await withTimeLimit(limit, body)
        } catch {
            self.configuration.logger.warning(
                "a step of the end failed", metadata: ["step": "\(name)", "error": "\(error)"])
        }
    }
}
