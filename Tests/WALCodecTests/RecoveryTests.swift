// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletWALCodec
import Testing

/// Records of any kind in segments of their own.
private struct Script {
    enum Item {
        case entry(WALEntry)
        case state(WALHardState)
        case snapshot(UInt64, UInt64)
        case metadata([UInt8])
        case barrier
        case segment(UInt64)
    }

    var segments: [(WALSegmentName, [UInt8])] = []

    init(_ items: [Item]) {
        var encoder = WALEncoder()
        var name = firstSegment
        var bytes: [UInt8] = []
        func head(_ metadata: [UInt8]) {
            encoder.appendChain()
            encoder.append(.metadata, metadata.span.bytes)
        }
        head([8, 1, 16, 2])
        for item in items {
            bytes += encoder.bytes.array
            encoder.removeAll()
            var batch = LogBatch()
            switch item {
            case .entry(let entry): batch.append(entry)
            case .state(let state): batch.append(state, mustSync: true)
            case .snapshot(let index, let term): batch.append(WALSnapshot(index: LogIndex(index), term: Term(term)))
            case .barrier: encoder.appendBarrier(at: bytes.count)
            case .metadata(let metadata): encoder.append(.metadata, metadata.span.bytes)
            case .segment(let first):
                segments.append((name, bytes))
                bytes = []
                name = WALSegmentName(sequence: name.sequence + 1, firstIndex: LogIndex(first))
                head([8, 1, 16, 2])
            }
            var cursor = LogBatch.Cursor()
            var logHead = LogHead()
            encoder.append(batch, from: &cursor, until: .max, head: &logHead)
        }
        segments.append((name, bytes + encoder.bytes.array))
    }

    func recover(after: UInt64 = 0, from first: Int = 0) throws(WALCorruption) -> WALRecovery {
        var recovery = WALRecovery(after: LogIndex(after))
        var chain: UInt32?
        var last: WALDecoder?
        for number in first..<segments.count {
            var decoder = WALDecoder(
                segments[number].0, bytes: segments[number].1, chain: chain, isLast: number == segments.count - 1)
            #expect(try recovery.read(&decoder) == false)
            chain = decoder.chain
            last = decoder
        }
        if let last { try recovery.finish(last) }
        return recovery
    }

    func fault(after: UInt64 = 0) -> WALCorruption.Reason? {
        do throws(WALCorruption) {
            _ = try recover(after: after)
            return nil
        } catch { return error.reason }
    }
}

@Suite struct RecoveryTests {
    @Test func crossesSegments() throws {
        let script = Script([
            .entry(entry(1)), .entry(entry(2)), .state(state(1, vote: 4, commit: 1)),
            .segment(3), .state(state(1, vote: 4, commit: 1)), .barrier, .entry(entry(3)), .entry(entry(4)),
            .segment(5), .state(state(1, vote: 4, commit: 1)), .entry(entry(5)),
        ])
        let all = try script.recover()
        #expect(all.entries == (1...5).map { entry($0) })
        #expect(all.hardState == state(1, vote: 4, commit: 1))
        #expect(all.lastIndex == LogIndex(5))
        #expect(all.metadata == [8, 1, 16, 2])
        #expect(try script.recover(after: 3).entries == [entry(4), entry(5)])
        #expect(try script.recover(after: 5).entries == [])
        #expect(try script.recover(after: 3, from: 1).entries == [entry(4), entry(5)])
        #expect(try script.recover(after: 4, from: 2).entries == [entry(5)])
        #expect(throws: WALCorruption(segment: script.segments[1].0, offset: 0, reason: .gap)) {
            try script.recover(after: 1, from: 1)
        }
        #expect(script.fault(after: 6) == .endsBeforeCheckpoint)
    }

    /// A new leader replaces what was not committed, across segments too. Source: Raft figure 7.
    @Test func laterEntriesReplaceEarlierOnes() throws {
        let script = Script([
            .entry(entry(1)), .entry(entry(2)), .entry(entry(3)), .entry(entry(4)), .state(state(1, commit: 1)),
            .segment(5), .state(state(1, commit: 1)), .entry(entry(5)), .entry(entry(3, term: 2, [9])),
            .state(state(2, commit: 2)), .barrier, .entry(entry(4, term: 2)),
        ])
        let left = [entry(3, term: 2, [9]), entry(4, term: 2)]
        #expect(try script.recover().entries == [entry(1), entry(2)] + left)
        #expect(try script.recover(after: 2).entries == left)
        #expect(try script.recover(after: 3).entries == [left[1]])
        #expect(try script.recover(after: 4).entries == [])
    }

    @Test func aSnapshotAheadOfTheLogReplacesIt() throws {
        let script = Script([
            .entry(entry(1)), .state(state(1, commit: 1)), .snapshot(1, 1), .snapshot(100, 3),
            .state(state(3, commit: 100)), .barrier, .entry(entry(101, term: 3)),
        ])
        let recovery = try script.recover()
        #expect(recovery.entries == [entry(101, term: 3)])
        #expect(recovery.after == LogIndex(100))
        #expect(recovery.snapshots.map(\.index) == [1, 100].map { LogIndex($0) })
    }

    /// Entries of a leader that lost, at the snapshot's index and behind it, go with what is before.
    @Test func aSnapshotReplacesEntriesThatDiffer() throws {
        let script = Script([
            .entry(entry(1)), .state(state(1, commit: 1)), .entry(entry(2)), .entry(entry(3)), .entry(entry(4)),
            .barrier, .snapshot(3, 2), .state(state(2, commit: 3)), .barrier, .entry(entry(4, term: 2)),
        ])
        for after in [UInt64(0), 1, 3] {
            let recovery = try script.recover(after: after)
            #expect(recovery.after == LogIndex(3) && recovery.entries == [entry(4, term: 2)])
        }
        let cut = Script([
            .entry(entry(1)), .entry(entry(2)), .entry(entry(3)), .entry(entry(4)), .barrier, .snapshot(3, 2),
            .state(state(2, commit: 3)),
        ])
        #expect(try cut.recover(after: 3).entries == [])
        // One of entries that are there says nothing new.
        let known = Script([
            .entry(entry(1)), .entry(entry(2)), .entry(entry(3)), .barrier, .snapshot(2, 1),
            .state(state(1, commit: 2)),
        ])
        #expect(try known.recover().entries == [entry(1), entry(2), entry(3)])
    }

    @Test func whatNoMemberWrites() {
        #expect(Script([.entry(entry(2))]).fault() == .gap)
        #expect(Script([.entry(entry(1)), .entry(entry(3))]).fault() == .gap)
        #expect(Script([.entry(entry(1, term: 2)), .entry(entry(2, term: 1))]).fault() == .term)
        #expect(
            Script([.entry(entry(1)), .state(state(1, commit: 1)), .entry(entry(1))]).fault() == .overwritesCommitted)
        #expect(Script([.state(state(2)), .state(state(1))]).fault() == .stateRegression)
        #expect(Script([.state(state(2, vote: 1)), .state(state(2, vote: 2))]).fault() == .stateRegression)
        #expect(Script([.state(state(2, vote: 1)), .state(state(2))]).fault() == .stateRegression)
        #expect(Script([.state(state(2)), .state(state(2, vote: 2))]).fault() == nil)
        #expect(
            Script([.entry(entry(1)), .state(state(1, commit: 1)), .state(state(1))]).fault() == .stateRegression)
        #expect(Script([.entry(entry(1)), .state(state(1, commit: 2))]).fault() == .commitBeyondLog)
        #expect(Script([.entry(entry(1, term: 2)), .state(state(1)), .barrier]).fault() == nil)
        #expect(Script([.metadata([8, 1, 16, 2])]).fault() == .header)
        #expect(
            Script([.entry(entry(1)), .segment(2), .entry(entry(2)), .segment(9), .entry(entry(9))]).fault() != nil)
    }

    @Test func batchesKeepCount() {
        var batch = LogBatch()
        #expect(batch.isEmpty && !batch.needsSync && batch.lastEntry == nil)
        batch.append(state(1, commit: 4), mustSync: false)
        #expect(!batch.isEmpty && !batch.needsSync)
        var other = LogBatch()
        other.append(entry(7, term: 3))
        batch.append(contentsOf: other)
        #expect(batch.needsSync && batch.recordCount == 2)
        #expect(batch.lastEntry == LogPosition(index: LogIndex(7), term: Term(3)))
        batch.removeAll()
        #expect(batch.isEmpty && !batch.needsSync && batch.lastEntry == nil && batch.byteCount == 0)
    }
}
