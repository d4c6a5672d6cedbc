// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// All that can be read of a store at one moment, as a value.
///
/// It shares memory with the store it was taken from and stays the same whatever that does: taking it costs nothing
/// that grows with the store, and after it each write copies only the path to what it touches, a few kilobytes, the
/// first time it comes there. So a long read takes one and goes on with it on another thread. Versions that compaction
/// makes unreadable stay in memory as long as a snapshot holds them.
public struct KeyValueSnapshot: Sendable {
    /// The main revision of the last change.
    public internal(set) var revision = KeyValueStore.emptyRevision
    /// The oldest main revision that can be read; −1 if the store was never compacted.
    public internal(set) var compactRevision = KeyValueStore.neverCompacted

    var index: CountedTree<KeyEntry>
    var history = History()

    init(index: CountedTree<KeyEntry>) {
        self.index = index
    }

    /// Keys that exist at the newest revision.
    public var keyCount: Int { index.liveCount }

    /// The newest record of a key. Complexity: O(log n).
    public func get(_ key: [UInt8]) -> KeyValueRecord? {
        let found = index.withValue(of: key) { $0.isLive ? $0.newest.record : nil }
        return found ?? nil
    }

    /// The record of a key after the transaction `main`; `nil` where the key did not exist. The revision must not be
    /// compacted.
    func record(of key: [UInt8], at main: Int64) -> KeyValueRecord? {
        // The closure takes what it needs along, not the whole snapshot.
        let history = history
        let found = index.withValue(of: key) { Self.record(of: $0, at: main, in: history) }
        return found ?? nil
    }

    static func record(of entry: KeyEntry, at main: Int64, in history: History) -> KeyValueRecord? {
        switch entry.version(at: main) {
        case .newest:
            return entry.newest.record
        case .older(let revision):
            guard let found = history.record(at: revision) else {
                preconditionFailure("history lacks \(revision) of \(entry.newest.key)")
            }
            return found.record
        case .absent:
            return nil
        }
    }

    /// Refuses a main revision that can't be read.
    func checkReadable(_ main: Int64) throws(KeyValueError) {
        if main > revision { throw .futureRevision }
        if main > 0, main < compactRevision { throw .compacted }
    }
}
