// SPDX-License-Identifier: Apache-2.0

/// Rows of text in columns that line up, two spaces between them.
package struct TextTable: Sendable {
    package enum Alignment: Sendable { case left, right }

    private var rows: [[String]]
    private let alignments: [Alignment]

    /// - Parameter columns: The heads, and on which side the column's texts line up.
    package init(_ columns: [(head: String, alignment: Alignment)]) {
        rows = [columns.map(\.head)]
        alignments = columns.map(\.alignment)
    }

    /// - Parameter cells: One a column. What a terminal would obey is made harmless.
    package mutating func add(_ cells: [String]) {
        precondition(cells.count == alignments.count, "\(cells.count) cells for \(alignments.count) columns")
        rows.append(cells.map(PeerText.line))
    }

    /// The head and the rows, without spaces at the end of a line.
    package var lines: [String] {
        var widths = alignments.map { _ in 0 }
        for row in rows {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += column == 0 ? "" : "  "
                line += alignments[column] == .left ? cell + padding : padding + cell
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
