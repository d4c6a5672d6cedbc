// SPDX-License-Identifier: Apache-2.0

import Foundation
package import MartletBasics

/// What a machine that loses its power does to a dead process's files: a random part of what no sync has covered is
/// undone.
///
/// **File contents.** A sector of 512 bytes is what a disk writes whole. Each holds what one of the writes since the
/// last sync made of it, or what was there before; sectors are independent of each other, so writes may be lost, torn
/// and out of order. The size is one more such datum. **Folder entries** are undone by themselves, unless the folder
/// was synced; one that was kept keeps all that it builds on.
package struct DiskLoss: Sendable {
    /// How much is lost.
    package enum Style: CaseIterable, Sendable {
        case nothing
        case everything
        /// Everything from a moment on; the last write before it may be torn.
        case fromAMomentOn
        /// Each write for itself; half of those that stay are torn.
        case scatteredWrites
        /// Each sector for itself.
        case scatteredSectors
    }

    /// What was done, for the log of a test.
    package struct Report: Hashable, Sendable {
        package var style: Style
        /// Writes that nothing covered.
        package var uncoveredWrites = 0
        package var lostWrites = 0
        package var tornWrites = 0
        package var uncoveredEntries = 0
        package var lostEntries = 0

        package var lostSomething: Bool { lostWrites + tornWrites + lostEntries > 0 }
    }

    enum Fate {
        case kept
        case torn
        case lost
    }

    static let sectorBytes = 512

    let root: String
    let folder: String
    let journal: DiskLossJournal
    var random: SeededRandom
    var report: Report
    /// Where the moment is.
    private var moment: UInt64 = 0
    /// How probable a loss is.
    private var lossPercent = 50

    /// Rolls the files below `root` back, by the journal that the library wrote into `folder`, and empties that folder.
    ///
    /// The processes must have ended. Without a journal nothing is done.
    package static func strike(
        root: String, journal folder: String, style: Style, random: SeededRandom
    ) throws -> Report {
        let path = "\(folder)/journal"
        guard FileManager.default.fileExists(atPath: path) else { return Report(style: style) }
        var loss = DiskLoss(
            root: root, folder: folder, journal: try DiskLossJournal(path: path), random: random,
            report: Report(style: style))
        loss.prepare()
        try loss.undoEntries()
        try loss.undoChanges()
        try forget(folder)
        return loss.report
    }

    /// Takes all that was journaled for being on disk.
    package static func forget(_ folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
    }

    private mutating func prepare() {
        let positions =
            journal.changes.filter { !journal.isCovered($0) }.map(\.position)
            + journal.entries.filter { !journal.isCovered($0) }.map(\.position)
        moment = positions.randomElement(using: &random) ?? 0
        lossPercent = [10, 50, 90].randomElement(using: &random) ?? 50
    }

    /// What becomes of something that nothing covered.
    mutating func fate(_ position: UInt64) -> Fate {
        switch report.style {
        case .nothing: .kept
        case .everything: .lost
        case .fromAMomentOn: position < moment ? .kept : position == moment ? .torn : .lost
        case .scatteredWrites: percent(lossPercent) ? .lost : percent(50) ? .torn : .kept
        case .scatteredSectors: .torn
        }
    }

    mutating func percent(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    /// Whether a sector of a torn write stays.
    mutating func keepsSector() -> Bool { !percent(lossPercent) }

    /// All files and folders below the root, and itself, by number.
    func pathsByInode() throws -> [UInt64: String] {
        var result: [UInt64: String] = [:]
        var waiting = [root]
        while let path = waiting.popLast() {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            guard let inode = attributes[.systemFileNumber] as? NSNumber else { continue }
            result[inode.uint64Value] = path
            if attributes[.type] as? FileAttributeType == .typeDirectory {
                let names = try FileManager.default.contentsOfDirectory(atPath: path)
                waiting += names.map { "\(path)/\($0)" }
            }
        }
        return result
    }
}
