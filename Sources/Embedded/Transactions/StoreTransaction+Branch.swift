// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import MartletEtcdAPI

extension StoreTransaction {
    /// The operations of one outcome, in the order in which they are done.
    public struct Branch: Sendable {
        private(set) var operations: [Martlet_V1_Operation] = []
        private let isThen: Bool

        init(isThen: Bool) { self.isThen = isThen }

        private mutating func add<Result>(_ fill: (inout Martlet_V1_Operation) -> Void) -> Handle<Result> {
            var operation = Martlet_V1_Operation()
            fill(&operation)
            operations.append(operation)
            return Handle(isThen: isThen, position: operations.count - 1)
        }

        // MARK: Keys

        /// Reads keys, with what this transaction wrote before.
        @discardableResult
        public mutating func get(
            _ keys: EtcdKeyRange, configure: (inout EtcdGetOptions) -> Void = { _ in }
        ) -> Handle<EtcdGetResult> {
            var options = EtcdGetOptions()
            configure(&options)
            return add { $0.range = EtcdOperation.range(keys, options) }
        }

        /// Writes a key.
        @discardableResult
        public mutating func put(
            _ key: some Sequence<UInt8>, _ value: some Sequence<UInt8>, lease: EtcdLeaseID = .none,
            keepingLease: Bool = false, returningPrevious: Bool = false
        ) -> Handle<EtcdPutResult> {
            let request = EtcdOperation.put([UInt8](key), [UInt8](value), lease, keepingLease, returningPrevious)
            return add { $0.put = request }
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
            add { $0.deleteRange = EtcdOperation.delete(keys, returningPrevious) }
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
            var wire = Martlet_V1_Append()
            wire.stream = Data(stream.utf8)
            wire.fields = fields.map { field in
                var wire = Martlet_V1_Append.Field()
                wire.name = Data(field.name)
                wire.value = Data(field.value)
                return wire
            }
            if let id { wire.id = id.wire }
            wire.mustExist = mustExist
            return add { $0.append = wire }
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
            var wire = Martlet_V1_Acknowledge()
            wire.stream = Data(stream.utf8)
            wire.group = Data(group.utf8)
            wire.ids = ids.map(\.wire)
            return add { $0.acknowledge = wire }
        }

        /// Gives pending entries back to their group, which must exist.
        @discardableResult
        public mutating func negativelyAcknowledge(
            _ ids: [RedisStreamID], of stream: String, group: String, countsDelivery: Bool = true
        ) -> Handle<Int> {
            var wire = Martlet_V1_NegativeAcknowledge()
            wire.stream = Data(stream.utf8)
            wire.group = Data(group.utf8)
            wire.ids = ids.map(\.wire)
            wire.mode = countsDelivery ? .fail : .silent
            return add { $0.negativeAcknowledge = wire }
        }

        /// Takes entries away from the beginning of a stream, until so many are left.
        @discardableResult
        public mutating func trim(
            _ stream: String, toLength length: Int, isApproximate: Bool = false
        ) -> Handle<Int> {
            var wire = Martlet_V1_Trim()
            wire.stream = Data(stream.utf8)
            wire.maximumLength = UInt64(max(length, 0))
            wire.isApproximate = isApproximate
            return add { $0.trim = wire }
        }

        /// Takes entries away that are below an ID.
        @discardableResult
        public mutating func trim(
            _ stream: String, from minimum: RedisStreamID, isApproximate: Bool = false
        ) -> Handle<Int> {
            var wire = Martlet_V1_Trim()
            wire.stream = Data(stream.utf8)
            wire.minimumID = minimum.wire
            wire.isApproximate = isApproximate
            return add { $0.trim = wire }
        }

        /// Deletes entries.
        @discardableResult
        public mutating func delete(_ ids: [RedisStreamID], of stream: String) -> Handle<Int> {
            var wire = Martlet_V1_DeleteEntries()
            wire.stream = Data(stream.utf8)
            wire.ids = ids.map(\.wire)
            return add { $0.deleteEntries = wire }
        }

        /// Decides anew. The conditions of all levels are tested before anything is done.
        @discardableResult
        public mutating func transaction(_ transaction: StoreTransaction) -> Handle<StoreTransactionResult> {
            add { $0.transact = transaction.wire }
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

    init(_ wire: Martlet_V1_StreamID) { self.init(wire.milliseconds, wire.sequence) }
}
