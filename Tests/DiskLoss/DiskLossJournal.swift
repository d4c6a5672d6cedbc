// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a process did to its files, read from the journal that `Preload/disk_loss.h` describes.
struct DiskLossJournal {
    /// What a range of a file held before.
    enum OldBytes {
        case zero
        /// What it holds after.
        case same
        case bytes([UInt8])
    }

    /// A write, or a new size.
    struct Change {
        var position: UInt64
        var inode: UInt64
        /// Whose bytes it changed; empty when the file grew without a write.
        var range: Range<Int>
        var old: OldBytes
        var sizeBefore: Int
        var sizeAfter: Int
    }

    enum EntryKind: UInt64 {
        case create = 1
        case makeFolder = 2
        case unlink = 3
        case removeFolder = 4
        case rename = 5
    }

    /// A name in a folder.
    struct Slot: Hashable {
        var folder: UInt64
        var name: String
    }

    /// A change of what folders hold.
    struct Entry {
        var position: UInt64
        var kind: EntryKind
        var slot: Slot
        /// Of a rename.
        var target: Slot?
        /// What a rename moved.
        var inode: UInt64
        /// The number of the link to a file whose last name may have gone; 0 for none.
        var kept: UInt64

        var slots: [Slot] { [slot] + (target.map { [$0] } ?? []) }
    }

    private(set) var changes: [Change] = []
    private(set) var entries: [Entry] = []
    /// Up to which position a file or folder is on disk.
    private var covered: [UInt64: UInt64] = [:]
    private var coveredWrites: Set<UInt64> = []

    init(path: String) throws {
        let bytes = try Data(contentsOf: URL(filePath: path), options: .alwaysMapped)
        bytes.withUnsafeBytes { read($0) }
    }

    func isCovered(_ change: Change) -> Bool {
        isCovered(change.inode, change.position) || coveredWrites.contains(change.position)
    }

    func isCovered(_ entry: Entry) -> Bool {
        entry.slots.allSatisfy { isCovered($0.folder, entry.position) }
    }

    private func isCovered(_ inode: UInt64, _ position: UInt64) -> Bool {
        position < covered[inode, default: 0] || position < covered[0, default: 0]
    }

    // MARK: Reading

    private static let headerBytes = 56
    private static let zeroFlag: UInt64 = 1
    private static let sameFlag: UInt64 = 2

    private mutating func read(_ bytes: UnsafeRawBufferPointer) {
        func word(_ offset: Int) -> UInt64 { bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        func half(_ offset: Int) -> UInt32 { bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        // The process ended at the time of its last record; what was due later never came.
        var lastTime: UInt64 = 0
        var due: [(time: UInt64, inode: UInt64?, position: UInt64)] = []
        var offset = 0
        while offset + Self.headerBytes <= bytes.count {
            let length = Int(half(offset))
            guard length >= Self.headerBytes, offset + length <= bytes.count else { break }
            let payload = UnsafeRawBufferPointer(rebasing: bytes[(offset + Self.headerBytes)..<(offset + length)])
            let inode = word(offset + 16)
            let (a, b, c, d) = (word(offset + 24), word(offset + 32), word(offset + 40), word(offset + 48))
            lastTime = max(lastTime, word(offset + 8))
            switch half(offset + 4) {
            case 1:
                let start = Int(a)
                let oldCount = max(0, min(Int(b), Int(c) - start))
                changes.append(
                    Change(
                        position: UInt64(offset), inode: inode, range: start..<(start + Int(b)),
                        old: Self.old(d, payload, oldCount), sizeBefore: Int(c), sizeAfter: max(Int(c), start + Int(b)))
                )
            case 2:
                let cut = Int(a)..<max(Int(a), Int(c))
                changes.append(
                    Change(
                        position: UInt64(offset), inode: inode, range: cut, old: Self.old(d, payload, cut.count),
                        sizeBefore: Int(c), sizeAfter: Int(a)))
            case 3: due.append((b, inode, a))
            case 4: due.append((b, nil, a))
            case 5: entries.append(Self.entry(UInt64(offset), inode, (a, b, c, d), payload))
            case let kind: preconditionFailure("the journal holds a record of kind \(kind) at \(offset)")
            }
            offset += length
        }
        for (time, inode, position) in due where time <= lastTime {
            if let inode {
                covered[inode] = max(covered[inode, default: 0], position)
            } else {
                coveredWrites.insert(position)
            }
        }
    }

    private static func old(_ flags: UInt64, _ payload: UnsafeRawBufferPointer, _ count: Int) -> OldBytes {
        if flags & zeroFlag != 0 { return .zero }
        return flags & sameFlag != 0 ? .same : .bytes(Array(payload.prefix(count)))
    }

    private static func entry(
        _ position: UInt64, _ inode: UInt64, _ words: (UInt64, UInt64, UInt64, UInt64),
        _ payload: UnsafeRawBufferPointer
    ) -> Entry {
        let names = payload.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        guard let kind = EntryKind(rawValue: words.3), let name = names.first else {
            preconditionFailure("the journal holds no folder entry at \(position)")
        }
        let target = kind == .rename ? Slot(folder: words.0, name: names[1]) : nil
        return Entry(
            position: position, kind: kind, slot: Slot(folder: inode, name: name), target: target, inode: words.1,
            kept: words.2)
    }
}
