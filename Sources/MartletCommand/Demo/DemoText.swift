// SPDX-License-Identifier: Apache-2.0

/// Numbers as the demonstration shows them.
package enum DemoText {
    /// One digit behind the point.
    package static func decimal(_ value: Double) -> String {
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    package static func milliseconds(_ microseconds: UInt64) -> String {
        decimal(Double(microseconds) / 1000) + " ms"
    }

    package static func seconds(_ duration: Duration) -> String { decimal(duration / .seconds(1)) + " s" }

    /// The text with spaces before it up to `width`.
    package static func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    /// The summary: a mark, the claim, what was measured.
    package static func summary(_ claims: [DemoClaim], style: TerminalStyle) -> [String] {
        let width = claims.map(\.text.count).max() ?? 0
        return claims.map { claim in
            let mark = claim.holds ? style.green("held") : style.red("FAILED")
            let padding = String(repeating: " ", count: (claim.holds ? 4 : 2) + width - claim.text.count)
            return "  \(mark)  \(claim.text)\(padding)\(claim.measured)"
        }
    }
}
