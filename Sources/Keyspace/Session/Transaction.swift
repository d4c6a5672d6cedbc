// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletKeyValue
public import MartletRESPCodec

/// A key whose change makes a transaction fail.
public struct WatchedKey: Hashable, Sendable {
    public var database: Int
    public var name: [UInt8]
    /// See `Keyspace.version`.
    public var version: UInt64

    public init(database: Int, name: [UInt8], version: UInt64) {
        self.database = database
        self.name = name
        self.version = version
    }
}

/// Commands that are carried out together or not at all: one record.
public struct Transaction: Sendable {
    public struct Item: Sendable {
        public var entry: CommandEntry
        public var database: Int
    }

    public var watched: [WatchedKey] = []
    /// Whose it is, if a user's of the auth service: asked again when it is carried out.
    public var user: AuthName?
    public private(set) var commands = CommandBatch()
    /// One for each command.
    public private(set) var items: [Item] = []
    /// Bytes that a transaction may hold: it becomes one record.
    public static let maximumBytes = 16 << 20

    public init() {}

    public mutating func append(_ arguments: Arguments, _ entry: CommandEntry, database: Int) {
        commands.append(arguments)
        items.append(Item(entry: entry, database: database))
    }

    public var byteCount: Int { commands.bytes.count }
    public var changesState: Bool { items.contains { $0.entry.isWrite } }
}

extension Keyspace {
    /// Whether no watched key has changed. May be wrong one way alone: a key that did change is always found.
    public func holds(_ watched: [WatchedKey], now: Int64) -> Bool {
        watched.allSatisfy { version(of: $0.name, in: $0.database, now: now) == $0.version }
    }

    /// Carries out a transaction; the reply is an array, or null where a watched key has changed. Nothing in it waits.
    ///
    /// - Parameter outside: writes the reply of a command that is not a matter of the keyspace.
    public mutating func apply(
        _ transaction: Transaction, now: Int64, seed: UInt64, client: UInt64, _ reply: inout ReplyWriter,
        outside: (Int, inout ReplyWriter) -> Void
    ) {
        if transaction.concernsKeys {
            return CommandError.noKeyValueStore.write(into: &reply)
        }
        var (progress, store) = (TransactionProgress(), Self.noKeys)
        let wanted = apply(
            transaction, &progress, keys: &store, KeyConditions(), now: now, seed: seed, client: client, &reply,
            outside: outside)
        precondition(wanted.isEmpty, "\(wanted.count) blocks of a transaction are not in memory")
    }

    /// Refuses a transaction of which its user may not do all, now.
    private func check(_ transaction: Transaction, _ store: KeyValueStore) throws(CommandError) {
        guard transaction.user != nil else { return }
        for (index, item) in transaction.items.enumerated()
        where denial(of: transaction.user, item.entry, transaction.commands[index], store) != nil {
            throw .text("EXECABORT Transaction discarded because of previous errors.")
        }
    }

    /// Where there is no key-value store.
    static let noKeys = KeyValueStore()

    /// As above, as far as the blocks go that are in memory, and with the key-value store that stands beside.
    ///
    /// - Returns: what the next command lacks: to be called again when it is there, and nobody may read before that.
    ///   Empty at the end.
    public mutating func apply(
        _ transaction: Transaction, _ progress: inout TransactionProgress, keys store: inout KeyValueStore,
        _ conditions: KeyConditions, now: Int64, seed: UInt64, client: UInt64, _ reply: inout ReplyWriter,
        outside: (Int, inout ReplyWriter) -> Void
    ) -> [WantedBlock] {
        if !progress.hasBegun {
            guard holds(transaction.watched, now: now) else {
                reply.nullArray()
                return []
            }
            do throws(CommandError) {
                try check(transaction, store)
                try progress.begin(transaction, store, conditions)
            } catch {
                error.write(into: &reply)
                return []
            }
            reply.array(transaction.items.count)
            progress.hasBegun = true
        }
        while progress.next < transaction.items.count {
            let (index, item) = (progress.next, transaction.items[progress.next])
            if item.entry.isOutside || item.entry.concernsKeys {
                if item.entry.isOutside {
                    outside(index, &reply)
                } else {
                    progress.keys!.places.append(KeyPart.Place(command: index, offset: reply.bytes.count))
                }
                progress.next += 1
                continue
            }
            // Each command has random bits of its own.
            let call = Call(
                transaction.commands[index], database: item.database, now: now, seed: seed &+ UInt64(index),
                client: client)
            if mayLackBlocks {
                let wanted = wantedBlocks(item.entry, call)
                if !wanted.isEmpty { return wanted }
            }
            if apply(item.entry, call, &reply) == .waits { reply.nullArray() }
            progress.next += 1
        }
        progress.finishKeys(in: &store, &reply)
        return []
    }
}

/// How far a transaction is carried out.
public struct TransactionProgress: Sendable {
    var next = 0
    public internal(set) var hasBegun = false
    var keys: KeyPart?
    /// What the key-value store's replies have added to the reply.
    var insertions: [(command: Int, byteCount: Int)] = []

    public init() {}

    /// Whether some of its commands have taken effect, and not all.
    public var isHalfway: Bool { next > 0 }

    mutating func begin(
        _ transaction: Transaction, _ store: KeyValueStore, _ conditions: KeyConditions
    ) throws(CommandError) {
        guard let request = try transaction.keyRequest(conditions) else { return }
        do throws(KeyValueError) {
            keys = KeyPart(txn: try store.checked(request))
        } catch {
            throw .keys(error)
        }
    }
}
