// SPDX-License-Identifier: Apache-2.0

/// A log that can't be what was written: where, and what is wrong with it. Never repaired.
public struct WALCorruption: Error, Hashable, Sendable {
    public enum Reason: String, Sendable {
        // Found by the decoder
        case header = "it does not begin with checksum and metadata"
        case broken = "it ends before the segment that follows it begins"
        case chain = "its checksum does not continue that of the segment before"
        case lengthWord = "a record's length is damaged"
        case zeroLength = "a record's length is missing"
        case tooLong = "a record is longer than any that is written"
        case malformed = "a record can't be read"
        case checksum = "a record does not match its checksum"
        case recordType = "a record is of no known type"
        case padding = "the padding of a record is not zero"
        // Found by reading the records
        case metadataConflict = "it belongs to another member or cluster than the segment before"
        case message = "a record's data is not of its type"
        case gap = "entries are missing"
        case term = "an entry's term is lower than that of the entry before"
        case overwritesCommitted = "an entry takes the place of a committed one"
        case stateRegression = "a hard state is older than the one before"
        case endsBeforeCheckpoint = "it ends before the entries that the checkpoint holds"
        case commitBeyondLog = "the commit index is beyond the last entry"
    }

    public var segment: WALSegmentName
    /// Of the frame, in bytes from the start of the file.
    public var offset: Int
    public var reason: Reason

    public init(segment: WALSegmentName, offset: Int, reason: Reason) {
        self.segment = segment
        self.offset = offset
        self.reason = reason
    }
}

extension WALCorruption: CustomStringConvertible {
    public var description: String { "\(segment) is damaged at byte \(offset): \(reason.rawValue)" }
}
