// SPDX-License-Identifier: Apache-2.0

/// Colours, where they are wanted: on a terminal that isn't dumb, unless NO_COLOR is set. Source: no-color.org.
package struct TerminalStyle: Sendable {
    package let isColored: Bool

    package init(isTerminal: Bool, environment: [String: String]) {
        let refuses = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        isColored = isTerminal && !refuses && environment["TERM"] != "dumb"
    }

    package func bold(_ text: String) -> String { sgr("1", text) }
    package func dim(_ text: String) -> String { sgr("2", text) }
    package func green(_ text: String) -> String { sgr("32", text) }
    package func red(_ text: String) -> String { sgr("31", text) }

    private func sgr(_ code: String, _ text: String) -> String {
        isColored ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
