// SPDX-License-Identifier: Apache-2.0

extension Stream {
    /// What is wrong with the stream; `nil` if nothing is. For tests. Complexity: O(n log n).
    public var invariantViolation: String? {
        if let problem = log.invariantViolation { return problem }
        if let problem = groups.invariantViolation { return "groups: \(problem)" }
        for place in groups.takenPlaces {
            if let problem = groups[place].invariantViolation { return "group \(place): \(problem)" }
            if let problem = log.violation(of: groups[place].place) { return "place of group \(place): \(problem)" }
        }
        if let problem = markViolation { return "beside entries: \(problem)" }
        for queue in [delayed, ending, jobs] {
            if let problem = queue.invariantViolation(below: nextTimedNumber) { return "moments: \(problem)" }
        }
        return idempotent.producers.invariantViolation
    }
}

extension Stream {
    /// Every row that ends an entry is found by it; an entry in memory has the priority that the index says.
    private var markViolation: String? {
        if let problem = prioritized.invariantViolation { return problem }
        if endingRows.count != ending.count { return "\(ending.count) rows, \(endingRows.count) found by entry" }
        var problem: String?
        ending.forEach { row, content in
            if Self.endingID(content.span.bytes).flatMap({ endingRows.row(of: $0) }) != row { problem = "row \(row)" }
            return problem == nil
        }
        if let problem { return problem }
        var (seen, isWhole) = (0, true)
        func visit(_ base: StreamID, _ block: EntryBlock) -> Bool {
            if block.isAbsent {
                isWhole = false
                return true
            }
            block.forEach(base: base) { cursor in
                if cursor.isDead { return true }
                if cursor.priority > .normal { seen += 1 }
                if cursor.priority != prioritized.priority(of: cursor.id) { problem = "priority of \(cursor.id)" }
                return problem == nil
            }
            return problem == nil
        }
        log.sealed.forEachLeaf(visit)
        if log.hasTail { _ = visit(log.tailFirst, log.tail) }
        if let problem { return problem }
        return !isWhole || seen == prioritizedCount ? nil : "\(seen) priorities counted as \(prioritizedCount)"
    }
}

extension TimedQueue {
    fileprivate func invariantViolation(below number: UInt64) -> String? {
        var (rows, bytes) = (0, 0)
        let problem = tree.invariantViolation { leaf, first, next in
            for (row, id) in leaf.ids.enumerated() {
                if id < first || next.map({ id >= $0 }) == true { return "\(id) is out of place" }
                if row > 0, id <= leaf.ids[row - 1] { return "\(id) doesn't rise" }
                if id.sequence > number { return "\(id) has a number that wasn't given" }
            }
            rows += leaf.count
            bytes += leaf.ids.indices.reduce(0) { $0 + leaf.content($1).count }
            return nil
        }
        return problem ?? ((rows, bytes) == (count, byteCount) ? nil : "sums are not \(rows) and \(bytes)")
    }
}

extension EntryLog {
    fileprivate var invariantViolation: String? {
        var (blocks, absent, size) = (0, 0, 0)
        let problem = sealed.invariantViolation { block, base, next in
            blocks += 1
            if block.isAbsent { absent += 1 }
            size += block.byteCount
            return Self.problem(block, base, before: next ?? (hasTail ? tailFirst : nil))
        }
        if let problem { return "sealed: \(problem)" }
        if absent != absentCount { return "\(absent) absent blocks counted as \(absentCount)" }
        if size != sealedBytes { return "\(size) bytes of blocks counted as \(sealedBytes)" }
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
        if let problem = orderViolation { return "order: \(problem)" }
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

extension ConsumerGroup {
    /// Of each key the first is out or may be, and all others are parked; nothing else is.
    private var orderViolation: String? {
        if let problem = order.invariantViolation { return problem }
        var parked = 0
        for bucket in 0..<OrderTable.bucketCount {
            for line in order.lines(ofBucket: bucket) {
                for (place, id) in line.ids.enumerated() {
                    guard let entry = pendingEntry(id) else { return "\(id) is not pending" }
                    if entry.isParked != (place > 0) { return "\(id), number \(place) of its key, is parked or not" }
                    if place > 0 { parked += 1 }
                }
            }
        }
        return parked == parkedCount ? nil : "\(parked) parked entries counted as \(parkedCount)"
    }
}
