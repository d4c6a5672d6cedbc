// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec

/// Who listens to which channels.
struct Subscriptions {
    /// Clients of a channel or pattern, in the order in which they came.
    private var channels: [[UInt8]: [UInt64]] = [:]
    private var patterns: [[UInt8]: [UInt64]] = [:]
    private var patternOrder = NamesInOrder()

    mutating func subscribe(_ client: UInt64, _ channel: [UInt8]) {
        channels[channel, default: []].append(client)
    }

    mutating func unsubscribe(_ client: UInt64, _ channel: [UInt8]) {
        channels[channel]?.removeAll { $0 == client }
        if channels[channel]?.isEmpty == true { channels[channel] = nil }
    }

    mutating func subscribe(_ client: UInt64, pattern: [UInt8]) {
        patterns[pattern, default: []].append(client)
        patternOrder.insert(pattern)
    }

    mutating func unsubscribe(_ client: UInt64, pattern: [UInt8]) {
        patterns[pattern]?.removeAll { $0 == client }
        guard patterns[pattern]?.isEmpty == true else { return }
        patterns[pattern] = nil
        patternOrder.remove(pattern)
    }

    /// Ends all that a client listens to.
    mutating func remove(_ client: UInt64, channels: NamesInOrder, patterns: NamesInOrder = NamesInOrder()) {
        for channel in channels { unsubscribe(client, channel) }
        for pattern in patterns { unsubscribe(client, pattern: pattern) }
    }

    func listeners(of channel: [UInt8]) -> [UInt64] { channels[channel] ?? [] }

    func patternListeners(of channel: [UInt8]) -> [(pattern: [UInt8], client: UInt64)] {
        patternOrder.flatMap { pattern in
            Glob.matches(pattern[...], channel[...]) ? (patterns[pattern] ?? []).map { (pattern, $0) } : []
        }
    }

    var channelCount: Int { channels.count }
    var patternCount: Int { patterns.count }

    /// In byte order.
    func channelNames(matching pattern: ArraySlice<UInt8>?) -> [[UInt8]] {
        channels.keys.filter { channel in pattern.map { Glob.matches($0, channel[...]) } ?? true }
            .sorted { $0.lexicographicallyPrecedes($1) }
    }
}

/// What clients subscribe to.
enum SubscriptionKind {
    case channel, pattern
    /// Of a namespace of its own, without patterns. In Redis's clusters its messages stay with a part of the nodes; all
    /// members here are one such part.
    case shard

    /// - Parameter command: one that subscribes, or the contrary.
    init(of command: CommandEntry) {
        switch command.name {
        case "psubscribe", "punsubscribe": self = .pattern
        case "ssubscribe", "sunsubscribe": self = .shard
        default: self = .channel
        }
    }

    /// What a client has subscribed to.
    var names: WritableKeyPath<Session, NamesInOrder> {
        switch self {
        case .channel: \.channels
        case .pattern: \.patterns
        case .shard: \.shardChannels
        }
    }

    /// Names what is said when somebody has subscribed.
    var beginning: StaticString {
        switch self {
        case .channel: "subscribe"
        case .pattern: "psubscribe"
        case .shard: "ssubscribe"
        }
    }

    var end: StaticString {
        switch self {
        case .channel: "unsubscribe"
        case .pattern: "punsubscribe"
        case .shard: "sunsubscribe"
        }
    }
}

extension ClientHub {
    func deliver(_ channel: [UInt8], _ message: [UInt8], isShard: Bool) {
        if isShard { publish(toShard: channel, message) } else { publish(channel, message) }
    }

    /// Sends a message to those who listen here; to how many.
    @discardableResult
    func publish(_ channel: [UInt8], _ message: [UInt8]) -> Int {
        var count = send("message", channel, message, to: subscriptions.listeners(of: channel))
        for (pattern, client) in subscriptions.patternListeners(of: channel) {
            guard let connection = connections[client] else { continue }
            var writer = ReplyWriter(isRESP3: connection.session.isRESP3)
            writer.push(4)
            writer.bulk("pmessage")
            writer.bulk(pattern)
            writer.bulk(channel)
            writer.bulk(message)
            connection.push(writer.bytes)
            count += 1
        }
        return count
    }

    /// The same, of a shard channel.
    @discardableResult
    func publish(toShard channel: [UInt8], _ message: [UInt8]) -> Int {
        send("smessage", channel, message, to: shardSubscriptions.listeners(of: channel))
    }

    private func send(_ kind: StaticString, _ channel: [UInt8], _ message: [UInt8], to clients: [UInt64]) -> Int {
        var count = 0
        for client in clients {
            guard let connection = connections[client] else { continue }
            var writer = ReplyWriter(isRESP3: connection.session.isRESP3)
            writer.push(3)
            writer.bulk(kind)
            writer.bulk(channel)
            writer.bulk(message)
            connection.push(writer.bytes)
            count += 1
        }
        return count
    }

    func subscribe(
        _ kind: SubscriptionKind, _ arguments: Arguments, _ connection: RESPConnection, _ reply: inout ReplyWriter
    ) {
        let client = connection.session.id
        for index in 1..<arguments.count {
            let name = arguments.array(index)
            if connection.session[keyPath: kind.names].insert(name) {
                switch kind {
                case .channel: subscriptions.subscribe(client, name)
                case .pattern: subscriptions.subscribe(client, pattern: name)
                case .shard: shardSubscriptions.subscribe(client, name)
                }
            }
            confirm(kind.beginning, name, kind, connection, &reply)
        }
    }

    func unsubscribe(
        _ kind: SubscriptionKind, _ arguments: Arguments, _ connection: RESPConnection, _ reply: inout ReplyWriter
    ) {
        let client = connection.session.id
        var names = (1..<max(arguments.count, 1)).map { arguments.array($0) }
        if names.isEmpty { names = Array(connection.session[keyPath: kind.names]) }
        if names.isEmpty { return confirm(kind.end, nil, kind, connection, &reply) }
        for name in names {
            if connection.session[keyPath: kind.names].remove(name) {
                switch kind {
                case .channel: subscriptions.unsubscribe(client, name)
                case .pattern: subscriptions.unsubscribe(client, pattern: name)
                case .shard: shardSubscriptions.unsubscribe(client, name)
                }
            }
            confirm(kind.end, name, kind, connection, &reply)
        }
    }

    /// Shard channels are counted apart.
    private func confirm(
        _ what: StaticString, _ name: [UInt8]?, _ kind: SubscriptionKind, _ connection: RESPConnection,
        _ reply: inout ReplyWriter
    ) {
        reply.push(3)
        reply.bulk(what)
        if let name { reply.bulk(name) } else { reply.null() }
        let session = connection.session
        reply.integer(
            kind == .shard ? session.shardChannels.count : session.channels.count + session.patterns.count)
    }

    func pubsub(_ entry: CommandEntry, _ arguments: Arguments, _ reply: inout ReplyWriter) {
        switch entry.name {
        case "pubsub|channels": tellChannels(of: subscriptions, arguments, &reply)
        case "pubsub|shardchannels": tellChannels(of: shardSubscriptions, arguments, &reply)
        case "pubsub|numsub": tellListeners(of: subscriptions, arguments, &reply)
        case "pubsub|shardnumsub": tellListeners(of: shardSubscriptions, arguments, &reply)
        default: reply.integer(subscriptions.patternCount)
        }
    }

    private func tellChannels(of subscriptions: Subscriptions, _ arguments: Arguments, _ reply: inout ReplyWriter) {
        let names = subscriptions.channelNames(matching: arguments.count > 2 ? arguments[2] : nil)
        reply.array(names.count)
        for name in names { reply.bulk(name) }
    }

    private func tellListeners(of subscriptions: Subscriptions, _ arguments: Arguments, _ reply: inout ReplyWriter) {
        reply.map(arguments.count - 2)
        for index in 2..<max(arguments.count, 2) {
            reply.bulk(arguments[index])
            reply.integer(subscriptions.listeners(of: arguments.array(index)).count)
        }
    }
}
