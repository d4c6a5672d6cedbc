// SPDX-License-Identifier: Apache-2.0

public import MartletKeyValue
public import MartletRESPCodec

/// Where a record that is being applied came to.
public enum RecordStop: Sendable {
    case end
    /// The next command lacks these blocks: to be called again when they are there.
    case wants([WantedBlock])
    /// The next item is a transaction over keys and streams: to be called again when it is done and `passItem` said so.
    case store([UInt8], item: Int, now: Int64, seed: UInt64)
}

extension Keyspace {
    /// Applies a record, item by item, where there is no key-value store. What can't be read changes nothing.
    ///
    /// - Parameters:
    ///   - notBefore: the time, where the record's own stamp is below it.
    ///   - reply: gets the replies, in the protocol that it is set to before each item by `before`.
    ///   - before: called with the number of each item; tells in `reply` what protocol its client speaks.
    ///   - after: called with the number of each item and what became of it, once its reply is written. Where nobody
    ///     waits for it, it is to be forgotten there.
    ///   - outside: in a transaction, writes the reply of a command that is not a matter of the keyspace.
    public mutating func apply(
        record: RawSpan, notBefore time: Int64 = 0, _ reply: inout ReplyWriter,
        before: (Int, inout ReplyWriter) -> Void,
        after: (Int, CommandOutcome, inout ReplyWriter) -> Void,
        outside: (_ item: Int, _ command: Int, inout ReplyWriter) -> Void
    ) throws(KeyspaceRecordError) {
        var progress = try RecordProgress(record)
        // They are for whoever has keys, too.
        guard progress.storeItems.isEmpty else { throw .unreadable(offset: 0) }
        var store = Self.noKeys
        let stop = apply(
            &progress, keys: &store, KeyConditions(), notBefore: time, &reply, before: before, after: after,
            outside: outside)
        guard case .end = stop else { preconditionFailure("a record stopped: \(stop)") }
    }

    /// As above, as far as it goes by itself, and with the key-value store that stands beside.
    public mutating func apply(
        _ progress: inout RecordProgress, keys store: inout KeyValueStore, _ conditions: KeyConditions,
        notBefore time: Int64, _ reply: inout ReplyWriter,
        before: (Int, inout ReplyWriter) -> Void,
        after: (Int, CommandOutcome, inout ReplyWriter) -> Void,
        outside: (_ item: Int, _ command: Int, inout ReplyWriter) -> Void
    ) -> RecordStop {
        let now = max(progress.content.stamp, time)
        while progress.item < progress.content.items.count {
            let number = progress.item
            if !progress.transaction.isHalfway { before(number, &reply) }
            let seed = KeyspaceRecord.seed(progress.content.seed, item: number)
            switch progress.content.items[number] {
            case .command(let index, let entry, let database, let user):
                let call = Call(
                    progress.content.commands[index], database: database, now: now, seed: seed, user: user)
                if let denial = denial(of: user, entry, call.arguments, store) {
                    denial.write(of: user, into: &reply)
                    after(number, .failed, &reply)
                    break
                }
                if entry.concernsKeys {
                    after(number, entry.apply(call, to: &store, conditions, &reply), &reply)
                    break
                }
                let wanted = mayLackBlocks ? wantedBlocks(entry, call) : []
                if !wanted.isEmpty { return .wants(wanted) }
                after(number, apply(entry, call, &reply), &reply)
            case .transaction(let transaction):
                let wanted = apply(
                    transaction, &progress.transaction, keys: &store, conditions, now: now, seed: seed, client: 0,
                    &reply
                ) { command, reply in outside(number, command, &reply) }
                if !wanted.isEmpty { return .wants(wanted) }
                progress.transaction = TransactionProgress()
                after(number, .replied, &reply)
            case .expiry:
                let wanted = wantedBlocksDue(now: now)
                if !wanted.isEmpty { return .wants(wanted) }
                carryOutDue(now: now)
                after(number, .replied, &reply)
            case .store(let bytes):
                return .store(bytes, item: number, now: now, seed: seed)
            }
            progress.item += 1
        }
        return .end
    }
}

/// How far a record is applied.
public struct RecordProgress: Sendable {
    fileprivate let content: RecordContent
    fileprivate var item = 0
    fileprivate var transaction = TransactionProgress()
    /// Of a transaction that waits for blocks in its middle: its progress has places in there.
    public var reply = ReplyWriter()

    /// - Throws: where the record can't be read.
    public init(_ record: RawSpan) throws(KeyspaceRecordError) {
        content = try RecordContent(record)
    }

    /// Whether half of a transaction has taken effect.
    public var isHalfway: Bool { transaction.isHalfway }

    /// The transactions over keys and streams that are in it.
    public var storeItems: [[UInt8]] {
        content.items.compactMap { if case .store(let bytes) = $0 { bytes } else { nil } }
    }

    /// The next item is done.
    public mutating func passItem() { item += 1 }
}
