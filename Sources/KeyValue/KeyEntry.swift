// SPDX-License-Identifier: Apache-2.0

package import MartletBasics

/// One life of a key: from the put that created it to the tombstone that ended it.
package struct Generation: Hashable, Sendable {
    /// The main revision of the put that created the key. Stays when compaction drops that revision.
    package var created: Int64
    /// How many changes the life has seen, the tombstone and what compaction dropped included.
    package var changeCount: Int64
    /// What is left of the changes, oldest first.
    package var revisions: [Revision]
}

/// Stands for a key while the index knows it: in history and in the checkpoint.
///
/// Numbers rise in the order in which keys enter the index. A key that leaves it, deleted and compacted, and comes back
/// has a new one. When keys leave depends on the pace of removal, so members differ in numbers, and nothing shows them.
package struct KeyNumber: Hashable, Comparable, Sendable {
    package var rawValue: UInt64

    package init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static func < (left: KeyNumber, right: KeyNumber) -> Bool { left.rawValue < right.rawValue }

    /// No key's number.
    package static var zero: KeyNumber { KeyNumber(0) }
    package static var first: KeyNumber { KeyNumber(1) }

    package var next: KeyNumber { KeyNumber(rawValue + 1) }
}

/// All that the index knows of one key: its newest change, and the revisions of its older versions.
///
/// This is etcd's key index in a smaller shape. There, a key has generations; the last one is open: it holds the living
/// versions, or nothing where the key is deleted. Here the open generation lies flat in the entry, so that a key with
/// one version needs no array of its own:
///
///     put {2,0}, put {3,0}, delete {4,0}, put {6,0}, put {7,0}
///
///     closed            [ {2,0} {3,0} {4,0}† ]         † tombstone: the last revision of a closed generation
///     olderRevisions    [ {6,0} ]                      of the open generation
///     newest            {7,0}                          with key and value; after a delete the tombstone
///
/// Source: etcd mvcc key_index.
package struct KeyEntry: CountedTreeValue {
    /// Shared with history.
    var newest: HistoryRecord
    var olderRevisions: [Revision] = []
    var closed: [Generation] = []

    /// An entry that has seen no change: a put must follow.
    package init() {
        newest = .none
    }

    @inline(__always)
    package func withKey<Result>(_ body: (RawSpan) -> Result) -> Result { newest.withKey(body) }
    package var isLive: Bool { !newest.isTombstone }
    package var stamp: Int64 { newest.main }
    /// The revision of the newest change.
    var modified: Revision { newest.revision }
    /// Puts in the open generation. Zero: the key is deleted.
    var version: Int64 { newest.version }
    var lease: LeaseID { newest.lease }

    /// What a put brings.
    package struct Put {
        package var key: [UInt8]
        /// `nil`: the value stays.
        package var value: [UInt8]?
        package var lease: LeaseID
        package var revision: Revision
        /// For a key that enters the index.
        package var freshNumber: KeyNumber

        package init(
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

    package mutating func put(_ put: Put, _ packer: inout ChangePacker) {
        let old = newest.head
        if isLive { olderRevisions.append(Revision(main: old.main, sub: old.sub)) }
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

    /// Ends the open generation. The key must be live.
    package mutating func delete(at revision: Revision, _ packer: inout ChangePacker) {
        endGeneration(at: revision)
        let head = HistoryRecord.Head(main: revision.main, sub: revision.sub, keyNumber: newest.keyNumber)
        newest = newest.withKey { packer.pack(head, key: $0, value: RawSpan()) }
    }

    /// Closes the open generation; its tombstone is yet to become the newest change.
    mutating func endGeneration(at revision: Revision) {
        precondition(isLive, "the deleted key is dead since \(modified)")
        let head = newest.head
        closed.append(
            Generation(
                created: head.createRevision, changeCount: head.version + 1,
                revisions: olderRevisions + [modified, revision]))
        olderRevisions = []
    }

    /// The generations as etcd counts them: the closed ones, then the open one, empty where the key is deleted.
    package var generations: [Generation] {
        closed + [
            Generation(
                created: newest.createRevision, changeCount: version,
                revisions: isLive ? olderRevisions + [modified] : [])
        ]
    }
}

// MARK: The past

extension KeyEntry {
    package enum Version: Hashable {
        /// The entry's own record.
        case newest
        /// A version that history holds.
        case older(Revision)
        case absent
    }

    /// Which version stood after the transaction `main`. Complexity: O(log versions + lives after it).
    package func version(at main: Int64) -> Version {
        if isLive {
            if newest.main <= main { return .newest }
            if let first = olderRevisions.first, first.main <= main {
                return .older(olderRevisions[Self.lastOffset(in: olderRevisions, notAfter: main)])
            }
        }
        for generation in closed.reversed() {
            let revisions = generation.revisions
            if revisions[revisions.count - 1].main <= main { return .absent }
            if revisions[0].main <= main {
                return .older(revisions[Self.lastOffset(in: revisions, notAfter: main)])
            }
        }
        return .absent
    }

    /// Whether the entry still names the revision, tombstones included.
    package func holds(_ revision: Revision) -> Bool {
        if revision.main == newest.main, revision == modified { return true }
        if Self.contains(olderRevisions, revision) { return true }
        return closed.contains { Self.contains($0.revisions, revision) }
    }

    /// Forgets what nobody may read or watch any more once `main` is the oldest readable revision.
    ///
    /// Lives that ended before `main` go. Of the first that is left only the last version up to `main` and what follows
    /// stays. A tombstone exactly at `main` stays: a watch from there must see it.
    ///
    /// - Returns: the forgotten revisions, oldest first.
    package mutating func compact(at main: Int64) -> [Revision] {
        var forgotten: [Revision] = []
        var ended = 0
        while ended < closed.count, closed[ended].revisions[closed[ended].revisions.count - 1].main < main {
            forgotten += closed[ended].revisions
            ended += 1
        }
        if ended > 0 { closed.removeFirst(ended) }
        if !closed.isEmpty {
            Self.dropFirst(of: &closed[0].revisions, before: main, into: &forgotten)
        } else if isLive {
            if newest.main <= main {
                forgotten += olderRevisions
                olderRevisions = []
            } else {
                Self.dropFirst(of: &olderRevisions, before: main, into: &forgotten)
            }
        }
        return forgotten
    }

    /// Whether nothing is left, so that the key can leave the index.
    package var isEmpty: Bool { !isLive && closed.isEmpty }

    /// Keeps the last revision up to `main` and what follows.
    private static func dropFirst(
        of revisions: inout [Revision], before main: Int64, into forgotten: inout [Revision]
    ) {
        let offset = lastOffset(in: revisions, notAfter: main)
        guard offset > 0 else { return }
        forgotten += revisions[..<offset]
        revisions.removeFirst(offset)
    }

    /// The offset of the last revision of a transaction up to `main`; −1 if all are later.
    private static func lastOffset(in revisions: [Revision], notAfter main: Int64) -> Int {
        var low = 0
        var high = revisions.count
        while low < high {
            let middle = (low + high) / 2
            if revisions[middle].main <= main { low = middle + 1 } else { high = middle }
        }
        return low - 1
    }

    private static func contains(_ revisions: [Revision], _ revision: Revision) -> Bool {
        var offset = lastOffset(in: revisions, notAfter: revision.main)
        while offset >= 0, revisions[offset].main == revision.main {
            if revisions[offset] == revision { return true }
            offset -= 1
        }
        return false
    }
}
