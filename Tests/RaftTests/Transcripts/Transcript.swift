// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletRaft
import Testing

/// Acts and what the members did upon each: a golden text that contains its own script.
///
/// A line that begins with `>` is an act, one with `#` a remark; all others, indented, are what came of it.
struct Transcript: CustomTestStringConvertible {
    let name: String
    let text: String
    /// The source in which the text stands, as the only multi-line literal.
    let file: String

    init(_ name: String, file: String = #filePath, _ text: String) {
        self.name = name
        self.text = text
        self.file = file
    }

    var testDescription: String { name }

    static let all: [Transcript] = [
        election, staleElection, replication, figure8Overwritten, figure8Committed, readThroughFollower, transfer,
        removal, removalForgotten, jointChange, snapshot, leaseRead,
    ]

    struct Difference: Equatable, CustomStringConvertible {
        /// From 1.
        var line: Int
        var expected: String
        var actual: String

        var description: String { "line \(line):\n  expected |\(expected)|\n  actual   |\(actual)|" }
    }

    static func firstDifference(_ expected: String, _ actual: String) -> Difference? {
        let left = expected.split(separator: "\n", omittingEmptySubsequences: false)
        let right = actual.split(separator: "\n", omittingEmptySubsequences: false)
        for line in 0..<max(left.count, right.count) {
            let pair = (line < left.count ? left[line] : "(end)", line < right.count ? right[line] : "(end)")
            if pair.0 != pair.1 { return Difference(line: line + 1, expected: String(pair.0), actual: String(pair.1)) }
        }
        return nil
    }

    /// Puts `new` in the place of the text in the source.
    func rewrite(_ new: String) throws {
        let mark = "\"\"\""
        var parts = try String(contentsOfFile: file, encoding: .utf8).components(separatedBy: mark)
        guard parts.count == 3 else { throw TranscriptDriver.Mistake(act: "\(file) has not one literal") }
        let indent = String(repeating: " ", count: 8)
        let lines = new.split(separator: "\n").map { indent + $0 }
        parts[1] = "\n" + lines.joined(separator: "\n") + "\n" + indent
        try parts.joined(separator: mark).write(toFile: file, atomically: true, encoding: .utf8)
    }
}
