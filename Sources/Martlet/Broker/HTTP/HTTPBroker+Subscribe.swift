// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import NIOCore
internal import Synchronization

extension HTTPBroker {
    /// The server that messages come in by, and whom they are for.
    struct Listening {
        /// By the node id that posts name.
        var queues: [String: DeliveryQueue] = [:]
        var server: Task<(WireServer, String), any Error>?
    }

    public func subscribe(
        _ topic: String, queue: String?, options: SubscriptionOptions,
        _ deliver: @escaping @Sendable (BrokerDelivery) async -> DeliveryOutcome
    ) async throws -> any BrokerSubscription {
        try options.check(self, topic, queue: queue)
        let id = "\(topic)-\(NodeIdentity.uuid())"
        let deliveries = DeliveryQueue(topic: topic)
        let member = deliveries.join(concurrency: options.maximumConcurrentMessages, deliver)
        let starting = self.listening.withLock { listening in
            listening.queues[id] = deliveries
            let starting = listening.server ?? Task { try await self.listen() }
            listening.server = starting
            return starting
        }
        let subscription = Subscription(broker: self, deliveries: deliveries, member: member, id: id)
        do {
            let (_, address) = try await starting.value
            let record = Self.record(
                topic: topic, queue: queue, id: id, address: address,
                isSecure: self.configuration.tls?.server != nil)
            subscription.record.withLock { $0 = record }
            try await self.register(record)
            return subscription
        } catch {
            await deliveries.leave(member, limit: .zero)
            if let record = subscription.record.withLock({ $0 }) { await self.withdraw(record) }
            await self.forget(id)
            throw error
        }
    }

    /// Takes a record back whose registration was cancelled: the registry would go on with it. This task is cancelled,
    /// hence another one.
    private func withdraw(_ record: ServiceRecord) async {
        let registry = self.registry
        await Task { try? await withTimeLimit(Self.withdrawalLimit) { try await registry.deregister(record) } }.value
    }

    /// How long that may take: the registry hasn't answered before either.
    private static let withdrawalLimit = Duration.seconds(1)

    /// A subscription as go-micro registers it.
    package static func record(
        topic: String, queue: String?, id: String, address: String, isSecure: Bool = false
    ) -> ServiceRecord {
        let metadata = ["broker": "http", NodeRecord.secureKey: "\(isSecure)", "topic": topic]
        return ServiceRecord(
            name: self.serviceName, version: queue ?? self.broadcastVersion,
            nodes: [NodeRecord(id: id, address: address, metadata: metadata)])
    }

    private func register(_ record: ServiceRecord) async throws {
        do {
            try await self.registry.register(record, options: self.configuration.registration)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            // The registry keeps trying.
            self.configuration.logger.warning("subscription isn't registered yet", metadata: ["error": "\(error)"])
        }
    }

    private func listen() async throws -> (WireServer, String) {
        var wire = WireServerConfiguration()
        wire.maximumMessageBytes = self.configuration.maximumMessageBytes
        wire.tls = self.configuration.tls?.server
        wire.http1 = { [weak self] in self?.answer($0) ?? HTTP1Response(status: 503) }
        let server = try WireServer(
            router: GRPCRouter(), configuration: wire, logger: self.configuration.logger)
        do {
            let address = try WireAddress(registered: self.configuration.address)
            let bound = try await server.listen(at: address, for: Self.errorID)
            if let advertised = self.configuration.advertisedAddress { return (server, advertised) }
            guard case .hostPort(let host, _) = address.kind, let port = bound.port else {
                throw MicroError(.badRequest, "the HTTP broker listens on a host and a port", id: Self.errorID)
            }
            let advertised = NodeIdentity.advertisedHost(host, interfaces: NodeIdentity.interfaces())
            return (server, WireAddress.hostPort(advertised, port).description)
        } catch {
            await server.close()
            throw error
        }
    }

    /// Takes a subscription out, and closes the server behind the last one.
    fileprivate func forget(_ id: String) async {
        let server = self.listening.withLock { listening in
            listening.queues[id] = nil
            guard listening.queues.isEmpty else { return nil as Task<(WireServer, String), any Error>? }
            defer { listening.server = nil }
            return listening.server
        }
        if let server, let (server, _) = try? await server.value { await server.close() }
    }

    fileprivate final class Subscription: BrokerSubscription {
        let broker: HTTPBroker
        let deliveries: DeliveryQueue
        let member: UInt64
        let id: String
        let record = Mutex<ServiceRecord?>(nil)

        init(broker: HTTPBroker, deliveries: DeliveryQueue, member: UInt64, id: String) {
            self.broker = broker
            self.deliveries = deliveries
            self.member = member
            self.id = id
        }

        func end(limit: Duration) async {
            let end = ContinuousClock.now + limit
            if let record = self.record.withLock({ $0 }) {
                let registry = self.broker.registry
                try? await withTimeLimit(limit) { try await registry.deregister(record) }
                try? await Task.sleep(for: min(limit, self.broker.configuration.drainDelay).sleepable)
            }
            // What was taken was promised to its publisher: it is handled before the member leaves.
            await self.deliveries.finish(self.member, limit: max(.zero, end - .now))
            await self.broker.forget(self.id)
        }
    }
}

// MARK: - What publishers post

extension HTTPBroker {
    /// Answers a post in go-micro's words.
    func answer(_ request: HTTP1Request) -> HTTP1Response {
        let (path, id) = Self.target(request.uri)
        guard path == HTTPEnvelope.path else { return HTTP1Response(status: 404) }
        guard request.method == "POST" else {
            return Self.refusal(405, MicroError(.badRequest, "Method not allowed", id: Self.errorID))
        }
        let message: BrokerMessage
        do throws(HTTPEnvelope.Malformed) {
            message = try HTTPEnvelope.decode(request.body)
        } catch {
            let detail = "Error parsing request body: \(error.reason)"
            return Self.refusal(500, MicroError(.internalServerError, detail, id: Self.errorID))
        }
        // The wire bounds the envelope, in which a body is a third longer than it is.
        let maximum = self.configuration.maximumMessageBytes
        guard message.body.count <= maximum else {
            let detail = "message larger than max (\(message.body.count) vs. \(maximum))"
            return Self.refusal(Int(Self.tooLarge.rawValue), MicroError(Self.tooLarge, detail, id: Self.errorID))
        }
        guard message.headers[MessageHeaders.httpTopic] != nil else {
            return Self.refusal(500, MicroError(.internalServerError, "Topic not found", id: Self.errorID))
        }
        guard let deliveries = self.listening.withLock({ $0.queues[id] }) else {
            return Self.refusal(404, MicroError(.notFound, "no subscription \(id)", id: Self.errorID))
        }
        guard deliveries.offer(message) else {
            return Self.refusal(429, MicroError(.tooManyRequests, "too many messages wait", id: Self.errorID))
        }
        deliveries.pump()
        return HTTP1Response(status: 200)
    }

    private static func refusal(_ status: Int, _ error: MicroError) -> HTTP1Response {
        HTTP1Response(status: status, body: Array(error.jsonText.utf8))
    }

    /// The path of a request, and the `id` in its query.
    package static func target(_ uri: String) -> (path: String, id: String) {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let query = parts.count > 1 ? parts[1] : ""
        for pair in query.split(separator: "&") where pair.hasPrefix("id=") {
            return (String(parts[0]), PercentCoding.decode(String(pair.dropFirst("id=".count))))
        }
        return (String(parts[0]), "")
    }
}
