// SPDX-License-Identifier: Apache-2.0

internal import MartletBasics
internal import MartletEtcdAPI
internal import SwiftProtobuf

extension StoreTransaction {
    /// The operations of one outcome, in the order in which they are done.
    public struct Branch: Sendable {
        private(set) var operations: [Operation] = []
        /// Of those that are encoded, and some more for each.
        private(set) var byteCount = 0
        private let isThen: Bool

        init(isThen: Bool) { self.isThen = isThen }

        /// A `martlet.v1.Operation`. Most are written as bytes at once, field by field: generated messages would hold
        /// each name and value in an object of its own, and be walked twice.
        enum Operation: Sendable {
            case bytes([UInt8])
            case range(Etcdserverpb_RangeRequest)
            case transaction(StoreTransaction)

            func encoded() throws -> [UInt8] {
                var bytes: [UInt8] = []
                switch self {
                case .bytes(let encoded): return encoded
                case .range(let request): bytes.append(choice: 1, bytes: try request.serializedBytes())
                case .transaction(let inner): bytes.append(choice: 4, bytes: try inner.encoded())
                }
                return bytes
            }
        }

        private mutating func add<Result>(_ operation: Operation) -> Handle<Result> {
            // Two together are what it is for.
            if operations.isEmpty { operations.reserveCapacity(2) }
            operations.append(operation)
            return Handle(isThen: isThen, position: operations.count - 1)
        }

        /// - Parameters:
        ///   - choice: Which operation it is.
        ///   - contentCount: Bytes of its names and values, about.
        private mutating func add<Result>(
            _ choice: UInt64, contentCount: Int, _ encode: (inout [UInt8]) -> Void
        ) -> Handle<Result> {
            var bytes: [UInt8] = []
            bytes.reserveCapacity(contentCount + Self.framingBytes)
            bytes.append(choice: choice, encode)
            byteCount += bytes.count + Self.framingBytes
            return add(.bytes(bytes))
        }

        /// Tags and lengths of an operation of a few fields.
        private static let framingBytes = 32

        // MARK: Keys

        /// Reads keys, with what this transaction wrote before.
        @discardableResult
        public mutating func get(
            _ keys: EtcdKeyRange, configure: (inout EtcdGetOptions) -> Void = { _ in }
        ) -> Handle<EtcdGetResult> {
            var options = EtcdGetOptions()
            configure(&options)
            return add(.range(EtcdOperation.range(keys, options)))
        }

        /// Writes a key.
        @discardableResult
        public mutating func put(
            _ key: some Sequence<UInt8>, _ value: some Sequence<UInt8>, lease: EtcdLeaseID = .none,
            keepingLease: Bool = false, returningPrevious: Bool = false
        ) -> Handle<EtcdPutResult> {
            let (name, content) = ([UInt8](key), [UInt8](value))
            return add(2, contentCount: name.count + content.count) { put in
                put.append(field: 1, bytes: name)
                put.append(field: 2, bytes: content)
                put.append(field: 3, signed: lease.rawValue)
                put.append(field: 4, flag: returningPrevious)
                put.append(field: 6, flag: keepingLease)
            }
        }

        /// Writes a key, both as text.
        @discardableResult
        public mutating func put(
            _ key: String, _ value: String, lease: EtcdLeaseID = .none, keepingLease: Bool = false,
            returningPrevious: Bool = false
        ) -> Handle<EtcdPutResult> {
            put(key.utf8, value.utf8, lease: lease, keepingLease: keepingLease, returningPrevious: returningPrevious)
        }

        /// Writes a typed key.
        ///
        /// - Throws: what the value throws when it is encoded.
        @discardableResult
        public mutating func put<Value>(
            _ key: StoreKey<Value>, _ value: Value, lease: EtcdLeaseID = .none
        ) throws -> Handle<EtcdPutResult> {
            put(key.name.utf8, try key.bytes(of: value), lease: lease)
        }

        /// Deletes keys.
        @discardableResult
        public mutating func delete(
            _ keys: EtcdKeyRange, returningPrevious: Bool = false
        ) -> Handle<EtcdDeleteResult> {
            add(3, contentCount: keys.key.count + keys.end.count) { delete in
                delete.append(field: 1, bytes: keys.key)
                delete.append(field: 2, bytes: keys.end)
                delete.append(field: 3, flag: returningPrevious)
            }
        }

        // MARK: Streams

        /// Adds an entry.
        ///
        /// - Parameters:
        ///   - fields: At least one.
        ///   - id: Above the last one; without it the store gives one.
        ///   - mustExist: Whether the transaction is refused if the stream doesn't exist.
        @discardableResult
        public mutating func append(
            _ fields: [RedisField], to stream: String, id: RedisStreamID? = nil, mustExist: Bool = false
        ) -> Handle<RedisStreamID> {
            let contentCount = fields.reduce(stream.utf8.count) { $0 + $1.name.count + $1.value.count + 8 }
            return add(5, contentCount: contentCount) { append in
                append.append(field: 1, bytes: Array(stream.utf8))
                for field in fields {
                    append.append(choice: 2) { pair in
                        pair.append(field: 1, bytes: field.name)
                        pair.append(field: 2, bytes: field.value)
                    }
                }
                if let id { append.append(field: 3, id) }
                append.append(field: 4, flag: mustExist)
            }
        }

        /// Adds a message to a typed stream.
        ///
        /// - Throws: what the message throws when it is encoded.
        @discardableResult
        public mutating func append<Message>(
            _ message: Message, to stream: StoreStream<Message>
        ) throws -> Handle<RedisStreamID> {
            append([RedisField(Array(StoreStream<Message>.field.utf8), try stream.bytes(of: message))], to: stream.name)
        }

        /// Takes entries off a group's list of what is pending; the group must exist.
        @discardableResult
        public mutating func acknowledge(
            _ ids: [RedisStreamID], of stream: String, group: String
        ) -> Handle<Int> {
            add(6, contentCount: stream.utf8.count + group.utf8.count + Self.idBytes * ids.count) { acknowledge in
                acknowledge.append(field: 1, bytes: Array(stream.utf8))
                acknowledge.append(field: 2, bytes: Array(group.utf8))
                for id in ids { acknowledge.append(field: 3, id) }
            }
        }

        /// Gives pending entries back to their group, which must exist.
        @discardableResult
        public mutating func negativelyAcknowledge(
            _ ids: [RedisStreamID], of stream: String, group: String, countsDelivery: Bool = true
        ) -> Handle<Int> {
            let mode = countsDelivery ? Martlet_V1_NegativeAcknowledge.Mode.fail : .silent
            return add(7, contentCount: stream.utf8.count + group.utf8.count + Self.idBytes * ids.count) { release in
                release.append(field: 1, bytes: Array(stream.utf8))
                release.append(field: 2, bytes: Array(group.utf8))
                for id in ids { release.append(field: 3, id) }
                release.append(field: 4, number: UInt64(mode.rawValue))
            }
        }

        /// Takes entries away from the beginning of a stream, until so many are left.
        @discardableResult
        public mutating func trim(
            _ stream: String, toLength length: Int, isApproximate: Bool = false
        ) -> Handle<Int> {
            add(8, contentCount: stream.utf8.count) { trim in
                trim.append(field: 1, bytes: Array(stream.utf8))
                trim.append(choice: 2, number: UInt64(max(length, 0)))
                trim.append(field: 4, flag: isApproximate)
            }
        }

        /// Takes entries away that are below an ID.
        @discardableResult
        public mutating func trim(
            _ stream: String, from minimum: RedisStreamID, isApproximate: Bool = false
        ) -> Handle<Int> {
            add(8, contentCount: stream.utf8.count + Self.idBytes) { trim in
                trim.append(field: 1, bytes: Array(stream.utf8))
                trim.append(field: 3, minimum)
                trim.append(field: 4, flag: isApproximate)
            }
        }

        /// Deletes entries.
        @discardableResult
        public mutating func delete(_ ids: [RedisStreamID], of stream: String) -> Handle<Int> {
            add(9, contentCount: stream.utf8.count + Self.idBytes * ids.count) { delete in
                delete.append(field: 1, bytes: Array(stream.utf8))
                for id in ids { delete.append(field: 2, id) }
            }
        }

        /// Decides anew. The conditions of all levels are tested before anything is done.
        @discardableResult
        public mutating func transaction(_ transaction: StoreTransaction) -> Handle<StoreTransactionResult> {
            add(.transaction(transaction))
        }

        /// An ID of our days, with its tags and lengths.
        private static let idBytes = 12
    }
}

extension [UInt8] {
    /// A `martlet.v1.StreamID`.
    fileprivate mutating func append(field: UInt64, _ id: RedisStreamID) {
        append(choice: field) { bytes in
            bytes.append(field: 1, number: id.milliseconds)
            bytes.append(field: 2, number: id.sequence)
        }
    }
}

extension RedisStreamID {
    var wire: Martlet_V1_StreamID {
        var wire = Martlet_V1_StreamID()
        wire.milliseconds = milliseconds
        wire.sequence = sequence
        return wire
    }
}
