// SPDX-License-Identifier: Apache-2.0

/// What a record says. Source: etcd wal record types.
public enum WALRecordType: UInt8, Sendable {
    /// `WALMetadata`
    case metadata = 1
    /// `WALEntry`
    case entry = 2
    /// `WALHardState`
    case state = 3
    /// The running checksum, without data; or a barrier, see `WALDecoder`.
    case checksum = 4
    /// `WALSnapshot`
    case snapshot = 5
}

/// A whole and checked record of a segment.
public struct WALRecord: Hashable, Sendable {
    public var type: WALRecordType
    /// Where its frame stands in the segment.
    public var offset: Int
    /// Where its data stands in the segment.
    public var data: Range<Int>
}

/// The format's numbers. `WALDecoder` explains them.
public enum WALFormat {
    /// Bytes of the length word in front of a record.
    public static let lengthWordBytes = 8
    /// What a disk writes whole or not at all.
    public static let sectorBytes = 512
    /// A record longer than this is none: twice the largest request anyone configures etcd for, far below what would
    /// let a damaged length ask for the machine's memory.
    public static let recordBytesMax = 1 << 30

    /// Zeroes after a record, up to the next multiple of eight.
    public static func padding(_ recordBytes: Int) -> Int {
        (8 - recordBytes % 8) % 8
    }

    static func lengthWord(_ recordBytes: Int) -> UInt64 {
        let padding = padding(recordBytes)
        return UInt64(recordBytes) | (padding == 0 ? 0 : UInt64(0x80 | padding) << 56)
    }
}
