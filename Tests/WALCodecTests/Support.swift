// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletWALCodec
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

func bytes(hex: String) -> [UInt8] {
    let digits = hex.filter(\.isHexDigit)
    return stride(from: 0, to: digits.count, by: 2).map { place in
        let start = digits.index(digits.startIndex, offsetBy: place)
        return UInt8(digits[start...].prefix(2), radix: 16) ?? 0
    }
}

func encoded(_ body: (inout LogBytes) -> Void) -> [UInt8] {
    var bytes = LogBytes()
    body(&bytes)
    return bytes.array
}

func entry(_ index: UInt64, term: UInt64 = 1, _ data: [UInt8] = [1, 2, 3]) -> WALEntry {
    WALEntry(index: LogIndex(index), term: Term(term), data: data)
}

func state(_ term: UInt64, vote: UInt64 = 0, commit: UInt64 = 0) -> WALHardState {
    WALHardState(term: Term(term), vote: vote, commit: LogIndex(commit))
}

let firstSegment = WALSegmentName(sequence: 0, firstIndex: LogIndex(0))

/// One segment in memory, made write by write as the writer makes it.
struct SegmentImage {
    var bytes: [UInt8] = []
    /// Where each write begins.
    var writes: [Int] = []
    /// Where each record ends, and how many entries there are then.
    var ends: [(offset: Int, entries: Int)] = []
    var entries: [WALEntry] = []
    private var encoder = WALEncoder()
    private var head = LogHead()

    init() {
        encoder.appendChain()
        encoder.append(.metadata, WALMetadata(memberID: 1, clusterID: 2).encoded.span.bytes)
        encoder.append(.snapshot, encoded { $0.append(WALSnapshot(index: LogIndex(0), term: Term(0))) }.span.bytes)
        take()
    }

    var headEnd: Int { ends[2].offset }

    /// Entries, then the state, if any.
    mutating func write(_ new: [WALEntry], _ state: WALHardState? = nil) {
        writes.append(bytes.count)
        encoder.appendBarrier(at: bytes.count)
        var batch = LogBatch()
        for entry in new { batch.append(entry) }
        if let state { batch.append(state, mustSync: true) }
        var cursor = LogBatch.Cursor()
        encoder.append(batch, from: &cursor, until: .max, head: &head)
        entries += new
        take()
    }

    mutating func close() {
        encoder.appendBarrier(at: bytes.count)
        take()
    }

    /// Full of zeroes up to a size.
    func padded(to size: Int) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: size - bytes.count)
    }

    private mutating func take() {
        bytes += encoder.bytes.array
        encoder.removeAll()
        var decoder = WALDecoder(firstSegment, bytes: bytes, chain: 0, isLast: true)
        ends = []
        var count = 0
        while case .record(let record) = try? decoder.next() {
            if record.type == .entry { count += 1 }
            ends.append((decoder.offset, count))
        }
    }
}

/// What reading one segment as the whole log gives.
enum Outcome: Equatable {
    case whole([WALEntry])
    case torn([WALEntry], at: Int)
    case refused(WALCorruption.Reason)

    init(_ bytes: [UInt8], isLast: Bool = true) {
        var decoder = WALDecoder(firstSegment, bytes: bytes, chain: 0, isLast: isLast)
        var recovery = WALRecovery()
        do throws(WALCorruption) {
            let isTorn = try recovery.read(&decoder)
            try recovery.finish(decoder)
            self = isTorn ? .torn(recovery.entries, at: decoder.offset) : .whole(recovery.entries)
        } catch {
            self = .refused(error.reason)
        }
    }
}
