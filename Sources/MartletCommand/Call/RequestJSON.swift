// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Tells whether a text is JSON. The text itself is sent: a round through a parser would change numbers and order.
package enum RequestJSON {
    /// What is wrong with a text, to be put behind "the request"; `nil` when it is one JSON value of any kind.
    package static func problem(in text: String) -> String? {
        if text.allSatisfy(\.isWhitespace) { return "is empty; {} is a request without fields" }
        do {
            _ = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
            return nil
        } catch {
            let reason = (error as NSError).userInfo["NSDebugDescription"] as? String
            return "is not JSON\(reason.map { ": \($0)" } ?? ""): \(self.shortened(text))"
        }
    }

    /// The most that is repeated of a text, so that the reason before it stays in sight.
    private static let shownCharacters = 60

    private static func shortened(_ text: String) -> String {
        text.count <= self.shownCharacters ? text : text.prefix(self.shownCharacters) + "..."
    }
}
