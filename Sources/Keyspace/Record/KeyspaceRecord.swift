// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
import MartletBasics
public import MartletRESPCodec

/// Commands of one turn of the loop as one log entry holds them:
///
///     version   one byte, 1
///     stamp     varint: milliseconds of the Unix clock, never below that of the record before
///     seed      eight bytes, lowest first: random bits
///     items     one behind the other, to the end
///
///     command       0, database, command
///     transaction   1, count of watched keys, { database, length of name, name, version }
///                   count of commands, { database, command }
///     expiry        2
///     store         3, length, bytes: a transaction over keys and streams, which is the replica's to read
///     user          4, length, name: no item, but who asks for those behind it, if a user of the auth service; none:
///                   others, as at the beginning
///
/// Numbers are varints. A command is the count of its words and, for each, its length and its bytes: see
/// `CommandBatch.encode`. Records hold what clients said, not what became of it: that follows from the state.
public struct KeyspaceRecord: Sendable {
    static let version: UInt8 = 1
    /// Bytes of one record, about, after which the next one begins: an entry is sent and written as one piece.
    public static let preferredBytes = 1 << 20

    enum Kind: UInt8 {
        case command, transaction, expiry, store, user
    }

    /// Which kinds of items a member reads, and which forms of commands. A record of a higher one may not be proposed
    /// while a member is in the cluster that doesn't read it: it could not go on.
    public enum Format: UInt64, Comparable, Sendable {
        /// Commands, transactions of them and what is due.
        case first = 1
        /// Transactions over keys and streams as well, and who asks.
        case storesAndUsers
        /// Jobs whose entries have a priority: others refuse the command, and their states would differ.
        case jobPriorities
        /// No others; who reads it takes questions for its clock, too, which an earlier server could not read.
        case clocks
        /// No others; who reads it reads entries and messages of joint configurations, too.
        case replacements

        public static let latest = Format.replacements

        public static func < (left: Format, right: Format) -> Bool { left.rawValue < right.rawValue }
    }

    /// May be set until the record is encoded: it is that of the moment at which it goes into the log.
    public var stamp: Int64
    public var seed: UInt64
    private var items: [UInt8] = []
    /// Of the last item.
    private var user: AuthName?
    public private(set) var itemCount = 0

    public init(stamp: Int64 = 0, seed: UInt64 = 0) {
        self.stamp = stamp
        self.seed = seed
    }

    public var isEmpty: Bool { itemCount == 0 }
    /// Bytes of the record as it is now.
    public var byteCount: Int { 1 + Varint.length(of: UInt64(max(stamp, 0))) + 8 + items.count }

    /// Adds the record, where there is room for `byteCount` bytes.
    public func encode(into output: inout OutputSpan<UInt8>) {
        output.append(Self.version)
        Varint.append(UInt64(max(stamp, 0)), to: &output)
        for shift in stride(from: UInt64(0), to: 64, by: 8) { output.append(UInt8(truncatingIfNeeded: seed >> shift)) }
        output.append(copying: items.span.bytes)
    }

    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(addingCapacity: byteCount) { encode(into: &$0) }
        return bytes
    }

    /// Forgets all items, but not the memory they took.
    public mutating func removeAll() {
        items.removeAll(keepingCapacity: true)
        user = nil
        itemCount = 0
        // One large record doesn't keep its memory.
        if items.capacity > 2 * Self.preferredBytes { items = [] }
    }

    /// The random bits of a record's item: each has its own.
    public static func seed(_ seed: UInt64, item: Int) -> UInt64 {
        seed &+ UInt64(item) &* 0x9E37_79B9_7F4A_7C15
    }

    /// - Parameter user: who asks, if a user of the auth service.
    public mutating func append(_ arguments: Arguments, database: Int, user: AuthName? = nil) {
        setUser(user)
        begin(.command)
        Varint.append(UInt64(database), to: &items)
        CommandBatch.encode(arguments, into: &items)
    }

    private mutating func setUser(_ user: AuthName?) {
        if user == self.user { return }
        self.user = user
        items.append(Kind.user.rawValue)
        let name = user?.bytes ?? []
        Varint.append(UInt64(name.count), to: &items)
        items += name
    }

    public mutating func append(_ transaction: Transaction) {
        setUser(transaction.user)
        begin(.transaction)
        Varint.append(UInt64(transaction.watched.count), to: &items)
        for key in transaction.watched {
            Varint.append(UInt64(key.database), to: &items)
            Varint.append(UInt64(key.name.count), to: &items)
            items += key.name
            Varint.append(key.version, to: &items)
        }
        Varint.append(UInt64(transaction.items.count), to: &items)
        for (index, item) in transaction.items.enumerated() {
            Varint.append(UInt64(item.database), to: &items)
            CommandBatch.encode(transaction.commands[index], into: &items)
        }
    }

    /// A transaction over keys and streams, of so many bytes, which the replica adds.
    public mutating func append(storeByteCount byteCount: Int, _ encode: (inout [UInt8]) -> Void) {
        begin(.store)
        Varint.append(UInt64(byteCount), to: &items)
        let end = items.count + byteCount
        encode(&items)
        precondition(items.count == end, "\(items.count - end) bytes more than were said")
    }

    /// Stamp and seed of an encoded record; `nil`: it is none of this version.
    public static func head(of record: RawSpan) -> (stamp: Int64, seed: UInt64)? {
        var offset = 1
        guard record.byteCount > 0, record.unsafeLoad(fromByteOffset: 0, as: UInt8.self) == version,
            let stamp = Varint.read(record, at: &offset), record.byteCount - offset >= 8
        else { return nil }
        let seed = UInt64(littleEndian: record.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        return (Int64(clamping: stamp), seed)
    }

    /// The encoded record with another stamp; `nil`: it is none of this version.
    public static func restamped(_ record: [UInt8], _ stamp: UInt64) -> [UInt8]? {
        var offset = 1
        guard record.first == version, Varint.read(record.span.bytes, at: &offset) != nil else { return nil }
        var bytes: [UInt8] = [version]
        bytes.reserveCapacity(record.count + 10)
        Varint.append(stamp, to: &bytes)
        bytes += record[offset...]
        return bytes
    }

    /// Does what is due: see `Keyspace.carryOutDue`.
    public mutating func appendExpiry() {
        begin(.expiry)
    }

    private mutating func begin(_ kind: Kind) {
        items.append(kind.rawValue)
        itemCount += 1
    }
}

/// A log entry holds what no version of ours wrote.
public enum KeyspaceRecordError: Error, Hashable, Sendable {
    case unsupportedVersion(UInt8)
    /// Of the byte that isn't understood, or behind the last.
    case unreadable(offset: Int)
}

/// A record, read and checked.
struct RecordContent {
    enum Item {
        case command(Int, CommandEntry, database: Int, user: AuthName?)
        case transaction(Transaction)
        case expiry
        case store([UInt8])
    }

    var stamp: Int64 = 0
    var seed: UInt64 = 0
    var commands = CommandBatch()
    var items: [Item] = []
    private var user: AuthName?

    init(_ record: RawSpan) throws(KeyspaceRecordError) {
        var offset = 0
        guard record.byteCount > 0 else { throw .unreadable(offset: 0) }
        let version = record.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        guard version == KeyspaceRecord.version else { throw .unsupportedVersion(version) }
        offset = 1
        stamp = Int64(clamping: try Self.number(record, &offset))
        guard record.byteCount - offset >= 8 else { throw .unreadable(offset: offset) }
        seed = UInt64(littleEndian: record.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
        offset += 8
        while offset < record.byteCount { try readItem(record, &offset) }
    }

    private mutating func readItem(_ record: RawSpan, _ offset: inout Int) throws(KeyspaceRecordError) {
        let kind = KeyspaceRecord.Kind(rawValue: record.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
        guard let kind else { throw .unreadable(offset: offset) }
        offset += 1
        switch kind {
        case .command:
            let database = try Self.database(record, &offset)
            let (index, entry) = try Self.command(record, &offset, into: &commands)
            if entry.isOutside { throw .unreadable(offset: offset) }
            items.append(.command(index, entry, database: database, user: user))
        case .transaction:
            var transaction = try Self.transaction(record, &offset)
            transaction.user = user
            items.append(.transaction(transaction))
        case .expiry: items.append(.expiry)
        case .store:
            let length = try Self.count(record, &offset)
            items.append(.store([UInt8](copying: record.extracting(offset..<offset + length))))
            offset += length
        case .user:
            let length = try Self.count(record, &offset)
            let name = [UInt8](copying: record.extracting(offset..<offset + length))
            user = name.isEmpty ? nil : AuthName(bytes: name)
            offset += length
        }
    }

    private static func transaction(
        _ record: RawSpan, _ offset: inout Int
    ) throws(KeyspaceRecordError) -> Transaction {
        var transaction = Transaction()
        for _ in 0..<(try count(record, &offset)) {
            let database = try database(record, &offset)
            let length = try count(record, &offset)
            let name = [UInt8](copying: record.extracting(offset..<offset + length))
            offset += length
            transaction.watched.append(
                WatchedKey(database: database, name: name, version: try number(record, &offset)))
        }
        for _ in 0..<(try count(record, &offset)) {
            let database = try database(record, &offset)
            var one = CommandBatch()
            let (index, entry) = try command(record, &offset, into: &one)
            transaction.append(one[index], entry, database: database)
        }
        return transaction
    }

    private static func number(_ record: RawSpan, _ offset: inout Int) throws(KeyspaceRecordError) -> UInt64 {
        guard let number = Varint.read(record, at: &offset) else { throw .unreadable(offset: offset) }
        return number
    }

    /// At most as many as there are bytes.
    private static func count(_ record: RawSpan, _ offset: inout Int) throws(KeyspaceRecordError) -> Int {
        let number = try number(record, &offset)
        guard number <= UInt64(record.byteCount - offset) else { throw .unreadable(offset: offset) }
        return Int(number)
    }

    private static func database(_ record: RawSpan, _ offset: inout Int) throws(KeyspaceRecordError) -> Int {
        let number = try number(record, &offset)
        guard number < UInt64(Keyspace.databaseCount) else { throw .unreadable(offset: offset) }
        return Int(number)
    }

    private static func command(
        _ record: RawSpan, _ offset: inout Int, into batch: inout CommandBatch
    ) throws(KeyspaceRecordError) -> (Int, CommandEntry) {
        guard batch.decode(record, at: &offset) else { throw .unreadable(offset: offset) }
        guard case .found(let entry) = CommandTable.shared.find(batch[batch.count - 1]) else {
            throw .unreadable(offset: offset)
        }
        return (batch.count - 1, entry)
    }
}
