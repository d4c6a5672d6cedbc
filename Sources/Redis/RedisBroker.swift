// SPDX-License-Identifier: Apache-2.0

internal import Logging
public import Martlet
public import MartletRedisClient
internal import Synchronization

/// A broker that keeps messages: a topic is a stream, a queue is a group of it, in Martlet's own server or in Redis.
///
/// - A queue keeps its place while nobody subscribes to it, also over restarts. It begins with what is published after
///   its first subscriber came.
/// - A message is acknowledged when its subscriber returned. What a subscriber fails at comes again after a pause; what
///   one had that died is taken over by another of its queue. How often a message was delivered is the server's count,
///   so that one that every process dies of is given up as well.
/// - A subscription without a queue gets what is published while it is there.
/// - What is given up becomes a dead letter in one step with its acknowledgement, so that it is there once: whoever
///   ends in between. On Martlet the server counts and buries as well, without any subscriber.
/// - What is published is as safe as the server keeps it: Martlet answers when it is on disk, of a majority in a
///   cluster.
/// - Messages may come later, end, be urgent or have an order (``BrokerMessage/Terms``), queues may do something of
///   themselves (``SubscriptionOptions/Queue``). Martlet has all of that. What another server lacks, such as Redis or
///   Valkey, is refused with code 501 and a sentence: what concerns a message when it is published, the rest when the
///   service starts. A queue goes on with what it was told until a subscriber tells it something else.
public final class RedisBroker: MessageBroker {
    public struct Configuration: Sendable {
        /// How to reach the server.
        public var client = RedisClient.Configuration()
        /// What stands in front of a topic in the stream's name.
        public var prefix = ""
        /// Which old messages go, of topics that ``topicRetention`` doesn't name.
        public var retention = Retention.handled(over: 100_000)
        /// How long a message is its subscriber's without a renewal; what one that died leaves is claimed by others
        /// after this time.
        public var claimAfter = Duration.seconds(30)
        /// Between two looks at what others may have left.
        public var claimInterval = Duration.seconds(1)
        /// What topics keep, by their names: the server sees to it of itself, when something comes and as time goes by.
        /// It is told when this broker first subscribes or publishes to the topic. Martlet's own server alone.
        public var topicRetention: [String: RedisRetention] = [:]
        /// How long a message stays, handled or not, unless its ``BrokerMessage/Terms/timeToLive`` says otherwise;
        /// `nil`: as ``retention`` says. Martlet's own server alone.
        public var messageLifetime: Duration?
        /// A header: of messages with the same value in it every queue handles one at a time, in order, others beside.
        /// Also where ``BrokerMessage/Terms/orderingKey`` goes, instead of `Micro-Ordering-Key`. Martlet's own server
        /// alone; it can be changed only while nothing of a queue is in hand.
        public var orderHeader: String?
        /// A header with a number from 0 to 9 in it: every queue handles what is more urgent first. What has no such
        /// number has its ``BrokerMessage/Terms/priority``. Martlet's own server alone; goes not with ``orderHeader``.
        public var priorityHeader: String?

        public init() {}
    }

    /// Which of a topic's old messages go, as new ones come.
    public enum Retention: Sendable, Hashable {
        /// None.
        case everything
        /// Those beyond about so many that all queues have handled. Servers that can't tell (Redis before 8.2, Valkey)
        /// keep everything.
        case handled(over: Int)
        /// Those beyond about so many, **handled or not**.
        case length(Int)
    }

    let configuration: Configuration
    let logger: Logger
    private let client: Result<RedisClient, RedisError>
    /// Whether the server can tell what all queues have handled, as far as is known.
    let knowsHandled = Atomic(true)
    /// What is known of the server, and of topics.
    let known = Mutex(Known())

    struct Known {
        /// Whether it has what Martlet alone has; `nil`: it wasn't asked yet.
        var isMartlet: Bool?
        /// Topics that keep what ``Configuration/topicRetention`` says. As many as that names at most.
        var retainedTopics: Set<String> = []
        /// Messages that were published to come later.
        var delayedCount = 0
    }

    /// Makes a broker on servers, each `host:port` or a URL; none means `127.0.0.1:6379`.
    public convenience init(addresses: [String] = [], configure: (inout Configuration) -> Void = { _ in }) {
        var configuration = Configuration()
        if !addresses.isEmpty { configuration.client.addresses = addresses }
        configuration.client.logger = Logger(label: "martlet.broker")
        configure(&configuration)
        let client: Result<RedisClient, RedisError>
        do throws(RedisError) {
            client = .success(try RedisClient(configuration.client))
        } catch {
            // Told by the first message: a broker must be writable as `.redis(…)`.
            client = .failure(error)
        }
        self.init(client, configuration)
    }

    /// Makes a broker on a client that is there already.
    public convenience init(client: RedisClient, configure: (inout Configuration) -> Void = { _ in }) {
        var configuration = Configuration()
        configure(&configuration)
        self.init(.success(client), configuration)
    }

    private init(_ client: Result<RedisClient, RedisError>, _ configuration: Configuration) {
        self.client = client
        self.configuration = configuration
        logger = configuration.client.logger
    }

    public var name: String { "redis" }

    /// What Martlet has. Of a server that lacks it, it is refused where it is asked for.
    public var features: BrokerFeatures {
        [
            .delays, .lifetimes, .priorities, .ordering, .visibilityTimeouts, .filters, .idleLimits, .deadLetters,
        ]
    }

    func stream(_ topic: String) -> String { configuration.prefix + topic }

    func connected() throws(MicroError) -> RedisClient {
        do { return try client.get() } catch { throw MicroError(error) }
    }
}

extension MessageBroker where Self == RedisBroker {
    /// The broker on streams of Redis, or of Martlet's own server, at these addresses; none means `127.0.0.1:6379`.
    public static func redis(
        _ addresses: String..., configure: (inout RedisBroker.Configuration) -> Void = { _ in }
    ) -> RedisBroker {
        RedisBroker(addresses: addresses, configure: configure)
    }
}
