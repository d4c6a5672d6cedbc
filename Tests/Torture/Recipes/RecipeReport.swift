// SPDX-License-Identifier: Apache-2.0

/// What was claimed, and what was found.
package struct RecipeReport: Sendable {
    package struct Claim: Sendable {
        package var text: String
        package var found: String
        package var isKept: Bool
    }

    package private(set) var claims: [Claim] = []
    /// What else happened, beside the claims.
    package private(set) var facts: [(text: String, found: String)] = []
    /// Where the files are, if they were left.
    package var folder: String?

    package var isKept: Bool { !claims.isEmpty && claims.allSatisfy(\.isKept) }
    package var broken: [String] { claims.filter { !$0.isKept }.map { "\($0.text): \($0.found)" } }

    mutating func claim(_ text: String, _ found: String, _ isKept: Bool) {
        claims.append(Claim(text: text, found: found, isKept: isKept))
    }

    /// That something didn't happen, or happened a number of times.
    mutating func claim(_ text: String, _ found: Int, expected: Int = 0) {
        claim(text, expected == 0 ? "\(found)" : "\(found) of \(expected)", found == expected)
    }

    mutating func fact(_ text: String, _ found: String) { facts.append((text, found)) }

    package var table: [String] {
        let texts = claims.map(\.text) + facts.map(\.text)
        let width = texts.map(\.count).max() ?? 0
        func row(_ text: String, _ found: String, _ verdict: String) -> String {
            text + String(repeating: " ", count: width - text.count) + "  \(verdict)  \(found)"
        }
        return facts.map { row($0.text, $0.found, "      ") }
            + claims.map { row($0.text, $0.found, $0.isKept ? "kept  " : "BROKEN") }
    }
}
