// SPDX-License-Identifier: Apache-2.0

/// A promise that the member has not kept, in words.
struct Violation: Error {
    var message: String

    init(_ message: String) {
        self.message = message
    }
}
