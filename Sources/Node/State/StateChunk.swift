// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletWALCodec

/// Part of a member's tables on its way to another member: records in key order.
///
///     CRC-32C   of all behind it, 4 bytes, little-endian
///     record    table (1 byte), object, id, length of the value (varints), value
///
/// Formats of processors and page sizes don't show, so members may run on different machines.
enum StateChunk {
    /// A chunk is closed when it has this much: little enough that memory for it is at hand, and no loop is held up.
    static let byteCount = 1 << 18

    private static let checksumCount = 4

    static func begin(_ bytes: inout [UInt8]) {
        bytes = []
        // A record may go beyond.
        bytes.reserveCapacity(byteCount + byteCount / 4)
        bytes += [0, 0, 0, 0]
    }

    static func isEmpty(_ bytes: [UInt8]) -> Bool { bytes.count <= checksumCount }

    static func append(_ key: TableKey, _ value: RawSpan, to bytes: inout [UInt8]) {
        bytes.append(key.table.rawValue)
        Varint.append(key.object, to: &bytes)
        Varint.append(key.id, to: &bytes)
        Varint.append(UInt64(value.byteCount), to: &bytes)
        bytes.append(copying: value)
    }

    static func close(_ bytes: inout [UInt8]) {
        let sum = checksum(bytes)
        for place in 0..<checksumCount { bytes[place] = UInt8(truncatingIfNeeded: sum >> (8 * UInt32(place))) }
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        CRC32C.extend(0, bytes.span.bytes.extracting(droppingFirst: checksumCount))
    }

    /// Whether the bytes are those that were sent.
    static func isWhole(_ bytes: [UInt8]) -> Bool {
        guard bytes.count >= checksumCount else { return false }
        let sum = (0..<checksumCount).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << (8 * UInt32($1)) }
        return sum == checksum(bytes)
    }

    /// Calls `body` with each record of a chunk that is whole.
    ///
    /// - Throws: `StateTransferError.disordered` for bytes that are none, and what `body` throws.
    static func forEach(_ bytes: [UInt8], _ body: (TableKey, RawSpan) throws -> Void) throws {
        let span = bytes.span.bytes
        var offset = checksumCount
        while offset < bytes.count {
            let table = TableID(bytes[offset])
            offset += 1
            guard let object = Varint.read(span, at: &offset), let id = Varint.read(span, at: &offset),
                let count = Varint.read(span, at: &offset), count <= UInt64(bytes.count - offset)
            else { throw StateTransferError.disordered }
            try body(TableKey(table, object: object, id: id), span.extracting(offset..<(offset + Int(count))))
            offset += Int(count)
        }
    }
}

/// Why a member's state did not get from one to another.
package enum StateTransferError: Error, Hashable, Sendable {
    /// A chunk's checksum is wrong. It may come again.
    case damaged
    /// What was sent as it arrived is no records in order.
    case disordered
    /// The state is at another index than was announced, or not whole.
    case incomplete
    /// The member stops, or nobody wants the state any more.
    case busy
    /// A later connection brings it.
    case superseded
    /// A member in memory has no tables.
    case unsupported
}
