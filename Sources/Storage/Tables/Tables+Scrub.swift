// SPDX-License-Identifier: Apache-2.0

import CMartletLMDB
package import MartletBasics

/// How far a scrub has come, and what it found.
package struct TablesScrub: Hashable, Sendable {
    /// Where the next step begins; `nil` at the beginning and at the end.
    package fileprivate(set) var next: TableKey?
    package fileprivate(set) var isComplete = false
    package fileprivate(set) var checked = 0
    package fileprivate(set) var checkedBytes = 0
    /// Records whose value isn't what was written, in key order.
    package fileprivate(set) var damaged: [TableKey] = []

    package init() {}
}

extension Tables {
    /// Checks the values of the next records against their checksums.
    ///
    /// Each step is a read of its own. Records written or removed between two steps may or may not be seen.
    ///
    /// - Parameters:
    ///   - limit: records to check in this step, at least 1.
    ///   - deadline: see `read`.
    package func scrub(
        _ progress: inout TablesScrub, limit: Int, until deadline: ContinuousClock.Instant?
    ) throws {
        precondition(limit > 0, "a step of \(limit) records never ends the scrub")
        if progress.isComplete { return }
        progress = try read(until: deadline) { reader in
            var scrub = progress
            let last = scrub.checked + limit
            let first = scrub.next
            scrub.next = nil
            for table in [TableFormat.table] + reader.tables {
                if let first, table < first.table { continue }
                try reader.forEachStored(in: table, from: first?.table == table ? first : nil) { key, stored in
                    if scrub.checked == last {
                        scrub.next = key
                        return false
                    }
                    scrub.checked += 1
                    scrub.checkedBytes += stored.mv_size
                    if TableFormat.payload(key, stored) == nil { scrub.damaged.append(key) }
                    return true
                }
                if scrub.next != nil { return scrub }
            }
            scrub.isComplete = true
            return scrub
        }
    }
}
