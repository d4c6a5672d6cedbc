// SPDX-License-Identifier: Apache-2.0

extension RedisKV {
    /// Compares keys, then reads and changes some, in one step: `KV.TXN`.
    ///
    /// ```swift
    /// var sale = RedisKV.Transaction()
    /// sale.conditions = [.value(of: "stock/tea", .equal, "12")]
    /// sale.then = [.put("stock/tea", "11")]
    /// sale.otherwise = [.get(.prefix("stock/"))]
    /// let result = try await redis.kvTransaction(sale)
    /// ```
    ///
    /// A key may be written once only; servers take up to 128 conditions and as many operations a branch.
    public struct Transaction: Hashable, Sendable {
        public var conditions: [Condition] = []
        /// What is done when all conditions hold, also when there are none.
        public var then: [Operation] = []
        /// What is done when one doesn't.
        public var otherwise: [Operation] = []

        public init() {}

        /// Counts stand in front of what they count, so that no key or value is taken for a word of another part.
        var words: [[UInt8]] {
            var words: [[UInt8]] = []
            if !conditions.isEmpty {
                words += ["IF".redisBytes, conditions.count.redisBytes] + conditions.flatMap(\.words)
            }
            for (name, operations) in [("THEN", then), ("ELSE", otherwise)] where !operations.isEmpty {
                words += [name.redisBytes, operations.count.redisBytes]
                for operation in operations { words += [operation.words.count.redisBytes] + operation.words }
            }
            return words
        }
    }

    /// What must be so of keys; of a range, for each key in it.
    public struct Condition: Hashable, Sendable {
        public enum Relation: String, Hashable, Sendable {
            case equal = "="
            case notEqual = "!="
            case less = "<"
            case greater = ">"
        }

        let words: [[UInt8]]

        private init(
            _ name: String, _ key: some RedisWord, _ end: [UInt8]?, _ relation: Relation, _ operand: [UInt8]
        ) {
            let range = end.map { ["RANGE".redisBytes, $0] } ?? []
            words = range + [name.redisBytes, key.redisBytes, relation.rawValue.redisBytes, operand]
        }

        /// - Parameter end: Where a range ends that begins with the key; `nil`: the key alone.
        public static func value(
            of key: some RedisWord, upTo end: [UInt8]? = nil, _ relation: Relation, _ value: some RedisWord
        ) -> Condition {
            Condition("VALUE", key, end, relation, value.redisBytes)
        }

        /// How often the key was written since it was made; 0: it isn't there.
        public static func version(
            of key: some RedisWord, upTo end: [UInt8]? = nil, _ relation: Relation, _ version: Int64
        ) -> Condition {
            Condition("VERSION", key, end, relation, version.redisBytes)
        }

        public static func createRevision(
            of key: some RedisWord, upTo end: [UInt8]? = nil, _ relation: Relation, _ revision: Int64
        ) -> Condition {
            Condition("CREATE", key, end, relation, revision.redisBytes)
        }

        public static func modRevision(
            of key: some RedisWord, upTo end: [UInt8]? = nil, _ relation: Relation, _ revision: Int64
        ) -> Condition {
            Condition("MOD", key, end, relation, revision.redisBytes)
        }

        public static func lease(
            of key: some RedisWord, upTo end: [UInt8]? = nil, _ relation: Relation, _ lease: Int64
        ) -> Condition {
            Condition("LEASE", key, end, relation, lease.redisBytes)
        }
    }

    /// One operation of a transaction.
    public struct Operation: Hashable, Sendable {
        fileprivate indirect enum Kind: Hashable, Sendable {
            case put
            case get
            case delete
            case transaction(Transaction)
        }

        fileprivate let kind: Kind
        let words: [[UInt8]]

        public static func put(
            _ key: some RedisWord, _ value: some RedisWord, configure: (inout PutOptions) -> Void = { _ in }
        ) -> Operation {
            var options = PutOptions()
            configure(&options)
            return Operation(
                kind: .put, words: ["PUT".redisBytes, key.redisBytes, value.redisBytes] + options.words)
        }

        public static func get(_ keys: Keys, configure: (inout GetOptions) -> Void = { _ in }) -> Operation {
            var options = GetOptions()
            configure(&options)
            return Operation(kind: .get, words: ["GET".redisBytes] + keys.words + options.words)
        }

        public static func delete(_ keys: Keys, returnsPrevious: Bool = false) -> Operation {
            let options = returnsPrevious ? ["PREVKV".redisBytes] : []
            return Operation(kind: .delete, words: ["DEL".redisBytes] + keys.words + options)
        }

        /// Decides anew.
        public static func transaction(_ transaction: Transaction) -> Operation {
            Operation(kind: .transaction(transaction), words: ["TXN".redisBytes] + transaction.words)
        }
    }

    /// What one operation of a transaction answered.
    public enum OperationResult: Hashable, Sendable {
        case put(PutResult)
        case get(GetResult)
        case delete(DeleteResult)
        indirect case transaction(TransactionResult)
    }

    public struct TransactionResult: Hashable, Sendable {
        public var revision: Int64
        /// Whether all conditions held.
        public var succeeded: Bool
        /// Of the branch that was done, in the order of its operations.
        public var results: [OperationResult]

        /// - Throws: where it isn't a reply to this transaction.
        public init(_ reply: RedisValue, of transaction: Transaction) throws(RedisError) {
            revision = try reply.revision("KV.TXN")
            guard let succeeded = reply["succeeded"]?.integer, let replies = reply["responses"]?.elements else {
                throw .unexpected("KV.TXN", reply)
            }
            self.succeeded = succeeded == 1
            let operations = self.succeeded ? transaction.then : transaction.otherwise
            guard replies.count == operations.count else { throw .unexpected("KV.TXN", reply) }
            results = []
            for (operation, reply) in zip(operations, replies) {
                switch operation.kind {
                case .put: results.append(.put(try PutResult(reply)))
                case .get: results.append(.get(try GetResult(reply)))
                case .delete: results.append(.delete(try DeleteResult(reply)))
                case .transaction(let inner): results.append(.transaction(try TransactionResult(reply, of: inner)))
                }
            }
        }
    }
}
