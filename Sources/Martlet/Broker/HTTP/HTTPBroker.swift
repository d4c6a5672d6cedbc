// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import Synchronization

/// go-micro's HTTP broker, so that Go and Swift services hear each other: every subscription is a node in the registry,
/// and whoever publishes posts the message to it.
///
/// Nothing is kept anywhere but in the memory of subscribers: a message is safe from the loss of its publisher once
/// ``publish(_:to:)`` has returned, and lost when its subscriber's process ends. Each subscription holds at most 10,000
/// messages and 64 MiB that wait; a node above that answers 429, and another of its queue is tried.
///
/// Other than go-micro's, a publisher is told when no node of a queue took its message, subscribers handle a message
/// again that failed, and a subscriber that leaves goes on for a moment until publishers know.
public final class HTTPBroker: MessageBroker {
    /// How a broker listens, registers and posts.
    public struct Configuration: Sendable {
        /// Where messages come in: `host:port`. Port 0 lets the system choose. Nothing listens before the first
        /// subscription.
        public var address = "0.0.0.0:0"
        /// The `host:port` that is registered, if it isn't where the broker listens.
        public var advertisedAddress: String?
        /// How subscriptions are registered. The default is go-micro's.
        public var registration = RegistrationOptions(ttl: .seconds(60), interval: .seconds(30))
        /// How long one post may take.
        public var postTimeout = Duration.seconds(5)
        /// The largest message that is taken; a larger one is refused, and so is an envelope of twice this size.
        public var maximumMessageBytes = 4 << 20
        /// How long a subscription goes on after it has left the registry, so that publishers learn of it.
        public var drainDelay = Duration.milliseconds(250)
        /// Certificates; `nil` takes messages in without encryption.
        ///
        /// Messages go out encrypted to each subscription whose record says `secure`, whatever is set here: the
        /// certificates of those are checked against ``MicroTLS/trustRootsFile``.
        public var tls: MicroTLS?
        /// Where the broker says what it does.
        public var logger = Logger(label: "martlet.broker")

        public init() {}
    }

    /// Under this name subscriptions are registered. Source: go-micro, broker/http.
    package static let serviceName = "go.micro.http.broker"
    /// The version of a subscription that shares its messages with nobody; otherwise it is the queue's name.
    package static let broadcastVersion = "ff.http.broadcast"
    /// The id of errors that the broker finds by itself.
    static let errorID = "go.micro.broker"
    /// A message is larger than its subscriber takes; go-micro has no name for it. Source: RFC 9110 §15.5.14.
    static let tooLarge = MicroError.Code(rawValue: 413)

    let registry: any ServiceRegistry
    let configuration: Configuration
    let poster: HTTPPoster
    let directory: SubscriberDirectory
    let listening = Mutex(Listening())

    /// Makes a broker; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - registry: Where subscriptions are registered and found.
    ///   - configure: Changes the configuration.
    public init(registry: some ServiceRegistry, configure: (inout Configuration) -> Void = { _ in }) {
        var configuration = Configuration()
        configure(&configuration)
        self.registry = registry
        self.configuration = configuration
        self.poster = HTTPPoster(timeout: configuration.postTimeout, tls: configuration.tls ?? MicroTLS())
        self.directory = SubscriberDirectory(registry: registry, logger: configuration.logger)
    }

    public var name: String { "http" }

    /// Posts a message to every subscription without a queue, and to one of each queue.
    ///
    /// - Throws: ``MicroError``: code 503 when no node of a queue took it, 429 when all of them were full, 413 when it
    ///   is larger than they take. What a subscription without a queue doesn't take is lost to it, and logged.
    public func publish(_ message: BrokerMessage, to topic: String) async throws {
        try message.terms.check(self, topic)
        var message = message
        message.headers[MessageHeaders.httpTopic] = topic
        let body = HTTPEnvelope.encode(message)
        let targets = try await self.directory.targets(of: topic)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for node in targets.broadcast { group.addTask { await self.post(body, toAnyhow: node) } }
            for (queue, nodes) in targets.queues {
                group.addTask { try await self.post(body, toOneOf: nodes, queue) }
            }
            try await group.waitForAll()
        }
    }

    private func post(_ body: [UInt8], toAnyhow node: NodeRecord) async {
        do {
            let status = try await self.poster.post(body, to: node)
            if status != 200 {
                self.configuration.logger.warning(
                    "a subscriber refused a message", metadata: ["node": "\(node.id)", "status": "\(status)"])
            }
        } catch {
            self.configuration.logger.warning(
                "a subscriber can't be reached", metadata: ["node": "\(node.id)", "error": "\(error)"])
        }
    }

    private func post(_ body: [UInt8], toOneOf nodes: [NodeRecord], _ queue: String) async throws {
        var isFull = false
        var isTooLarge = false
        for node in nodes {
            do {
                let status = try await self.poster.post(body, to: node)
                if status == 200 { return }
                isFull = isFull || status == 429
                isTooLarge = isTooLarge || status == UInt(Self.tooLarge.rawValue)
            } catch {
                try Task.checkCancellation()
                self.configuration.logger.info(
                    "a subscriber can't be reached", metadata: ["node": "\(node.id)", "error": "\(error)"])
            }
        }
        if isFull { throw MicroError(.tooManyRequests, "queue \(queue) is full", id: Self.errorID) }
        if isTooLarge { throw MicroError(Self.tooLarge, "queue \(queue) takes no message so large", id: Self.errorID) }
        throw MicroError(.unavailable, "no node of queue \(queue) took the message", id: Self.errorID)
    }
}

extension MessageBroker where Self == HTTPBroker {
    /// go-micro's HTTP broker, over this registry.
    public static func http(
        registry: some ServiceRegistry, configure: (inout HTTPBroker.Configuration) -> Void = { _ in }
    ) -> HTTPBroker {
        HTTPBroker(registry: registry, configure: configure)
    }
}
