// SPDX-License-Identifier: Apache-2.0

/// Why a bbolt file could not be read or written.
package struct BoltFileError: Error, Hashable, Sendable {
    package struct Code: Hashable, Sendable {
        private enum Kind: Hashable, Sendable {
            case notBolt, truncated, damaged, tooLarge, readFailed, invalidEntry, planDiffers
        }

        private var kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// Neither meta page is valid.
        package static var notBolt: Code { Code(.notBolt) }
        /// The file ends before a page that its meta counts.
        package static var truncated: Code { Code(.truncated) }
        /// A page contradicts the format, or another page.
        package static var damaged: Code { Code(.damaged) }
        /// Valid perhaps, but beyond a limit of the reader.
        package static var tooLarge: Code { Code(.tooLarge) }
        /// The image could not be read where it says it has bytes.
        package static var readFailed: Code { Code(.readFailed) }
        /// Writing: a key or a value that the format has no place for, or a key out of order.
        package static var invalidEntry: Code { Code(.invalidEntry) }
        /// Writing: the entries are not those that were counted beforehand.
        package static var planDiffers: Code { Code(.planDiffers) }
    }

    package var code: Code
    /// The page at fault, where there is one.
    package var page: UInt64?
    package var message: String

    package init(_ code: Code, page: UInt64? = nil, _ message: String) {
        self.code = code
        self.page = page
        self.message = message
    }
}

extension BoltFileError: CustomStringConvertible {
    package var description: String {
        if let page { "page \(page): \(message)" } else { message }
    }
}
