// SPDX-License-Identifier: Apache-2.0

/// Martlet's key-value store, the one of its etcd API, by Redis's protocol: what
/// ``RedisCommands/kvPut(_:_:configure:)`` and its like take and answer. Redis and Valkey have no such commands.
public enum RedisKV {
    /// Keys: one, or those of a range.
    public struct Keys: Hashable, Sendable {
        enum Extent: Hashable, Sendable {
            case one
            case prefix
            case end([UInt8])
            case rest
        }

        let key: [UInt8]
        let extent: Extent

        public static func key(_ key: some RedisWord) -> Keys { Keys(key: key.redisBytes, extent: .one) }

        /// Keys that begin so; with an empty prefix all.
        public static func prefix(_ prefix: some RedisWord) -> Keys { Keys(key: prefix.redisBytes, extent: .prefix) }

        /// Keys from one on, below another.
        public static func range(_ first: some RedisWord, _ end: some RedisWord) -> Keys {
            Keys(key: first.redisBytes, extent: .end(end.redisBytes))
        }

        /// Keys from one on.
        public static func from(_ first: some RedisWord) -> Keys { Keys(key: first.redisBytes, extent: .rest) }

        var words: [[UInt8]] {
            switch extent {
            case .one: [key]
            case .prefix: [key, "PREFIX".redisBytes]
            case .end(let end): [key, "RANGE".redisBytes, end]
            case .rest: [key, "FROM".redisBytes]
            }
        }
    }

    /// A key, its value and how it came to be.
    public struct Record: Hashable, Sendable {
        public var key: [UInt8]
        /// Empty where keys alone were asked for.
        public var value: [UInt8]
        public var createRevision: Int64
        public var modRevision: Int64
        /// How often it was written since it was made.
        public var version: Int64
        /// 0: none.
        public var lease: Int64

        /// The value as text.
        public var text: String { String(decoding: value, as: UTF8.self) }

        init(_ value: RedisValue) throws(RedisError) {
            guard let key = value["key"]?.bytes, let content = value["value"]?.bytes,
                let createRevision = value["create_revision"]?.integer,
                let modRevision = value["mod_revision"]?.integer, let version = value["version"]?.integer
            else { throw .unexpected("KV.GET", value) }
            self.key = key
            self.value = content
            self.createRevision = createRevision
            self.modRevision = modRevision
            self.version = version
            lease = value["lease"]?.integer ?? 0
        }

        static func list(_ value: RedisValue?) throws(RedisError) -> [Record] {
            var records: [Record] = []
            for record in value?.elements ?? [] { records.append(try Record(record)) }
            return records
        }
    }

    // MARK: Options

    public struct PutOptions: Hashable, Sendable {
        /// The lease that the key ends with; 0: none.
        public var lease: Int64 = 0
        /// Whether what the key held is answered.
        public var returnsPrevious = false
        /// Whether the key, which must be there, keeps its value; the one that is given must be empty then.
        public var keepsValue = false
        /// Whether the key, which must be there, keeps its lease; none may be given then.
        public var keepsLease = false

        public init() {}

        var words: [[UInt8]] {
            var words: [[UInt8]] = []
            if lease != 0 { words += ["LEASE".redisBytes, lease.redisBytes] }
            if returnsPrevious { words.append("PREVKV".redisBytes) }
            if keepsValue { words.append("IGNOREVALUE".redisBytes) }
            if keepsLease { words.append("IGNORELEASE".redisBytes) }
            return words
        }
    }

    public struct GetOptions: Hashable, Sendable {
        /// Records at most; `nil`, and any more, is the server's own limit of 4096.
        public var limit: Int?
        /// As the store was then; `nil`: now.
        public var revision: Int64?
        /// By what records are sorted; `nil`: by their keys, upwards.
        public var order: Order?
        /// Whether values are left out.
        public var keysOnly = false
        /// Whether records are left out.
        public var countOnly = false
        public var minimumModRevision: Int64?
        public var maximumModRevision: Int64?
        public var minimumCreateRevision: Int64?
        public var maximumCreateRevision: Int64?

        public init() {}

        var words: [[UInt8]] {
            var words: [[UInt8]] = []
            let numbers: [(String, Int64?)] = [
                ("LIMIT", limit.map { Int64($0) }), ("REVISION", revision), ("MINMOD", minimumModRevision),
                ("MAXMOD", maximumModRevision), ("MINCREATE", minimumCreateRevision),
                ("MAXCREATE", maximumCreateRevision),
            ]
            for (name, number) in numbers {
                if let number { words += [name.redisBytes, number.redisBytes] }
            }
            if let order {
                words += ["SORT", order.property.rawValue, order.isDescending ? "DESC" : "ASC"].map { $0.redisBytes }
            }
            if keysOnly { words.append("KEYSONLY".redisBytes) }
            if countOnly { words.append("COUNTONLY".redisBytes) }
            return words
        }
    }

    /// An order of records.
    public struct Order: Hashable, Sendable {
        public enum Property: String, Hashable, Sendable {
            case key = "KEY"
            case version = "VERSION"
            case createRevision = "CREATE"
            case modRevision = "MOD"
            case value = "VALUE"
        }

        public var property: Property
        public var isDescending: Bool

        public init(_ property: Property, isDescending: Bool = false) {
            self.property = property
            self.isDescending = isDescending
        }
    }

    // MARK: Answers

    public struct PutResult: Hashable, Sendable {
        public var revision: Int64
        /// Where it was asked for, and there.
        public var previous: Record?

        /// - Throws: where it isn't a reply to `KV.PUT`.
        public init(_ reply: RedisValue) throws(RedisError) {
            revision = try reply.revision("KV.PUT")
            if let value = reply["prev_kv"] { previous = try Record(value) }
        }
    }

    public struct GetResult: Hashable, Sendable {
        public var revision: Int64
        public var records: [Record]
        /// Of the whole range, also where not all are among ``records``.
        public var count: Int
        /// Whether there are records beyond the limit.
        public var hasMore: Bool

        /// - Throws: where it isn't a reply to `KV.GET`.
        public init(_ reply: RedisValue) throws(RedisError) {
            revision = try reply.revision("KV.GET")
            guard let count = reply["count"]?.integer else { throw .unexpected("KV.GET", reply) }
            self.count = Int(clamping: count)
            hasMore = reply["more"]?.integer == 1
            records = try Record.list(reply["kvs"])
        }
    }

    public struct DeleteResult: Hashable, Sendable {
        public var revision: Int64
        public var deletedCount: Int
        /// Where it was asked for.
        public var previous: [Record]

        /// - Throws: where it isn't a reply to `KV.DEL`.
        public init(_ reply: RedisValue) throws(RedisError) {
            revision = try reply.revision("KV.DEL")
            guard let count = reply["deleted"]?.integer else { throw .unexpected("KV.DEL", reply) }
            deletedCount = Int(clamping: count)
            previous = try Record.list(reply["prev_kvs"])
        }
    }
}

extension RedisValue {
    func revision(_ command: String) throws(RedisError) -> Int64 {
        guard let revision = self["revision"]?.integer else { throw .unexpected(command, self) }
        return revision
    }
}
