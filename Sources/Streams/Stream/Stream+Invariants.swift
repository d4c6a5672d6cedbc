// SPDX-License-Identifier: Apache-2.0

extension Stream {
    /// What is wrong with the stream; `nil` if nothing is. For tests. Complexity: O(n log n).
    package var invariantViolation: String? {
        if let problem = log.invariantViolation { return problem }
        if let problem = groups.invariantViolation { return "groups: \(problem)" }
        for place in groups.takenPlaces {
            if let problem = groups[place].invariantViolation { return "group \(place): \(problem)" }
        }
        return idempotent.producers.invariantViolation
    }
}

extension EntryLog {
    fileprivate var invariantViolation: String? {
        var (blocks, absent) = (0, 0)
        let problem = sealed.invariantViolation { block, base, next in
            blocks += 1
            if block.isAbsent { absent += 1 }
            return Self.problem(block, base, before: next ?? (hasTail ? tailFirst : nil))
        }
        if let problem { return "sealed: \(problem)" }
        if absent != absentCount { return "\(absent) absent blocks counted as \(absentCount)" }
        if blocks != sealedCount { return "\(blocks) blocks counted as \(sealedCount)" }
        guard hasTail else { return nil }
        if let problem = Self.problem(tail, tailFirst, before: nil) { return "tail: \(problem)" }
        if tail.lastID(base: tailFirst) != tailLast { return "tail doesn't end at \(tailLast)" }
        return lastID < tailLast ? "last ID \(lastID) is below \(tailLast)" : nil
    }

    private static func problem(_ block: EntryBlock, _ base: StreamID, before end: StreamID?) -> String? {
        if block.isAbsent { return absentProblem(block, base, before: end) }
        var (given, live) = (0, 0)
        var last: StreamID?
        var isRising = true
        block.forEach(base: base) { cursor in
            if let last, cursor.id <= last { isRising = false }
            last = cursor.id
            given += 1
            if !cursor.isDead { live += 1 }
            return true
        }
        if !isRising { return "IDs of \(base) don't rise" }
        if let last, let end, last >= end { return "\(last) of \(base) is not before \(end)" }
        if (given, live) != (block.givenCount, block.liveCount) { return "counts of \(base)" }
        if live == 0 { return "block \(base) is empty" }
        return given > live * 2 || given == live * 2 ? "more than half of \(base) is deleted" : nil
    }
}

extension EntryLog {
    private static func absentProblem(_ block: EntryBlock, _ base: StreamID, before end: StreamID?) -> String? {
        if block.isChanged { return "block \(base) has changed and is not in memory" }
        if block.liveCount == 0 { return "block \(base) is empty" }
        let ids = [base, block.firstLive, block.lastLive, block.keptLast]
        if ids != ids.sorted() { return "kept IDs of \(base): \(ids)" }
        return end.map { block.keptLast >= $0 } == true ? "kept IDs of \(base) are not before what follows" : nil
    }
}

extension ConsumerGroup {
    fileprivate var invariantViolation: String? {
        var held: [ConsumerNumber: [StreamID]] = [:]
        var (released, seen) = (0, 0)
        let problem = pending.invariantViolation { leaf, first, next in
            var last: StreamID?
            var oldest = Int64.max
            for entry in leaf.entries {
                if entry.id < first || next.map({ entry.id >= $0 }) == true { return "\(entry.id) is out of place" }
                if let last, entry.id <= last { return "\(entry.id) behind \(last)" }
                last = entry.id
                oldest = min(oldest, entry.age)
                seen += 1
                if let consumer = entry.consumer { held[consumer, default: []].append(entry.id) } else { released += 1 }
            }
            return oldest == leaf.oldest ? nil : "oldest of leaf \(first)"
        }
        if let problem { return "pending: \(problem)" }
        if seen != pendingCount || released != releasedCount { return "counts of pending entries" }
        if let problem = consumers.invariantViolation { return "consumers: \(problem)" }
        for place in consumers.takenPlaces {
            let consumer = consumers[place]
            let problem = consumer.pending.invariantViolation { leaf, first, next in
                for row in 0..<leaf.count
                where leaf.id(at: row) < first || next.map({ leaf.id(at: row) >= $0 }) == true {
                    return "\(leaf.id(at: row)) is out of place"
                }
                return nil
            }
            if let problem { return "IDs of consumer \(place): \(problem)" }
            var ids: [StreamID] = []
            consumer.forEachID(in: .all) { id in
                ids.append(id)
                return true
            }
            if ids != held[ConsumerNumber(UInt32(place)), default: []] { return "consumer \(place) holds other IDs" }
        }
        return nil
    }
}
