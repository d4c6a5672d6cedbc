// SPDX-License-Identifier: Apache-2.0

/// Behind which entry somebody reads on, and where that is in its block: so that the next one isn't looked for from the
/// block's beginning.
///
/// It is derived, and no state: without it the entry is looked for by its ID. So it is where blocks have changed since,
/// but by what is appended or marked as deleted, which moves nothing.
struct ReadingPlace: Sendable {
    /// Of the block.
    fileprivate var base = StreamID.zero
    fileprivate var id = StreamID.zero
    /// Where the next entry begins; 0: nowhere.
    fileprivate var end = 0
    /// The log's: see `EntryLog.moveCount`.
    fileprivate var moveCount: UInt64 = 0
}

extension EntryLog {
    /// Calls `body` with the entries behind `id` in order until it answers `false`; then `place` is at the last one.
    ///
    /// Complexity: from the place where it was left O(log blocks + visited), else as that of `forEach`.
    func forEach(after id: StreamID, _ place: inout ReadingPlace, _ body: (StreamEntry) -> Bool) {
        var last = id
        if place.id == id, place.end > 0, place.moveCount == moveCount {
            if hasTail, place.base == tailFirst {
                _ = Self.goOn(in: tail, &place, body)
                return
            }
            let isGoingOn = sealed.withLeaf(of: place.base) { block, base in
                base != place.base || block.isAbsent || Self.goOn(in: block, &place, body)
            }
            if isGoingOn == false { return }
            last = place.id
        }
        guard let range = StreamRange.after(last) else { return }
        visit(in: range) { block, base, cursor in
            place = ReadingPlace(base: base, id: cursor.id, end: cursor.end, moveCount: moveCount)
            return body(StreamEntry(cursor, in: block))
        }
    }

    /// - Returns: `false` where `body` did.
    private static func goOn(
        in block: EntryBlock, _ place: inout ReadingPlace, _ body: (StreamEntry) -> Bool
    ) -> Bool {
        var cursor = EntryCursor(behind: place.end, place.id)
        let bytes = block.bytes.span.bytes
        while cursor.advance(in: bytes) {
            (place.id, place.end) = (cursor.id, cursor.end)
            if !cursor.isDead, !body(StreamEntry(cursor, in: block)) { return false }
        }
        return true
    }

    /// What is wrong with a place; `nil` if nothing is, or it counts no more. For tests.
    func violation(of place: ReadingPlace) -> String? {
        guard place.end > 0, place.moveCount == moveCount else { return nil }
        guard let (block, base) = block(of: place.base), base == place.base, !block.isAbsent else {
            return "no block is at \(place.base)"
        }
        var isThere = false
        block.forEach(base: base) { cursor in
            isThere = cursor.id == place.id && cursor.end == place.end
            return !isThere
        }
        return isThere ? nil : "\(place.id) doesn't end at \(place.end) of \(place.base)"
    }
}
