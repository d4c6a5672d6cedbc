// SPDX-License-Identifier: Apache-2.0

package import MartletWALCodec

/// Why the log could not be made, read or written.
package struct StorageError: Error, Sendable {
    package struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Value: String {
            case noSpace, inputOutput, locked, exists, missing, missingSegment, corrupt, stopped
        }

        private var value: Value

        /// The disk or the quota is full.
        package static let noSpace = Code(value: .noSpace)
        /// Any other refusal of the operating system; `systemError` says which.
        package static let inputOutput = Code(value: .inputOutput)
        /// Another process, or another log of this one, has the folder.
        package static let locked = Code(value: .locked)
        /// There is a log already.
        package static let exists = Code(value: .exists)
        /// There is no log.
        package static let missing = Code(value: .missing)
        /// A segment between others is gone.
        package static let missingSegment = Code(value: .missingSegment)
        /// A segment is damaged; `corruption` says where.
        package static let corrupt = Code(value: .corrupt)
        /// The log has failed before or was closed.
        package static let stopped = Code(value: .stopped)

        package var description: String { value.rawValue }
    }

    package var code: Code
    /// What was tried, and on what.
    package var message: String
    /// The operating system's number.
    package var systemError: Int32?
    package var corruption: WALCorruption?

    package init(_ code: Code, _ message: String, systemError: Int32? = nil, corruption: WALCorruption? = nil) {
        self.code = code
        self.message = message
        self.systemError = systemError
        self.corruption = corruption
    }
}

extension StorageError: CustomStringConvertible {
    package var description: String { "\(message) (\(code))" }
}
