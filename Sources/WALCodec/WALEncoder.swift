// SPDX-License-Identifier: Apache-2.0

/// Frames records for a segment into a buffer that is reused, and carries the running checksum on.
///
/// `WALDecoder` holds the format.
public struct WALEncoder: Sendable {
    /// What is to be written next; the owner empties it when it has been.
    public private(set) var bytes = LogBytes()
    /// The checksum of the data of all records so far.
    public private(set) var chain: UInt32

    public init(chain: UInt32 = 0) {
        self.chain = chain
    }

    public mutating func removeAll() {
        bytes.removeAll()
    }

    public mutating func append(_ type: WALRecordType, _ data: RawSpan) {
        chain = CRC32C.extend(chain, data)
        appendFrame(type, data)
    }

    /// What a segment begins with: the checksum of all segments before.
    public mutating func appendChain() {
        frame(.checksum, dataBytes: nil)
    }

    /// Says that all before it is on disk. `offset` is where it will stand in the segment.
    public mutating func appendBarrier(at offset: Int) {
        frame(.checksum, dataBytes: 8)
        bytes.append(littleEndian: UInt64(offset))
        bytes.append(zeroes: WALFormat.padding(recordBytes(dataBytes: 8)))
    }

    /// Records of `batch` from `cursor` on, until the buffer holds `bytesMax` bytes or more, or there are no more.
    public mutating func append(
        _ batch: LogBatch, from cursor: inout LogBatch.Cursor, until bytesMax: Int, head: inout LogHead
    ) {
        while cursor.record < batch.records.count, bytes.count < bytesMax {
            let record = batch.records[cursor.record]
            let end = cursor.start + record.size
            append(record.type, batch.payload.storage.span.bytes.extracting(cursor.start..<end))
            head.take(record)
            cursor.record += 1
            cursor.start = end
        }
    }

    private mutating func appendFrame(_ type: WALRecordType, _ data: RawSpan) {
        frame(type, dataBytes: data.byteCount)
        bytes.append(data)
        bytes.append(zeroes: WALFormat.padding(recordBytes(dataBytes: data.byteCount)))
    }

    /// The length word and the record's fields in front of its data. Without data there is no field for it.
    private mutating func frame(_ type: WALRecordType, dataBytes: Int?) {
        let size = recordBytes(dataBytes: dataBytes)
        bytes.append(littleEndian: WALFormat.lengthWord(size))
        bytes.append(field: 1, varint: UInt64(type.rawValue))
        bytes.append(field: 2, varint: UInt64(chain))
        if let dataBytes {
            bytes.append(3 << 3 | ProtoWire.bytes)
            bytes.append(varint: UInt64(dataBytes))
        } else {
            bytes.append(zeroes: WALFormat.padding(size))
        }
    }

    /// One byte for each tag and for the type; types are below 128.
    private func recordBytes(dataBytes: Int?) -> Int {
        let fixed = 3 + ProtoWire.width(UInt64(chain))
        guard let dataBytes else { return fixed }
        return fixed + 1 + ProtoWire.width(UInt64(dataBytes)) + dataBytes
    }
}
