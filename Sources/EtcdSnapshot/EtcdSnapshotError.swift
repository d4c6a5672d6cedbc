// SPDX-License-Identifier: Apache-2.0

package import MartletBoltFile

/// Why an etcd snapshot could not be read or written.
package struct EtcdSnapshotError: Error, Hashable, Sendable {
    package struct Code: Hashable, Sendable {
        private enum Kind: Hashable, Sendable {
            case file, missingBucket, damaged, tooLarge, noTrailer, trailerDiffers, order
        }

        private var kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// The bbolt file itself is at fault: `cause` says how.
        package static var file: Code { Code(.file) }
        /// A bucket that every etcd writes is not there.
        package static var missingBucket: Code { Code(.missingBucket) }
        /// An entry is not what its bucket holds.
        package static var damaged: Code { Code(.damaged) }
        /// Small buckets with more in them than is read into memory.
        package static var tooLarge: Code { Code(.tooLarge) }
        /// The file does not end with a SHA-256, as one that was copied from a data folder.
        package static var noTrailer: Code { Code(.noTrailer) }
        /// The SHA-256 at the end is not that of the file: it was damaged or cut.
        package static var trailerDiffers: Code { Code(.trailerDiffers) }
        /// Writing: a revision after a lease, or anything after the end.
        package static var order: Code { Code(.order) }
    }

    package var code: Code
    package var message: String
    package var cause: BoltFileError?

    package init(_ code: Code, _ message: String, cause: BoltFileError? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    init(_ cause: BoltFileError) {
        self.init(cause.code == .tooLarge ? .tooLarge : .file, cause.description, cause: cause)
    }
}

extension EtcdSnapshotError: CustomStringConvertible {
    package var description: String { message }
}
