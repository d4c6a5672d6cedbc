// SPDX-License-Identifier: Apache-2.0

/// Why JSON is not the message it should be, or bytes are not.
package struct TranscodingError: Error, Hashable, CustomStringConvertible {
    /// Where, from the message's own fields inward: `items[2].price`; empty for the message as a whole.
    package private(set) var path: String
    package let reason: String

    init(_ reason: String, at path: String = "") {
        self.reason = reason
        self.path = path
    }

    /// The same, one level further out.
    func inside(_ name: String) -> TranscodingError {
        let isIndex = self.path.isEmpty || self.path.hasPrefix("[")
        return TranscodingError(self.reason, at: name + (isIndex ? "" : ".") + self.path)
    }

    package var description: String { self.path.isEmpty ? self.reason : "\(self.path): \(self.reason)" }
}

extension TranscodingError {
    /// Runs `body` and puts `name` before the place of its error.
    static func locating<Result>(
        _ name: @autoclosure () -> String, _ body: () throws(TranscodingError) -> Result
    ) throws(TranscodingError) -> Result {
        do { return try body() } catch { throw error.inside(name()) }
    }
}
