// SPDX-License-Identifier: Apache-2.0

import Foundation

extension DiskLoss {
    typealias Entry = DiskLossJournal.Entry

    /// Undoes a part of the changes of folders, the last one first.
    mutating func undoEntries() throws {
        let pinned = pinnedEntries()
        var lost: [Entry] = []
        var lostSlots: Set<DiskLossJournal.Slot> = []
        for entry in journal.entries where !pinned.contains(entry.position) {
            report.uncoveredEntries += 1
            // What builds on a lost one is lost too. Half of an entry there is not.
            if lostSlots.isDisjoint(with: entry.slots) {
                let fate = fate(entry.position)
                if fate == .kept || (fate == .torn && keepsSector()) { continue }
            }
            lost.append(entry)
            lostSlots.formUnion(entry.slots)
        }
        report.lostEntries = lost.count
        for entry in lost.reversed() { try undo(entry) }
    }

    /// Positions of the entries that a sync covers, and of those that these build on.
    private func pinnedEntries() -> Set<UInt64> {
        var positions: Set<UInt64> = []
        var slots: Set<DiskLossJournal.Slot> = []
        for entry in journal.entries.reversed()
        where journal.isCovered(entry) || !slots.isDisjoint(with: entry.slots) {
            positions.insert(entry.position)
            slots.formUnion(entry.slots)
        }
        return positions
    }

    private func undo(_ entry: Entry) throws {
        let files = FileManager.default
        // Folders may have been renamed since; one that is gone took its entries along.
        let paths = try pathsByInode()
        guard let folder = paths[entry.slot.folder] else { return }
        let path = "\(folder)/\(entry.slot.name)"
        switch entry.kind {
        case .create, .makeFolder:
            if files.fileExists(atPath: path) { try files.removeItem(atPath: path) }
        case .unlink:
            try restore(entry.kept, at: path)
        case .removeFolder:
            if !files.fileExists(atPath: path) {
                try files.createDirectory(atPath: path, withIntermediateDirectories: false)
            }
        case .rename:
            guard let target = entry.target, let targetFolder = paths[target.folder] else { return }
            let targetPath = "\(targetFolder)/\(target.name)"
            // The kill may have come between the journal and the call.
            guard paths[entry.inode] == targetPath else { return }
            try files.moveItem(atPath: targetPath, toPath: path)
            try restore(entry.kept, at: targetPath)
        }
    }

    private func restore(_ kept: UInt64, at path: String) throws {
        guard kept > 0, !FileManager.default.fileExists(atPath: path) else { return }
        try FileManager.default.linkItem(atPath: "\(folder)/kept-\(kept)", toPath: path)
    }
}
