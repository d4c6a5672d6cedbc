// SPDX-License-Identifier: Apache-2.0

/// Reads the records of one segment of the log.
///
/// **Files.** A log is a folder of segments, `WALSegmentName`, numbered without a gap. All but the last end where
/// their last record ends; the last has zeroes behind it, since segments are written full of zeroes ahead.
///
/// **Frame.** A segment is a run of frames, each a multiple of eight bytes long and so never with its length word
/// across two sectors:
///
/// | bytes | meaning |
/// |---|---|
/// | 8 | length word, lowest byte first: bits 0-55 the record's bytes; with padding also bit 63, its bytes in 56-58 |
/// | n | the record: protobuf {type = 1, checksum = 2, data = 3} |
/// | 0–7 | padding, zeroes |
///
/// **Checksum.** CRC-32C over the data of all records of the log so far, this one included. A segment's first record
/// is of type `checksum`, without data, and bears the checksum of all segments before; the second is the metadata;
/// then usually the hard state. A record of that type elsewhere repeats the checksum so far.
///
/// **Barrier.** A record of type `checksum` whose data is its own offset, eight bytes, lowest first. The writer puts
/// one in front of each of its writes, and it makes one only after the write before is on disk: so what stands before
/// a barrier was synced, and damage there is never a torn write. (To etcd such a record is a checksum with data that
/// it does not read. A copy of a log inside a value is not taken for barriers, since its offsets differ.)
///
/// **End.** A length word of 0 with only zeroes after it, or the end of the file.
///
/// **Torn tail.** A crash during the last write leaves any of its sectors of 512 bytes as they were, zero, and the
/// file possibly shorter. So at the first bad frame of the *last* segment there is a torn write if no barrier stands
/// behind it, and the frame reaches beyond the file's end or has a sector's share that is all zero, or its length word
/// and all after it in its sector are zero; and if what stands in the length word's own sector, which was written
/// whole, agrees with that length. Nothing from there on was ever reported as synced; the log ends at that
/// offset, and the rest is to be overwritten with zeroes before anything is appended.
///
/// **Corruption.** Everything else; refused with file and offset.
///
/// **Not told apart:** damage to the very last write from a torn one, where that write holds a sector of zeroes and the
/// process ended before it could set a barrier behind it. And a log that lost whole records at its end, to the byte.
///
/// Source: etcd wal (encoder, decoder, repair), which has no barriers and so takes every damage of the last segment
/// that looks torn for torn.
public struct WALDecoder: Sendable {
    public enum Step: Hashable, Sendable {
        case record(WALRecord)
        /// Only zeroes are left. `offset` is where the next frame goes.
        case end
        /// The log was left in a write. `offset` is where it is to be cut.
        case torn
    }

    public let segment: WALSegmentName
    /// The whole file.
    public let bytes: [UInt8]
    /// Whether it is the log's last segment: only that may have a torn tail.
    public let isLast: Bool
    /// Where the records read so far end.
    public private(set) var offset = 0
    /// Where the last barrier stands: all before it was synced. Nil if there was none.
    public private(set) var lastBarrier: Int?
    /// The checksum so far; nil until the first record if it was not given.
    public private(set) var chain: UInt32?
    public private(set) var recordCount = 0

    /// `chain` is the checksum at the end of the segment before; nil if that is not there any more.
    public init(_ segment: WALSegmentName, bytes: [UInt8], chain: UInt32?, isLast: Bool) {
        self.segment = segment
        self.bytes = bytes
        self.chain = chain
        self.isLast = isLast
    }

    /// The next record. After `end` and `torn` it answers the same again.
    public mutating func next() throws(WALCorruption) -> Step {
        let step = try read()
        switch step {
        case .record: recordCount += 1
        case .end, .torn:
            // A segment gets its name only after its first two records are on disk.
            if recordCount < 2 { throw corruption(.header) }
        }
        return step
    }

    private mutating func read() throws(WALCorruption) -> Step {
        let left = bytes.count - offset
        if left < WALFormat.lengthWordBytes {
            if isZero(offset..<bytes.count) { return .end }
            return try damaged(.malformed, frame: offset..<bytes.count, isCut: true)
        }
        let word = bytes.word(at: offset)
        if word == 0 { return try afterLast() }
        // A length word is inside one sector: it is there whole, or zero.
        let size = Int(word & 0x00FF_FFFF_FFFF_FFFF)
        guard WALFormat.lengthWord(size) == word else { throw corruption(.lengthWord) }
        guard size <= WALFormat.recordBytesMax else { throw corruption(.tooLong) }
        let start = offset + WALFormat.lengthWordBytes
        let end = start + size
        let frame = offset..<end + WALFormat.padding(size)
        if frame.upperBound > bytes.count { return try damaged(.malformed, frame: offset..<bytes.count, isCut: true) }
        guard let parts = RecordParts(bytes, start..<end) else { return try damaged(.malformed, frame: frame) }
        guard isZero(end..<frame.upperBound) else { throw corruption(.padding) }
        return try take(parts, frame)
    }

    private mutating func take(_ parts: RecordParts, _ frame: Range<Int>) throws(WALCorruption) -> Step {
        let data = parts.data ?? frame.upperBound..<frame.upperBound
        if parts.type == UInt64(WALRecordType.checksum.rawValue) {
            if recordCount == 0 {
                guard parts.data == nil else { throw corruption(.header) }
                guard chain == nil || chain == parts.checksum else { throw corruption(.chain) }
                chain = parts.checksum
            } else {
                guard parts.checksum == chain else { return try damaged(.checksum, frame: frame) }
                guard parts.data == nil || isBarrier(data, at: offset) else {
                    return try damaged(.malformed, frame: frame)
                }
                if parts.data != nil { lastBarrier = frame.lowerBound }
            }
            return advance(.checksum, data, frame)
        }
        guard let chain, recordCount > 0 else { throw corruption(.header) }
        let sum = CRC32C.extend(chain, bytes.span.bytes.extracting(data))
        guard sum == parts.checksum else { return try damaged(.checksum, frame: frame) }
        guard let type = UInt8(exactly: parts.type).flatMap(WALRecordType.init(rawValue:)) else {
            throw corruption(.recordType)
        }
        guard (recordCount == 1) == (type == .metadata) else { throw corruption(.header) }
        self.chain = sum
        return advance(type, data, frame)
    }

    private mutating func advance(_ type: WALRecordType, _ data: Range<Int>, _ frame: Range<Int>) -> Step {
        offset = frame.upperBound
        return .record(WALRecord(type: type, offset: frame.lowerBound, data: data))
    }
}

/// The fields of a record: all in order, none twice, nothing else.
struct RecordParts {
    var type: UInt64
    var checksum: UInt32
    /// Nil if the field is not there.
    var data: Range<Int>?

    init?(_ bytes: [UInt8], _ range: Range<Int>) {
        var reader = ProtoReader(bytes, range)
        do throws(ProtoReader.Malformed) {
            guard let first = try reader.field(), first.number == 1 else { return nil }
            type = try first.value.number()
            guard let second = try reader.field(), second.number == 2 else { return nil }
            guard let sum = UInt32(exactly: try second.value.number()) else { return nil }
            checksum = sum
            if let third = try reader.field() {
                guard third.number == 3 else { return nil }
                data = try third.value.range()
            }
        } catch { return nil }
        guard reader.isAtEnd else { return nil }
    }
}
