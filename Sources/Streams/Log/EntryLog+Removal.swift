// SPDX-License-Identifier: Apache-2.0

extension EntryLog {
    /// Deletes an entry; `false` where there is none of this ID.
    mutating func delete(_ id: StreamID) -> Bool {
        let isDeleted = edit(blockOf: id, isTail: hasTail && id >= tailFirst) { $0.delete(id, base: $1) ? 1 : 0 } > 0
        if isDeleted { maxDeletedID = max(maxDeletedID, id) }
        return isDeleted
    }

    /// As `EntryBlock.deleteEach`, in the block with this base.
    mutating func deleteEach(inBlockOf base: StreamID, where isDeleted: (StreamID) -> Bool?) -> Int {
        edit(blockOf: base, isTail: hasTail && base == tailFirst) { $0.deleteEach(base: $1, where: isDeleted) }
    }

    /// Has entries of one block deleted, and settles what follows from that.
    ///
    /// - Parameter body: given the block and its base; how many it deleted.
    private mutating func edit(
        blockOf id: StreamID, isTail: Bool, _ body: (inout EntryBlock, StreamID) -> Int
    ) -> Int {
        var hasMoved = false
        var count = 0
        if isTail {
            let (number, size) = (tail.number, tail.bytes.count)
            count = body(&tail, tailFirst)
            hasMoved = tail.bytes.count != size
            if count > 0 { settleTail(number) }
        } else {
            sealed.update(id) { block, base in
                let (wasChanged, size) = (block.isChanged, block.byteCount)
                sealedBytes -= size
                count = body(&block, base)
                hasMoved = block.byteCount != size
                if block.isEmpty { sealedCount -= 1 } else { sealedBytes += block.byteCount }
                if !wasChanged, count > 0 {
                    changedBytes += block.bytes.count
                    rewrittenBytes += block.bytes.count + Self.rewritingBytes
                }
            }
        }
        if hasMoved { moveCount += 1 }
        return count
    }

    /// The block where `id` belongs, and its base ID.
    func block(of id: StreamID) -> (block: EntryBlock, base: StreamID)? {
        if hasTail, id >= tailFirst || sealed.isEmpty { return (tail, tailFirst) }
        return sealed.withLeaf(of: id) { ($0, $1) }
    }

    /// The first block whose base is above `base`.
    func block(after base: StreamID) -> (block: EntryBlock, base: StreamID)? {
        var found: (block: EntryBlock, base: StreamID)?
        sealed.forEachLeaf(from: base) { next, block in
            if next <= base { return true }
            found = (block, next)
            return false
        }
        if let found { return found }
        return hasTail && tailFirst > base ? (tail, tailFirst) : nil
    }

    var firstBlock: (block: EntryBlock, base: StreamID)? { block(of: .zero) }

    /// Takes away the block with this base, whatever it holds. Trims don't touch `maxDeletedID`.
    mutating func removeBlock(base: StreamID) {
        moveCount += 1
        if hasTail, base == tailFirst {
            sealed.ledger.drop(tail.number)
            tail.bytes.removeAll(keepingCapacity: true)
            return
        }
        sealedCount -= 1
        let wasAbsent = sealed.update(base) { block, _ in
            sealedBytes -= block.byteCount
            defer { (block.bytes, block.isAbsent) = ([], false) }
            return block.isAbsent
        }
        if wasAbsent == true { absentCount -= 1 }
    }

    /// Bytes in memory while a block is written that was written before, beside its own: LMDB holds each page that it
    /// changes until it commits, which are two of the block's own, and one of keys in each of two tables, those of
    /// blocks and of their index. Neighbours share the latter, so this is the most.
    private static let rewritingBytes = 4 * 4096

    /// Entries left the tail: it may be empty, or end earlier.
    private mutating func settleTail(_ number: UInt64) {
        if hasTail { tailLast = tail.lastID(base: tailFirst) } else { sealed.ledger.drop(number) }
    }
}
