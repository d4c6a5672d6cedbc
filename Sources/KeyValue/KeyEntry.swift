// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// Stands for a key while the index knows it: in history and in the checkpoint.
///
/// Numbers rise in the order in which keys enter the index. A key that leaves it, deleted and compacted, and comes back
/// has a new one. When keys leave depends on the pace of removal, so members differ in numbers, and nothing shows them.
public struct KeyNumber: Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public static func < (left: KeyNumber, right: KeyNumber) -> Bool { left.rawValue < right.rawValue }

    /// No key's number.
    public static var zero: KeyNumber { KeyNumber(0) }
    public static var first: KeyNumber { KeyNumber(1) }

    public var next: KeyNumber { KeyNumber(rawValue + 1) }
}

/// All that the index knows of one key: its newest change, and the revisions of older ones.
///
/// This is etcd's key index in a smaller shape. There, a key has generations, each of one life, from the put that
/// begins it to the tombstone that ends it. Here the changes of all lives stand in one row, and a key with one version
/// needs no array:
///
///     put {2,0}, put {3,0}, delete {4,0}, put {6,0}, put {7,0}
///
///     older     [ {2,0} {3,0} {4,0}† {6,0} ]           † tombstone: the end of a life
///     newest    {7,0}                                  with key and value; after a delete the tombstone
///
/// Source: etcd mvcc key_index.
public struct KeyEntry: CountedTreeValue {
    /// Shared with history.
    var newest: HistoryRecord
    /// Oldest first.
    var older: [OlderChange] = []

    /// An entry that has seen no change: a put must follow.
    public init() {
        newest = .none
    }

    @inline(__always)
    public func withKey<Result>(_ body: (RawSpan) -> Result) -> Result { newest.withKey(body) }
    public var isLive: Bool { !newest.isTombstone }
    public var stamp: Int64 { newest.main }
    /// The revision of the newest change.
    var modified: Revision { newest.revision }
    /// Puts in the open generation. Zero: the key is deleted.
    var version: Int64 { newest.version }
    var lease: LeaseID { newest.lease }

    /// What a put brings.
    public struct Put {
        public var key: [UInt8]
        /// `nil`: the value stays.
        public var value: [UInt8]?
        public var lease: LeaseID
        public var revision: Revision
        /// For a key that enters the index.
        public var freshNumber: KeyNumber

        public init(
            _ key: [UInt8], _ value: [UInt8]?, lease: LeaseID = .none, at revision: Revision,
            freshNumber: KeyNumber = .first
        ) {
            self.key = key
            self.value = value
            self.lease = lease
            self.revision = revision
            self.freshNumber = freshNumber
        }
    }

    public mutating func put(_ put: Put, _ packer: inout ChangePacker) {
        self.put(put, after: newest.head, &packer)
    }

    /// - Parameter old: the newest change's.
    mutating func put(_ put: Put, after old: HistoryRecord.Head, _ packer: inout ChangePacker) {
        if old.main != 0 { older.append(OlderChange(old)) }
        let head = HistoryRecord.Head(
            main: put.revision.main, sub: put.revision.sub,
            keyNumber: old.main == 0 ? put.freshNumber : old.keyNumber, version: isLive ? old.version + 1 : 1,
            createRevision: isLive ? old.createRevision : put.revision.main, lease: put.lease)
        if let value = put.value {
            newest = packer.pack(head, key: put.key.span.bytes, value: value.span.bytes)
        } else {
            newest = newest.withContent(old) { packer.pack(head, key: $0, value: $1) }
        }
    }

    /// Ends the key's life. It must be live.
    public mutating func delete(at revision: Revision, _ packer: inout ChangePacker) {
        precondition(isLive, "the deleted key is dead since \(modified)")
        let old = newest.head
        older.append(OlderChange(old))
        let head = HistoryRecord.Head(main: revision.main, sub: revision.sub, keyNumber: old.keyNumber)
        newest = newest.withKey { packer.pack(head, key: $0, value: RawSpan()) }
    }

    /// The revisions of each life, tombstones included, and last of the one that goes on, if there is one. For tests.
    public var lives: [[Revision]] {
        var lives: [[Revision]] = [[]]
        for change in older + (newest.main == 0 ? [] : [OlderChange(newest.head)]) {
            lives[lives.count - 1].append(change.revision)
            if change.isTombstone { lives.append([]) }
        }
        return lives
    }
}

/// A change that an entry names beside its newest.
struct OlderChange: Sendable {
    let main: Int64
    /// Twice the sub revision, and one more for a tombstone.
    private let stamp: Int64

    init(_ head: HistoryRecord.Head) {
        main = head.main
        stamp = head.sub << 1 | (head.version == 0 ? 1 : 0)
    }

    var isTombstone: Bool { stamp & 1 == 1 }
    var revision: Revision { Revision(main: main, sub: stamp >> 1) }
}

// MARK: The past

extension KeyEntry {
    public enum Version: Hashable {
        /// The entry's own record.
        case newest
        /// A version that history holds.
        case older(Revision)
        case absent
    }

    /// Which version stood after the transaction `main`. Complexity: O(log changes).
    public func version(at main: Int64) -> Version {
        if newest.main <= main { return isLive ? .newest : .absent }
        let offset = lastOffset(notAfter: main)
        return offset < 0 || older[offset].isTombstone ? .absent : .older(older[offset].revision)
    }

    /// Whether the entry still names the revision, tombstones included.
    public func holds(_ revision: Revision) -> Bool {
        if revision.main == newest.main, revision == modified { return true }
        var offset = lastOffset(notAfter: revision.main)
        while offset >= 0, older[offset].main == revision.main {
            if older[offset].revision == revision { return true }
            offset -= 1
        }
        return false
    }

    /// Forgets what nobody may read or watch any more once `main` is the oldest readable revision.
    ///
    /// Lives that ended before `main` go. Of the first that is left only the last version up to `main` and what follows
    /// stays. A tombstone exactly at `main` stays: a watch from there must see it.
    ///
    /// - Returns: the forgotten revisions, oldest first.
    public mutating func compact(at main: Int64) -> [Revision] {
        var first = newest.main <= main ? older.count : lastOffset(notAfter: main)
        // The tombstones of the transaction itself stay, and what follows the first of them.
        var offset = first - 1
        while offset >= 0, older[offset].main >= main {
            if older[offset].isTombstone { first = offset }
            offset -= 1
        }
        if first >= 0, first < older.count, older[first].isTombstone, older[first].main < main { first += 1 }
        guard first >= 0 else { return [] }
        var forgotten = older[..<first].map(\.revision)
        older.removeFirst(first)
        if isEmpty(at: main) { forgotten.append(modified) }
        return forgotten
    }

    /// Whether nothing is left of an entry that was compacted, so that the key can leave the index.
    public func isEmpty(at main: Int64) -> Bool { newest.isTombstone && newest.main < main && older.isEmpty }

    /// The offset of the last older change of a transaction up to `main`; −1 if all are later.
    private func lastOffset(notAfter main: Int64) -> Int {
        var low = 0
        var high = older.count
        while low < high {
            let middle = (low + high) / 2
            if older[middle].main <= main { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }
}
