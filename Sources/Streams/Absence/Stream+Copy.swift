// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

// A copy of a stream whose blocks leave memory needn't have them there. Those that the tables have stand, until the
// copy's first checkpoint is written, in the records of the stream that it was copied from, its origin, or of that
// one's: whoever asks for a block looks for it under the copy's own number first. The checkpoint has them copied from
// record to record before it writes anything else, so that what it changes or removes of an origin is copied, too.
extension Stream {
    /// Origins of a copy of a copy … at most, so that a block is looked for in a few places.
    public static let maximumOrigins = 8

    /// Whether a copy can be made without the blocks that aren't in memory.
    public var canLendBlocks: Bool { configuration.isEvictable && log.origins.count < Self.maximumOrigins }

    /// Numbers of the streams in whose records blocks stand that this one's records lack, the nearest first.
    public var origins: [UInt64] { log.origins }

    /// Makes of a value that was copied a stream of its own, of which the tables have nothing yet.
    ///
    /// - Parameters:
    ///   - number: of the stream it was copied from.
    ///   - isWritten: whether the tables have a block of that one which is in memory and has not changed.
    /// - Returns: blocks in memory that may leave it at once. Complexity: O(blocks).
    public mutating func becomeCopy(of number: UInt64, isWritten: (StreamID) -> Bool) -> [SealedBlock] {
        log.rewrittenBytes = 0
        guard canLendBlocks else {
            precondition(absentCount == 0, "\(absentCount) blocks of a stream to copy are not in memory")
            log.origins = []
            markAllChanged()
            return []
        }
        // Only searched.
        let unsaid = Set(log.sealedUnchanged.map(\.base))
        log.sealedUnchanged = []
        var lacking: [StreamID] = []
        var present: [SealedBlock] = []
        log.sealed.forEachLeaf { base, block in
            if block.isAbsent || block.isChanged { return true }
            if unsaid.contains(base) || !isWritten(base) {
                lacking.append(base)
            } else {
                present.append(SealedBlock(block, base))
            }
            return true
        }
        for base in lacking { _ = log.sealed.update(base) { block, _ in block.isChanged = true } }
        markAllChangedBesideBlocks()
        log.origins.insert(number, at: 0)
        return present
    }

    /// The checkpoint that had blocks copied is written.
    public mutating func endBorrowing() { log.origins = [] }
}

/// A block that a checkpoint takes from the record of another stream.
public struct BlockCopy: Sendable {
    /// One of these has it: the first that there is.
    public let sources: [TableKey]
    public let target: TableKey
    let indexKey: TableKey
    let indexValue: [UInt8]

    /// Adds what the copy's tables get.
    public func put(_ value: [UInt8], into batch: inout TableBatch) {
        batch.put(target) { $0 += value }
        batch.put(indexKey) { $0 += indexValue }
    }
}

/// The blocks that a checkpoint has copied: as they were when it began.
struct BorrowedBlocks: Sendable {
    let origins: [UInt64]
    let blocks: IDTree<EntryBlock>
    let prioritized: PriorityIndex
}

extension StreamCheckpoint {
    /// Whether blocks have to be copied before `encode`.
    public var hasBlockCopies: Bool { borrowed != nil }

    /// Calls `body` with each block that has to be copied. Until the checkpoint is written, what is put in consequence
    /// does no harm: nobody reads it but whoever copies again.
    public func forEachBlockCopy<Failure: Error>(
        of number: UInt64, _ body: (BlockCopy) throws(Failure) -> Void
    ) throws(Failure) {
        guard let borrowed else { return }
        var copies: [(base: StreamID, block: EntryBlock)] = []
        borrowed.blocks.forEachLeaf { base, block in
            if !block.isChanged { copies.append((base, block)) }
            return true
        }
        for (base, block) in copies {
            var value: [UInt8] = []
            IndexRecord.encode(base, block, borrowed.prioritized.rows(of: block, base: base), into: &value)
            try body(
                BlockCopy(
                    sources: borrowed.origins.map { StreamTable.blockKey(block.number, of: $0) },
                    target: StreamTable.blockKey(block.number, of: number),
                    indexKey: StreamRecord.index(block.number).key(of: number), indexValue: value))
        }
    }
}
