// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// A sealed block that a checkpoint has as it is.
public struct SealedBlock: Hashable, Sendable {
    public let base: StreamID
    public let number: UInt64
    public let byteCount: Int

    init(_ block: EntryBlock, _ base: StreamID) {
        self.base = base
        number = block.number
        byteCount = block.byteCount
    }
}

// Which blocks are in memory is no part of a stream: it shows in no answer and in no checkpoint. What asks for entries
// of a block that isn't there traps, so whoever asks finds out before what that takes (`BlockDemand`) and brings it
// back.
extension Stream {
    /// What became of a block that was brought from the tables.
    public enum Placing: Hashable, Sendable {
        /// It is in memory now.
        case placed(byteCount: Int)
        /// It has gone from the stream, or is in memory already.
        case notWanted
        /// These are not the bytes that it left with.
        case different
    }

    /// Blocks that are not in memory.
    public var absentCount: Int { log.absentCount }

    /// Whether a block is sealed, in memory and unchanged since a checkpoint took it: if that one is written it may
    /// leave.
    public func canEvict(_ number: UInt64, base: StreamID) -> Bool {
        if log.hasTail, base >= log.tailFirst { return false }
        return log.sealed.withLeaf(of: base) { block, first in
            first == base && block.number == number && !block.isAbsent && !block.isChanged
        } ?? false
    }

    /// Lets a block of which `canEvict` holds leave memory. The tables must have it.
    ///
    /// - Returns: bytes that it had.
    /// - Complexity: O(log n + bytes of the block).
    public mutating func evict(base: StreamID) -> Int {
        let bytes = log.sealed.update(base) { block, base in
            precondition(!block.isChanged, "block \(block.number) is not in the tables")
            let count = block.bytes.count
            block = block.kept(base: base)
            return count
        }
        guard let bytes else { preconditionFailure("no block \(base)") }
        log.absentCount += 1
        log.moveCount += 1
        return bytes
    }

    /// Brings a block back.
    ///
    /// - Parameter value: its record in the tables.
    /// - Complexity: O(log n + bytes of the block).
    public mutating func place(_ number: UInt64, base: StreamID, _ value: RawSpan) -> Placing {
        if log.sealed.isEmpty || log.hasTail && base >= log.tailFirst { return .notWanted }
        let placing = log.sealed.update(base) { block, first in
            guard first == base, block.number == number, block.isAbsent else { return Placing.notWanted }
            var reader = RecordReader()
            guard reader.id(value) == base else { return .different }
            let content = value.extracting(reader.offset..<value.byteCount)
            guard block.byteCount == content.byteCount, block.image == ImageHash.hash(content) else {
                return .different
            }
            block.bytes = [UInt8](copying: content)
            block.isAbsent = false
            return .placed(byteCount: content.byteCount)
        }
        if case .placed = placing { log.absentCount -= 1 }
        return placing ?? .notWanted
    }

    /// The sealed block that begins with this ID.
    public func sealedBlock(base: StreamID) -> SealedBlock? {
        log.sealed.withLeaf(of: base) { block, first in first == base ? SealedBlock(block, base) : nil } ?? nil
    }

    /// Whether a block is one of those that are asked for next: among the newest, or where a group reads on.
    public func isAboutToBeRead(base: StreamID) -> Bool {
        guard let last = log.sealed.withLeaf(of: .max, { _, base in base }), base < last else { return true }
        return groups.takenPlaces.prefix(Self.regardedGroups).contains { place in
            let id = groups.withValue(at: place) { $0.lastDeliveredID }
            guard let next = log.block(of: id) else { return false }
            return base == next.base || base == log.block(after: next.base)?.base
        }
    }

    /// Groups whose next blocks are kept: with each one more to ask before a block leaves. A stream of more groups has
    /// blocks that are asked for often enough to come back.
    private static let regardedGroups = 16
}

extension EntryLog {
    /// Whether there may be such an entry: known unless its block isn't in memory.
    func mayContain(_ id: StreamID) -> Bool {
        if hasTail, id >= tailFirst { return contains(id) }
        return sealed.withLeaf(of: id) { block, base in
            block.mustBeRead(for: StreamRange(id, id)) || block.find(id, base: base) != nil
        } ?? false
    }
}
