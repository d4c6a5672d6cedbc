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
    mutating func remove(_ client: Session) {
        for channel in client.channels { unsubscribe(client.id, channel) }
        for pattern in client.patterns { unsubscribe(client.id, pattern: pattern) }
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

extension ClientHub {
    func deliver(_ channel: [UInt8], _ message: [UInt8]) { publish(channel, message) }

    /// Sends a message to those who listen here; to how many.
    @discardableResult
    func publish(_ channel: [UInt8], _ message: [UInt8]) -> Int {
        var count = 0
        for client in subscriptions.listeners(of: channel) {
            guard let connection = connections[client] else { continue }
            var writer = ReplyWriter(isRESP3: connection.session.isRESP3)
            writer.push(3)
            writer.bulk("message")
            writer.bulk(channel)
            writer.bulk(message)
            connection.push(writer.bytes)
            count += 1
        }
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

    func subscribe(_ arguments: Arguments, _ connection: RESPConnection, isPattern: Bool, _ reply: inout ReplyWriter) {
        for index in 1..<arguments.count {
            let name = arguments.array(index)
            if isPattern {
                if connection.session.patterns.insert(name) {
                    subscriptions.subscribe(connection.session.id, pattern: name)
                }
            } else if connection.session.channels.insert(name) {
                subscriptions.subscribe(connection.session.id, name)
            }
            confirm(isPattern ? "psubscribe" : "subscribe", name, connection, &reply)
        }
    }

    func unsubscribe(
        _ arguments: Arguments, _ connection: RESPConnection, isPattern: Bool, _ reply: inout ReplyWriter
    ) {
        var names = (1..<max(arguments.count, 1)).map { arguments.array($0) }
        if names.isEmpty { names = Array(isPattern ? connection.session.patterns : connection.session.channels) }
        let kind: StaticString = isPattern ? "punsubscribe" : "unsubscribe"
        if names.isEmpty { return confirm(kind, nil, connection, &reply) }
        for name in names {
            if isPattern {
                if connection.session.patterns.remove(name) {
                    subscriptions.unsubscribe(connection.session.id, pattern: name)
                }
            } else if connection.session.channels.remove(name) {
                subscriptions.unsubscribe(connection.session.id, name)
            }
            confirm(kind, name, connection, &reply)
        }
    }

    private func confirm(
        _ kind: StaticString, _ name: [UInt8]?, _ connection: RESPConnection, _ reply: inout ReplyWriter
    ) {
        reply.push(3)
        reply.bulk(kind)
        if let name { reply.bulk(name) } else { reply.null() }
        reply.integer(connection.session.channels.count + connection.session.patterns.count)
    }

    func pubsub(_ entry: CommandEntry, _ arguments: Arguments, _ reply: inout ReplyWriter) {
        switch entry.name {
        case "pubsub|channels":
            let names = subscriptions.channelNames(matching: arguments.count > 2 ? arguments[2] : nil)
            reply.array(names.count)
            for name in names { reply.bulk(name) }
        case "pubsub|numsub":
            reply.map(arguments.count - 2)
            for index in 2..<max(arguments.count, 2) {
                reply.bulk(arguments[index])
                reply.integer(subscriptions.listeners(of: arguments.array(index)).count)
            }
        default: reply.integer(subscriptions.patternCount)
        }
    }
}
