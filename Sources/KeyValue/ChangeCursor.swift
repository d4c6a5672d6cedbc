// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// One version or tombstone, as it stands under its revision in etcd's bucket `key`.
public struct StoredChange: Hashable, Sendable {
    public var revision: Revision
    public var isTombstone: Bool
    /// Of a tombstone only key and mod revision.
    public var record: KeyValueRecord

    public init(revision: Revision, isTombstone: Bool, record: KeyValueRecord) {
        self.revision = revision
        self.isTombstone = isTombstone
        self.record = record
    }
}

/// Walks all versions and tombstones of a store in revision order, in bounded steps.
///
///     gather      keys, a stretch a step: versions up to the compact revision that are kept, thrown into bins
///     bins        bin by bin, each sorted when its turn comes
///     history     changes behind the compact revision, as history has them
///
/// How far removal of compacted versions has come does not show.
struct ChangeCursor: Sendable {
    /// Revisions of all bins together are spread evenly as long as keys are; a bin of a million versions has 250.
    private static let maximumBins = 4096

    private enum Phase {
        case gather(from: [UInt8])
        case bins(next: Int)
        case history(History.Position)
        case ended
    }

    private let snapshot: KeyValueSnapshot
    private let last: Int64
    /// Of versions up to the compact revision those are kept that a read at this revision finds.
    private var keptAt: Int64
    private let keepsTombstones: Bool
    private var phase: Phase
    private var bins: [[HistoryRecord]] = []
    private let shift: Int64
    /// Whether any key exists at `keptAt`.
    private var hasKeys = false

    /// - Parameters:
    ///   - last: the last main revision.
    ///   - keptAt: of versions up to the compact revision those are kept that a read at this revision finds; as etcd's
    ///     hash has it, those at the compact revision if none is found.
    ///   - keepsTombstones: whether tombstones exactly at the compact revision belong to it.
    init(_ snapshot: KeyValueSnapshot, through last: Int64, keptAt: Int64, keepsTombstones: Bool) {
        self.snapshot = snapshot
        self.last = last
        self.keptAt = keptAt
        self.keepsTombstones = keepsTombstones
        var shift: Int64 = 0
        while snapshot.compactRevision >> shift >= Self.maximumBins { shift += 1 }
        self.shift = shift
        guard snapshot.compactRevision > 0 else {
            phase = .history(snapshot.history.position(of: .zero))
            return
        }
        bins = Array(repeating: [], count: Int(snapshot.compactRevision >> shift) + 1)
        phase = .gather(from: [])
    }

    /// Hands on the next changes.
    ///
    /// - Parameter limit: of keys and changes looked at, but for the last bin's.
    /// - Returns: whether there is more to do.
    mutating func step(limit: Int, _ body: (HistoryRecord) -> Void) -> Bool {
        switch phase {
        case .gather(let key): gather(from: key, limit)
        case .bins(let next): empty(from: next, limit, body)
        case .history(let position): walk(from: position, limit, body)
        case .ended: break
        }
        if case .ended = phase { return false }
        return true
    }

    private mutating func gather(from lower: [UInt8], _ limit: Int) {
        if lower.isEmpty, keepsTombstones { gatherTombstones() }
        let (compacted, keptAt, shift, history) = (snapshot.compactRevision, keptAt, shift, snapshot.history)
        var seen = 0
        var resume: [UInt8]?
        var found: [HistoryRecord] = []
        var hasKeys = hasKeys
        snapshot.index.forEach(in: KeyInterval(lower: lower, end: .unbounded), liveOnly: false) { entry in
            if seen == limit {
                resume = entry.key
                return false
            }
            seen += 1
            switch entry.version(at: keptAt) {
            case .absent:
                return true
            case .newest:
                if entry.newest.main <= compacted { found.append(entry.newest) }
            case .older(let revision):
                guard revision.main <= compacted else { break }
                guard let change = history.record(at: revision) else {
                    preconditionFailure("history lacks \(revision) of \(entry.newest.key)")
                }
                found.append(change)
            }
            hasKeys = true
            return true
        }
        self.hasKeys = hasKeys
        for change in found { bins[Int(change.main >> shift)].append(change) }
        if let resume {
            phase = .gather(from: resume)
        } else if !hasKeys, keptAt != compacted {
            self.keptAt = compacted
            phase = .gather(from: [])
        } else {
            phase = .bins(next: 0)
        }
    }

    private mutating func gatherTombstones() {
        let compacted = snapshot.compactRevision
        var position = snapshot.history.position(of: Revision(main: compacted))
        while let change = snapshot.history.next(&position), change.main == compacted {
            if change.isTombstone { bins[Int(compacted >> shift)].append(change) }
        }
    }

    private mutating func empty(from first: Int, _ limit: Int, _ body: (HistoryRecord) -> Void) {
        var seen = 0
        var next = first
        while next < bins.count, seen < limit {
            var bin: [HistoryRecord] = []
            swap(&bin, &bins[next])
            bin.sort { $0.revision < $1.revision }
            for change in bin where change.main <= last { body(change) }
            // An empty bin is a step too.
            seen += bin.count + 1
            next += 1
        }
        let behind = Revision(main: snapshot.compactRevision + 1)
        phase = next < bins.count ? .bins(next: next) : .history(snapshot.history.position(of: behind))
    }

    private mutating func walk(from begin: History.Position, _ limit: Int, _ body: (HistoryRecord) -> Void) {
        var position = begin
        for _ in 0..<limit {
            guard let change = snapshot.history.next(&position), change.main <= last else {
                phase = .ended
                return
            }
            body(change)
        }
        phase = .history(position)
    }
}

/// All that a snapshot holds, in revision order, page by page: what a backup in etcd's format writes into its bucket
/// `key`.
///
/// Versions that compaction left readable, tombstones exactly at the compact revision, and all changes since.
public struct StoredChanges: Sendable {
    /// Changes of a page: about half a millisecond.
    public static let pageSize = 1024

    private var cursor: ChangeCursor
    private var isEnded = false

    fileprivate init(_ snapshot: KeyValueSnapshot) {
        cursor = ChangeCursor(
            snapshot, through: snapshot.revision, keptAt: snapshot.compactRevision, keepsTombstones: true)
    }

    /// The next changes; none in steps that only look for them. `nil` at the end.
    public mutating func next() -> [StoredChange]? {
        if isEnded { return nil }
        var page: [StoredChange] = []
        isEnded = !cursor.step(limit: Self.pageSize) { change in
            page.append(
                StoredChange(revision: change.revision, isTombstone: change.isTombstone, record: change.record))
        }
        return page
    }
}

extension KeyValueSnapshot {
    public var storedChanges: StoredChanges { StoredChanges(self) }
}
