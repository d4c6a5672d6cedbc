// SPDX-License-Identifier: Apache-2.0

/// What `XINFO STREAM` tells. What a server doesn't know, it doesn't tell.
public struct RedisStreamInfo: Hashable, Sendable {
    public var length: Int
    public var lastID: RedisStreamID
    public var groupCount: Int
    public var firstEntry: RedisEntry?
    public var lastEntry: RedisEntry?
    /// Ever; Redis 7.0 and Martlet.
    public var entriesAdded: Int?
    public var maximumDeletedID: RedisStreamID?
    /// The whole reply.
    public var reply: RedisValue

    /// - Throws: where it isn't such a reply.
    package init(_ value: RedisValue) throws(RedisError) {
        guard value.pairs != nil, let length = value["length"]?.integer,
            let last = RedisStreamID(value["last-generated-id"])
        else { throw .unexpected("XINFO STREAM", value) }
        self.length = Int(clamping: length)
        lastID = last
        let groups = value["groups"]
        groupCount = groups?.integer.map { Int(clamping: $0) } ?? groups?.elements?.count ?? 0
        firstEntry = value["first-entry"].flatMap { RedisEntry($0) }
        lastEntry = value["last-entry"].flatMap { RedisEntry($0) }
        entriesAdded = value["entries-added"]?.integer.map { Int(clamping: $0) }
        maximumDeletedID = RedisStreamID(value["max-deleted-entry-id"])
        reply = value
    }
}

extension RedisStreamInfo {
    /// Entries that wait for their moment.
    public var delayedCount: Int { Int(clamping: reply["delayed"]?.integer ?? 0) }
    /// When the next of them comes, in milliseconds of the Unix clock.
    public var nextDelayed: Int64? { reply["delayed-next"]?.integer }
    /// Entries that end.
    public var endingCount: Int { Int(clamping: reply["ending"]?.integer ?? 0) }
    /// Entries that have a priority.
    public var prioritizedCount: Int { Int(clamping: reply["prioritized"]?.integer ?? 0) }
    /// Jobs that put entries into the stream.
    public var jobCount: Int { Int(clamping: reply["jobs"]?.integer ?? 0) }

    /// How long the stream keeps its entries, where it has been told so.
    public var retention: RedisRetention? {
        var retention = RedisRetention()
        retention.maximumAge = reply["retain-max-age"]?.integer.map { .milliseconds($0) }
        retention.maximumBytes = reply["retain-max-bytes"]?.integer.map { Int(clamping: $0) }
        retention.maximumCount = reply["retain-max-length"]?.integer.map { Int(clamping: $0) }
        retention.removesAcknowledged = reply["retain-acked"]?.integer == 1
        return retention == RedisRetention() ? nil : retention
    }
}

/// What `XINFO STREAM … FULL` tells.
public struct RedisStreamDetails: Hashable, Sendable {
    public struct Group: Hashable, Sendable {
        public var name: String
        public var lastDeliveredID: RedisStreamID
        public var entriesRead: Int?
        /// How many entries it has yet to be given; `nil` where the server can't tell.
        public var lag: Int?
        /// Of all, though ``pending`` may show fewer.
        public var pendingCount: Int
        public var pending: [Pending]
        public var consumers: [Consumer]
    }

    public struct Consumer: Hashable, Sendable {
        public var name: String
        /// Milliseconds of the Unix clock.
        public var seenAt: Int64
        public var activeAt: Int64?
        public var pendingCount: Int
        public var pending: [Pending]
    }

    public struct Pending: Hashable, Sendable {
        public var id: RedisStreamID
        /// `nil` where the consumer is the one it is listed under.
        public var consumer: String?
        /// Milliseconds of the Unix clock.
        public var deliveredAt: Int64
        public var deliveries: Int

        /// `[id, consumer, time, count]`, of one consumer without its name.
        init?(_ value: RedisValue) {
            guard let parts = value.elements, parts.count == 3 || parts.count == 4,
                let id = RedisStreamID(parts[0]), let time = parts[parts.count - 2].integer,
                let count = parts[parts.count - 1].integer
            else { return nil }
            self.id = id
            consumer = parts.count == 4 ? parts[1].text : nil
            deliveredAt = time
            deliveries = Int(clamping: count)
        }
    }

    public var info: RedisStreamInfo
    public var entries: [RedisEntry]
    public var groups: [Group]

    init(_ value: RedisValue) throws(RedisError) {
        func fail() -> RedisError { .unexpected("XINFO STREAM FULL", value) }
        info = try RedisStreamInfo(value)
        entries = try RedisEntry.list(value["entries"] ?? .null, "XINFO STREAM FULL")
        groups = []
        for group in value["groups"]?.elements ?? [] {
            guard let name = group["name"]?.text, let last = RedisStreamID(group["last-delivered-id"]) else {
                throw fail()
            }
            var consumers: [Consumer] = []
            for consumer in group["consumers"]?.elements ?? [] {
                guard let name = consumer["name"]?.text else { throw fail() }
                let pending = (consumer["pending"]?.elements ?? []).compactMap { Pending($0) }
                consumers.append(
                    Consumer(
                        name: name, seenAt: consumer["seen-time"]?.integer ?? 0,
                        activeAt: consumer["active-time"]?.integer.flatMap { $0 < 0 ? nil : $0 },
                        pendingCount: (consumer["pel-count"] ?? consumer["pending"])?.integer.map {
                            Int(clamping: $0)
                        } ?? pending.count,
                        pending: pending))
            }
            let pending = (group["pending"]?.elements ?? []).compactMap { Pending($0) }
            groups.append(
                Group(
                    name: name, lastDeliveredID: last, entriesRead: group["entries-read"]?.integer.map { Int($0) },
                    lag: group["lag"]?.integer.map { Int($0) },
                    pendingCount: group["pel-count"]?.integer.map { Int(clamping: $0) } ?? pending.count,
                    pending: pending, consumers: consumers))
        }
    }
}

/// What `XINFO GROUPS` tells of one group.
public struct RedisGroupInfo: Hashable, Sendable {
    public var name: String
    public var consumerCount: Int
    public var pendingCount: Int
    public var lastDeliveredID: RedisStreamID
    public var entriesRead: Int?
    /// How many entries it has yet to be given; `nil` where the server can't tell.
    public var lag: Int?
    /// What it does of itself; Martlet alone.
    public var policy: RedisGroupPolicy?
    /// Entries that wait behind others with their keys, of a group that has an order; Martlet alone.
    public var parkedCount: Int

    package init(_ value: RedisValue) throws(RedisError) {
        guard let name = value["name"]?.text, let last = RedisStreamID(value["last-delivered-id"]) else {
            throw .unexpected("XINFO GROUPS", value)
        }
        self.name = name
        consumerCount = Int(clamping: value["consumers"]?.integer ?? 0)
        pendingCount = Int(clamping: value["pending"]?.integer ?? 0)
        lastDeliveredID = last
        entriesRead = value["entries-read"]?.integer.map { Int($0) }
        lag = value["lag"]?.integer.map { Int($0) }
        policy = RedisGroupPolicy(value)
        parkedCount = Int(clamping: value["parked"]?.integer ?? 0)
    }
}

/// What `XINFO CONSUMERS` tells of one consumer.
public struct RedisConsumerInfo: Hashable, Sendable {
    public var name: String
    public var pendingCount: Int
    /// Since it last asked for something.
    public var idle: Duration
    /// Since it last got something; `nil` where it never did, or the server is older than 7.2.
    public var inactive: Duration?
}

extension RedisCommands {
    public func xinfoStream(_ key: some RedisWord) async throws -> RedisStreamInfo {
        try RedisStreamInfo(try await send(RedisCommand("XINFO", "STREAM", key).repeatable()))
    }

    /// - Parameter count: How many entries, and pending entries of each, are shown; 0 is all.
    public func xinfoStreamFull(_ key: some RedisWord, count: Int = 10) async throws -> RedisStreamDetails {
        let command = RedisCommand("XINFO", "STREAM", key, "FULL", "COUNT", count)
        return try RedisStreamDetails(try await send(command.repeatable()))
    }

    public func xinfoGroups(_ key: some RedisWord) async throws -> [RedisGroupInfo] {
        let reply = try await send(RedisCommand("XINFO", "GROUPS", key).repeatable())
        guard let values = reply.elements else { throw RedisError.unexpected("XINFO GROUPS", reply) }
        return try values.map { try RedisGroupInfo($0) }
    }

    public func xinfoConsumers(
        _ key: some RedisWord, _ group: some RedisWord
    ) async throws -> [RedisConsumerInfo] {
        let reply = try await send(RedisCommand("XINFO", "CONSUMERS", key, group).repeatable())
        guard let values = reply.elements else { throw RedisError.unexpected("XINFO CONSUMERS", reply) }
        return try values.map { value in
            guard let name = value["name"]?.text else { throw RedisError.unexpected("XINFO CONSUMERS", value) }
            return RedisConsumerInfo(
                name: name, pendingCount: Int(clamping: value["pending"]?.integer ?? 0),
                idle: .milliseconds(value["idle"]?.integer ?? 0),
                inactive: value["inactive"]?.integer.flatMap { $0 < 0 ? nil : .milliseconds($0) })
        }
    }
}
