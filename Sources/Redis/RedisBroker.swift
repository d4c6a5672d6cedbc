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
/// - What is published is as safe as the server keeps it: Martlet answers when it is on disk, of a majority in a
///   cluster.
public final class RedisBroker: MessageBroker {
    public struct Configuration: Sendable {
        /// How to reach the server.
        public var client = RedisClient.Configuration()
        /// What stands in front of a topic in the stream's name.
        public var prefix = ""
        /// Which old messages go.
        public var retention = Retention.handled(over: 100_000)
        /// How long a message is its subscriber's without a renewal; what one that died leaves is claimed by others
        /// after this time.
        public var claimAfter = Duration.seconds(30)
        /// Between two looks at what others may have left.
        public var claimInterval = Duration.seconds(1)
        /// How long a message stays, handled or not; `nil`: as ``retention`` says. Martlet's own server alone.
        public var messageLifetime: Duration?
        /// A header: of messages with the same value in it a queue handles one at a time, in order, others beside.
        /// Martlet's own server alone; it can be changed only while nothing of a queue is in hand.
        public var orderHeader: String?
        /// A header with a number from 0 to 9 in it: a queue handles what is more urgent first. What has no such number
        /// has 0. Martlet's own server alone; goes not with ``orderHeader``.
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
    private let knowsHandled = Atomic(true)

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

    func stream(_ topic: String) -> String { configuration.prefix + topic }

    func connected() throws(MicroError) -> RedisClient {
        do { return try client.get() } catch { throw MicroError(error) }
    }

    // MARK: Publishing

    public func publish(_ message: BrokerMessage, to topic: String) async throws {
        let client = try connected()
        do {
            try await add(MessageFields.fields(of: message), priority(of: message), to: stream(topic), client)
        } catch let error as RedisError {
            throw MicroError(error)
        }
    }

    private func priority(of message: BrokerMessage) -> Int? {
        guard let header = configuration.priorityHeader, let text = message.headers[header] else { return nil }
        return Int(text).flatMap { 1...9 ~= $0 ? $0 : nil }
    }

    private func add(
        _ fields: [RedisField], _ priority: Int?, to stream: String, _ client: RedisClient
    ) async throws {
        do {
            try await client.xadd(stream, fields) {
                trimming(&$0)
                $0.priority = priority
            }
        } catch let error as RedisError where usesHandled && Self.concernsWords(error) {
            // An older server takes the word for an ID.
            try await client.xadd(stream, fields)
            knowsHandled.store(false, ordering: .relaxed)
        }
    }

    private var usesHandled: Bool {
        if case .handled = configuration.retention { knowsHandled.load(ordering: .relaxed) } else { false }
    }

    private static func concernsWords(_ error: RedisError) -> Bool {
        error.code == .server
            && (error.message.hasPrefix("ERR Invalid stream ID") || error.message.hasPrefix("ERR syntax error")
                || error.message.hasPrefix("ERR wrong number of arguments"))
    }

    private func trimming(_ options: inout RedisAddOptions) {
        options.timeToLive = configuration.messageLifetime
        switch configuration.retention {
        case .everything: break
        case .length(let count): options.trimming = .maximumLength(count)
        case .handled(let count):
            guard knowsHandled.load(ordering: .relaxed) else { return }
            options.trimming = .maximumLength(count)
            options.references = .acknowledged
        }
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

extension MicroError {
    /// What a publisher is told.
    init(_ error: RedisError) {
        let code: Code =
            switch error.code {
            case .overloaded, .noSpace: .tooManyRequests
            case .timeout: .timeout
            case .denied: .forbidden
            case .unavailable, .notReady, .closed, .uncertain: Code(rawValue: 503)
            case .invalidRequest, .wrongType: .badRequest
            case .notSupported: .notImplemented
            default: .internalServerError
            }
        self.init(code, error.message, id: "go.micro.broker")
    }
}

/// How a message is written into an entry: a field a header, in the order of their names, and the body in the last
/// field, which is called so. Whoever adds entries by hand needs the body alone.
enum MessageFields {
    static let body = "body"

    static func fields(of message: BrokerMessage) -> [RedisField] {
        var fields = message.headers.dictionary.sorted { $0.key < $1.key }.map { RedisField($0.key, $0.value) }
        fields.append(RedisField(Array(body.utf8), message.body))
        return fields
    }

    static func message(_ fields: [RedisField]) -> BrokerMessage {
        var headers = MessageHeaders()
        let bodyIndex = fields.lastIndex { $0.name.elementsEqual(body.utf8) }
        for (index, field) in fields.enumerated() where index != bodyIndex {
            headers[String(decoding: field.name, as: UTF8.self)] = String(decoding: field.value, as: UTF8.self)
        }
        return BrokerMessage(headers: headers, body: bodyIndex.map { fields[$0].value } ?? [])
    }
}
