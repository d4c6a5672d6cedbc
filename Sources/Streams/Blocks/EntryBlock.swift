// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Neighbouring entries of a stream in one piece of memory, from a base ID on.
///
///     given       2 bytes   entries here, deleted ones included; lowest byte first, as all of these
///     live        2 bytes   entries that are not deleted
///     begin       4 bytes   where the entries begin
///     names       varint    how many master names there are: those of the entry that opened the block
///       each      varint, bytes
///     entry       …
///
/// and each entry
///
///     flags       1 byte: see `EntryFlags`
///     ms          varint: milliseconds since those of the entry before, or of the base ID; absent unless flagged
///     sequence    varint: since that of the entry before if the millisecond is the same, else the sequence itself;
///                 absent unless flagged
///     size        varint: bytes of the rest
///     names       varint, absent in an entry with the master names: how many pairs there are
///     texts       values; or names and values by turns. See `PackedText`
///
/// The first entry's base is the block's: what deletion leaves may begin later. A deleted entry keeps its place until
/// half of the block is deleted, then all of them go. Checkpoints keep the same bytes. A block that was written may
/// leave memory, but for its numbers: see `EntryBlock+Absence.swift`.
struct EntryBlock: IDTreeLeaf {
    /// Empty in a block that holds nothing.
    var bytes: [UInt8]
    /// The number, behind it a bit for a block that isn't in memory, and one for a block that the last checkpoint has
    /// otherwise.
    private var tag: UInt64

    init(bytes: [UInt8] = [], number: UInt64 = 0) {
        self.bytes = bytes
        tag = number << 2 | 1
    }

    /// The bytes in front of the master names.
    static let fixedBytes = 8

    var number: UInt64 {
        get { tag >> 2 }
        set { tag = newValue << 2 | tag & 3 }
    }

    var isChanged: Bool {
        get { tag & 1 == 1 }
        set { tag = tag & ~1 | (newValue ? 1 : 0) }
    }

    /// Whether `bytes` are what is kept of a block that isn't in memory.
    var isAbsent: Bool {
        get { tag & 2 == 2 }
        set { tag = tag & ~2 | (newValue ? 2 : 0) }
    }

    /// What is not in memory is as the tables have it.
    var canChange: Bool { !isAbsent }

    // MARK: Numbers in front

    var givenCount: Int {
        get { load(0, 2) }
        set { store(newValue, 0, 2) }
    }

    var liveCount: Int {
        get { bytes.isEmpty ? 0 : load(2, 2) }
        set { store(newValue, 2, 2) }
    }

    var begin: Int {
        get { load(4, 4) }
        set { store(newValue, 4, 4) }
    }

    func load(_ offset: Int, _ width: Int) -> Int {
        let span = bytes.span.bytes
        // Loads check their bounds, and every bit pattern is a number.
        if width == 2 {
            return Int(UInt16(littleEndian: span.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self)))
        }
        return Int(UInt32(littleEndian: span.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }

    mutating func store(_ number: Int, _ offset: Int, _ width: Int) {
        for place in 0..<width { bytes[offset + place] = UInt8(truncatingIfNeeded: number >> (place * 8)) }
    }

    // MARK: In a tree

    var sum: BlockSum { BlockSum(liveCount: liveCount, isChanged: isChanged) }
    var isEmpty: Bool { liveCount == 0 }
    static var lastStays: Bool { false }
    func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: EntryBlock)? { nil }
    func isSparse(capacity: Int) -> Bool { false }
    func join(_ next: EntryBlock, capacity: Int) -> Bool { false }
}

/// How many live entries some blocks hold, and whether one of them changed.
struct BlockSum: IDTreeSum {
    private var packed: UInt64

    init(liveCount: Int, isChanged: Bool) {
        packed = UInt64(liveCount) << 1 | (isChanged ? 1 : 0)
    }

    static var zero: BlockSum { BlockSum(liveCount: 0, isChanged: false) }

    var liveCount: Int { Int(packed >> 1) }

    var isChanged: Bool {
        get { packed & 1 == 1 }
        set { packed = packed & ~1 | (newValue ? 1 : 0) }
    }

    mutating func add(_ other: BlockSum) {
        packed = (packed & ~1) + (other.packed & ~1) | (packed | other.packed) & 1
    }

    mutating func exchange(_ old: BlockSum, for new: BlockSum) -> Bool {
        self = BlockSum(liveCount: liveCount - old.liveCount + new.liveCount, isChanged: isChanged || new.isChanged)
        return true
    }
}

/// What the first byte of an entry says.
enum EntryFlags {
    static let dead: UInt8 = 1
    static let masterNames: UInt8 = 2
    static let milliseconds: UInt8 = 4
    /// Without it the sequence is one more than before, or 0 in another millisecond.
    static let sequence: UInt8 = 8
    /// Where the entry's priority stands.
    static let priority: UInt8 = 0xF0
    private static let priorityShift: UInt8 = 4

    static func of(_ priority: EntryPriority) -> UInt8 { priority.rawValue << priorityShift }
    static func priority(in flags: UInt8) -> EntryPriority? { EntryPriority(rawValue: flags >> priorityShift) }
}
