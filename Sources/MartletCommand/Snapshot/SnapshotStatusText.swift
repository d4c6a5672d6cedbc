// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdSnapshot

/// What etcd's tools print about a snapshot: those of the release whose file it is. Since 3.6 a file says its version,
/// and the tools have a column more.
package struct SnapshotStatusText {
    package enum Form: String, CaseIterable, Sendable {
        case simple, table, json, fields
    }

    private let status: EtcdSnapshotStatus

    package init(_ status: EtcdSnapshotStatus) { self.status = status }

    package func lines(_ form: Form) -> [String] {
        switch form {
        case .simple: [cells.map(\.text).joined(separator: ", ")]
        case .table: table
        case .json: [json]
        case .fields:
            [
                "\"Hash\" : \(status.hash)", "\"Revision\" : \(status.revision)", "\"Keys\" : \(status.keyCount)",
                "\"Size\" : \(status.byteCount)",
            ] + (status.storageVersion.map { ["\"Version\" : \($0)"] } ?? [])
        }
    }

    private var cells: [(head: String, text: String)] {
        var cells = [
            ("HASH", String(status.hash, radix: 16)), ("REVISION", String(status.revision)),
            ("TOTAL KEYS", String(status.keyCount)), ("TOTAL SIZE", Self.size(status.byteCount)),
        ]
        if let version = status.storageVersion { cells.append(("VERSION", version)) }
        return cells
    }

    private var json: String {
        var fields = [
            "\"hash\":\(status.hash)", "\"revision\":\(status.revision)", "\"totalKey\":\(status.keyCount)",
            "\"totalSize\":\(status.byteCount)",
        ]
        if let version = status.storageVersion { fields.append("\"version\":" + JSONLine.string(version)) }
        return "{" + fields.joined(separator: ",") + "}"
    }

    private var table: [String] {
        let widths = cells.map { max($0.head.count, $0.text.count) }
        let rule = "+" + widths.map { String(repeating: "-", count: $0 + 2) + "+" }.joined()
        func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }
        var (head, row) = ("|", "|")
        for (cell, width) in zip(cells, widths) {
            let gap = width - cell.head.count
            head += " " + spaces(gap / 2) + cell.head + spaces(gap - gap / 2) + " |"
            row += " " + spaces(width - cell.text.count) + cell.text + " |"
        }
        return [rule, head, rule, row, rule]
    }

    /// Bytes in powers of a thousand: two digits, the second after the point where there is one digit before it.
    package static func size(_ bytes: UInt64) -> String {
        guard bytes >= 10 else { return "\(bytes) B" }
        var unit = 0
        var power = 1.0
        while unit < 6, Double(bytes) >= power * 1000 {
            unit += 1
            power *= 1000
        }
        let tenths = (Double(bytes) / power * 10 + 0.5).rounded(.down)
        let name = ["B", "kB", "MB", "GB", "TB", "PB", "EB"][unit]
        if tenths < 100 { return "\(Int(tenths) / 10).\(Int(tenths) % 10) \(name)" }
        return "\(Int((tenths / 10).rounded(.toNearestOrEven))) \(name)"
    }
}
