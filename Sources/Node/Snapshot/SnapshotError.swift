// SPDX-License-Identifier: Apache-2.0

import MartletEtcdSnapshot
import MartletKeyValue
import MartletStorage

/// Why a snapshot could not be taken, kept or restored.
package struct SnapshotError: Error, Sendable {
    package struct Code: Hashable, Sendable {
        private enum Kind: Hashable, Sendable {
            case file, snapshot, tables, log, refused
        }

        private var kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// A file or folder could not be read or written; the message says how.
        package static var file: Code { Code(.file) }
        /// The snapshot is not what etcd writes, or is damaged.
        package static var snapshot: Code { Code(.snapshot) }
        /// A member's tables could not be read or written, or contradict themselves.
        package static var tables: Code { Code(.tables) }
        /// The log of a restored member could not be made.
        package static var log: Code { Code(.log) }
        /// What was asked for contradicts itself, or would overwrite data.
        package static var refused: Code { Code(.refused) }
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The same for whatever the layers below threw.
    init(_ cause: any Error) {
        switch cause {
        case let error as SnapshotError: self = error
        case let error as EtcdSnapshotError: self.init(.snapshot, error.message)
        case let error as TablesError: self.init(.tables, "the tables can't be used: \(error)")
        case let error as CheckpointError: self.init(.tables, "the tables contradict themselves: \(error)")
        case let error as StorageError: self.init(.file, error.message)
        default: self.init(.file, "\(cause)")
        }
    }
}

extension SnapshotError: CustomStringConvertible {
    package var description: String { message }
}
