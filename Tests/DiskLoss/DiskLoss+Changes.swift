// SPDX-License-Identifier: Apache-2.0

import Foundation

extension DiskLoss {
    typealias Change = DiskLossJournal.Change

    /// Undoes a part of the changes of each file that is there.
    mutating func undoChanges() throws {
        let paths = try pathsByInode()
        // A write that was synced by itself doesn't cover those before it, and is undone with none of them.
        let uncovered = Dictionary(grouping: journal.changes.filter { !journal.isCovered($0) }, by: \.inode)
        for (inode, _) in uncovered.sorted(by: { $0.key < $1.key }) {
            guard let path = paths[inode] else { continue }
            let first = uncovered[inode]?.first?.position ?? 0
            let changes = journal.changes.filter { $0.inode == inode && $0.position >= first }
            try undo(changes, of: path)
        }
    }

    /// `changes` are in the order they were made, from the first on that nothing covers.
    private mutating func undo(_ changes: [Change], of path: String) throws {
        var fates = changes.map { change in
            if journal.isCovered(change) { return Fate.kept }
            report.uncoveredWrites += 1
            let fate = fate(change.position)
            // Whether a write that changed nothing came to the disk makes no difference.
            if case .same = change.old { return .lost }
            return fate
        }
        let file = try FileHandle(forUpdating: URL(filePath: path))
        defer { try? file.close() }
        // Sectors that hold what a write made of them which stays: earlier ones shine through, and stay too.
        var settled: Set<Int> = []
        for index in changes.indices.reversed() {
            let change = changes[index]
            if fates[index] == .kept {
                settled.formUnion(Self.sectors(change.range))
                continue
            }
            if case .same = change.old { continue }
            let isTorn = fates[index] == .torn
            var lost = 0
            var run: Range<Int>?
            let sectors = Self.sectors(change.range)
            for sector in sectors {
                if settled.contains(sector) { continue }
                if isTorn, keepsSector() {
                    settled.insert(sector)
                    continue
                }
                lost += 1
                if let open = run, open.upperBound == sector {
                    run = open.lowerBound..<(sector + 1)
                } else {
                    if let run { try restore(run, change, file) }
                    run = sector..<(sector + 1)
                }
            }
            if let run { try restore(run, change, file) }
            if lost == sectors.count, !sectors.isEmpty {
                report.lostWrites += 1
                fates[index] = .lost
            } else if lost > 0 {
                report.tornWrites += 1
            }
        }
        try file.truncate(atOffset: UInt64(size(changes, fates)))
    }

    /// The size is what the last change left of which it is known to have come to disk.
    private mutating func size(_ changes: [Change], _ fates: [Fate]) -> Int {
        var size = changes.first?.sizeBefore ?? 0
        for (change, fate) in zip(changes, fates) {
            switch fate {
            case .kept: size = change.sizeAfter
            case .torn: if keepsSector() { size = change.sizeAfter }
            case .lost: break
            }
        }
        return size
    }

    private static func sectors(_ range: Range<Int>) -> Range<Int> {
        guard !range.isEmpty else { return 0..<0 }
        return (range.lowerBound / sectorBytes)..<((range.upperBound + sectorBytes - 1) / sectorBytes)
    }

    /// Puts back what the change found in some of its sectors.
    private func restore(_ sectors: Range<Int>, _ change: Change, _ file: FileHandle) throws {
        let range = (sectors.lowerBound * Self.sectorBytes..<sectors.upperBound * Self.sectorBytes)
            .clamped(to: change.range)
        var bytes = Data(count: range.count)
        if case .bytes(let old) = change.old {
            let known = (change.range.lowerBound..<(change.range.lowerBound + old.count)).clamped(to: range)
            if !known.isEmpty {
                let start = known.lowerBound - change.range.lowerBound
                bytes.replaceSubrange(
                    (known.lowerBound - range.lowerBound)..<(known.upperBound - range.lowerBound),
                    with: old[start..<(start + known.count)])
            }
        }
        try file.seek(toOffset: UInt64(range.lowerBound))
        try file.write(contentsOf: bytes)
    }
}
