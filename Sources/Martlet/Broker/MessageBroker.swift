// SPDX-License-Identifier: Apache-2.0

/// Carries messages from whoever publishes to whoever subscribes, by topic.
///
/// A broker may lose messages when it ends, as the one in memory does, or keep them. In all of them:
///
/// - Every subscription without a queue gets every message. Those of one queue share its messages.
/// - A message is delivered until the subscriber says that it is done with it: at least once, where it is kept.
/// - Nothing waits without a limit: a broker that can't take a message says so to its publisher.
public protocol MessageBroker: Sendable {
    /// What the registry says of nodes that use the broker: `memory`, `http`.
    var name: String { get }

    /// What it can do beside handing messages over at once; nothing, unless it says so. The framework refuses whatever
    /// asks for more.
    var features: BrokerFeatures { get }

    /// Hands a message over. On return it is the broker's: in memory, or as safe as the broker keeps it.
    ///
    /// - Throws: ``MicroError``; code 429 while the broker can't take more.
    func publish(_ message: BrokerMessage, to topic: String) async throws

    /// Delivers the messages of a topic from now on; on return the subscription is known to publishers as fast as the
    /// broker tells them.
    ///
    /// - Parameters:
    ///   - topic: The topic.
    ///   - queue: The group that shares the messages; `nil` gets all of them.
    ///   - options: How they are delivered.
    ///   - deliver: Handles one message, and returns what becomes of it. It runs as often at once as the options say.
    func subscribe(
        _ topic: String, queue: String?, options: SubscriptionOptions,
        _ deliver: @escaping @Sendable (BrokerDelivery) async -> DeliveryOutcome
    ) async throws -> any BrokerSubscription
}

/// Messages that come until they are no longer wanted.
public protocol BrokerSubscription: Sendable {
    /// Takes no more messages, waits for those that are being handled, at most so long, and cancels what is left.
    func end(limit: Duration) async
}

/// A message as brokers carry it: bytes and what is said about them.
public struct BrokerMessage: Sendable, Hashable {
    /// What is said about the message, in go-micro's words; see ``MessageHeaders``.
    public var headers: MessageHeaders
    /// The message itself, in the format that `Content-Type` names.
    public var body: [UInt8]
    /// When it comes, and so on. Said by who publishes; who subscribes isn't told.
    public var terms: Terms

    public init(headers: MessageHeaders = [:], body: [UInt8], terms: Terms = Terms()) {
        self.headers = headers
        self.body = body
        self.terms = terms
    }

    /// Names the message among all; empty where its publisher gave it no id.
    public var id: String { self.headers[MessageHeaders.id] ?? "" }
}

/// A message on its way to one subscriber.
public struct BrokerDelivery: Sendable {
    public let topic: String
    public let message: BrokerMessage
    /// How often the message has been delivered to this queue or subscription, this time included.
    public let deliveryCount: Int

    public init(topic: String, message: BrokerMessage, deliveryCount: Int) {
        self.topic = topic
        self.message = message
        self.deliveryCount = deliveryCount
    }
}

/// What becomes of a message that was delivered.
public enum DeliveryOutcome: Sendable, Hashable {
    /// It is done: it won't come again.
    case acknowledge
    /// It is to come again, to this subscriber or another of its queue, after a while.
    case redeliver(after: Duration)
    /// It is given up: it won't come again, though nobody has handled it.
    case discard
    /// It is given up, and the broker puts it into the dead-letter topic of the options, in one step with what has it
    /// come no more. Only of a queue whose broker has ``BrokerFeatures/deadLetters``.
    case bury(reason: String)
}

/// How the messages of a subscription are delivered.
public struct SubscriptionOptions: Sendable, Hashable {
    /// How many messages are handled at once. With 1 they are handled in order, as long as none comes again.
    public var maximumConcurrentMessages = 16

    /// How often a message is delivered before it is given up.
    public var maximumDeliveries = 5

    /// The pause before a message comes again: this after the first failure, twice as long after each further one.
    public var redeliveryDelay = Duration.milliseconds(100)

    /// The longest such pause.
    public var maximumRedeliveryDelay = Duration.seconds(30)

    /// Where messages go that are given up; `nil` drops them, and says so in the log.
    public var deadLetterTopic: String?

    /// What the queue does of itself.
    public var queue = Queue()

    public init() {}

    /// The pause behind a delivery that failed.
    package func pause(afterDelivery count: Int) -> Duration {
        // More doublings than this are beyond any maximum that makes sense, and would overflow.
        let doublings = min(max(count - 1, 0), 30)
        return min(self.redeliveryDelay * (1 << doublings), self.maximumRedeliveryDelay)
    }
}
