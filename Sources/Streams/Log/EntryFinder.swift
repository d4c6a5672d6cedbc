// SPDX-License-Identifier: Apache-2.0

/// Finds entries of a log by IDs that ascend: goes on in the block where it found the one before, rather than from the
/// tree's root and the block's beginning.
///
/// Complexity: O(entries between one and the next) within a block, and O(log n + entries of a block) for each block.
struct EntryFinder {
    /// Where the last one was looked for; without bytes if nowhere.
    private var block = EntryBlock()
    /// In front of the block's entries, or at the first one that isn't below the ID last looked for.
    private var cursor = EntryCursor(behind: 0, .zero)

    /// The live entry of an ID, which is above that of the call before.
    mutating func entry(_ id: StreamID, in log: EntryLog) -> StreamEntry? {
        if block.bytes.isEmpty || !advance(to: id) {
            guard let (next, base) = log.block(of: id), !next.isAbsent else { return log.entry(id) }
            block = next
            cursor = EntryCursor(next, base: base)
            if !advance(to: id) { return nil }
        }
        return cursor.id == id && !cursor.isDead ? StreamEntry(cursor, in: block) : nil
    }

    /// Whether the block has an entry that isn't below the ID: there the cursor is then.
    private mutating func advance(to id: StreamID) -> Bool {
        var cursor = cursor
        defer { self.cursor = cursor }
        let bytes = block.bytes.span.bytes
        while !cursor.isAtEntry || cursor.id < id {
            if !cursor.advance(in: bytes) { return false }
        }
        return true
    }
}
