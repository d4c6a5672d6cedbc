// SPDX-License-Identifier: Apache-2.0

/// What the examination of a data folder tells, in order. It may be told by one process to another.
package enum CheckNews: Hashable, Codable, Sendable {
    /// What is read from now on.
    case began(CheckStage, path: String)
    case found(CheckFinding)
    case log(CheckedLog)
    case tables(CheckedTables)
    case state(CheckedState)
    /// All was looked at that could be.
    case ended
}

package enum CheckStage: String, Codable, Sendable {
    case folder, log, tables, state
}

package struct CheckFinding: Hashable, Codable, Sendable {
    package enum Kind: String, Codable, Sendable {
        /// Worth knowing, and no fault.
        case note
        /// The server would refuse the folder, or lose something by it.
        case damage
        /// Why there is no examination, or none of a part.
        case obstacle
    }

    package var kind: Kind
    /// A file or folder.
    package var path: String
    /// In bytes.
    package var offset: Int?
    package var message: String

    package init(_ kind: Kind, _ path: String, offset: Int? = nil, _ message: String) {
        self.kind = kind
        self.path = path
        self.offset = offset
        self.message = message
    }
}

/// The log, as far as it is read: from the last gap in its segments on.
package struct CheckedLog: Hashable, Codable, Sendable {
    package var memberID: UInt64
    package var clusterID: UInt64
    package var segmentCount: Int
    package var firstIndex: UInt64
    /// One below the first where there is no entry.
    package var lastIndex: UInt64
    package var commitIndex: UInt64
    package var term: UInt64

    package init(
        memberID: UInt64, clusterID: UInt64, segmentCount: Int, firstIndex: UInt64, lastIndex: UInt64,
        commitIndex: UInt64, term: UInt64
    ) {
        self.memberID = memberID
        self.clusterID = clusterID
        self.segmentCount = segmentCount
        self.firstIndex = firstIndex
        self.lastIndex = lastIndex
        self.commitIndex = commitIndex
        self.term = term
    }
}

/// The checkpoint's file.
package struct CheckedTables: Hashable, Codable, Sendable {
    package var fileBytes: Int
    package var recordCount: Int
    package var recordBytes: Int
}

/// What the checkpoint says.
package struct CheckedState: Hashable, Codable, Sendable {
    package var appliedIndex: UInt64
    package var appliedTerm: UInt64
    package var revision: Int64
    package var compactRevision: Int64
    package var keyCount: Int
    package var leaseCount: Int
    package var isAuthEnabled: Bool
}
