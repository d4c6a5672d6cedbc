// SPDX-License-Identifier: Apache-2.0

import MartletNode

/// A report for people.
package struct CheckText {
    private let report: CheckReport

    package init(_ report: CheckReport) { self.report = report }

    package var lines: [String] {
        var lines = [headline]
        func add(_ name: String, _ text: String) {
            lines.append("  " + name + String(repeating: " ", count: max(9 - name.count, 1)) + text)
        }
        if let log = report.log {
            add("member", "\(String(log.memberID, radix: 16)) of cluster \(String(log.clusterID, radix: 16))")
            add("log", text(log))
        }
        if let tables = report.tables {
            let records = Self.count(tables.recordCount, "record")
            add("tables", "\(records) of \(tables.recordBytes) bytes, in a file of \(tables.fileBytes)")
        }
        if let state = report.state { add("state", text(state)) }
        for finding in report.findings {
            let place = finding.offset.map { "\(finding.path), byte \($0)" } ?? finding.path
            add(finding.kind.rawValue, "\(place): \(finding.message)")
        }
        if report.verdict == .damaged {
            lines.append("Keep the folder as it is, and make the member anew: martlet snapshot restore SNAPSHOT")
        }
        return lines
    }

    private var headline: String {
        switch report.verdict {
        case .sound: "\(report.folder) is sound"
        case .damaged: "\(report.folder) is damaged"
        case .unexamined: "\(report.folder) could not be examined"
        }
    }

    private func text(_ log: CheckedLog) -> String {
        let segments = Self.count(log.segmentCount, "segment")
        guard log.lastIndex >= log.firstIndex else { return "\(segments) without entries; term \(log.term)" }
        return "\(segments) with the entries \(log.firstIndex) to \(log.lastIndex); term \(log.term), "
            + "known to be committed up to \(log.commitIndex)"
    }

    private func text(_ state: CheckedState) -> String {
        let compaction =
            state.compactRevision < 0 ? "never compacted" : "compacted at \(state.compactRevision)"
        return "at entry \(state.appliedIndex): revision \(state.revision), \(compaction); "
            + "\(Self.count(state.keyCount, "key")), \(Self.count(state.leaseCount, "lease")), "
            + "logins \(state.isAuthEnabled ? "asked for" : "not asked for")"
    }

    private static func count(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }
}
