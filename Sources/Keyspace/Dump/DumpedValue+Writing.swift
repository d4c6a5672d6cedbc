// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension DumpedValue {
    /// The whole dump.
    public var bytes: [UInt8] {
        var writer = DumpWriter()
        switch self {
        case .string(let text):
            writer.bytes.append(DumpType.string.rawValue)
            writer.text(text)
        case .list(let items): Self.write(list: items, &writer)
        case .set(let members): Self.write(set: members, &writer)
        case .stream(let stream): Self.write(stream, &writer)
        }
        Self.finish(&writer)
        return writer.bytes
    }

    /// Bytes of one piece of a list, about. Source: Redis's default, `list-max-listpack-size -2`.
    private static let pieceBytes = 8192

    private static func write(list items: [[UInt8]], _ writer: inout DumpWriter) {
        var pieces: [[UInt8]] = []
        var piece = ListpackWriter()
        for item in items {
            if piece.count > 0, piece.byteCount + item.count > pieceBytes {
                pieces.append(piece.finished())
                piece = ListpackWriter()
            }
            piece.append(item)
        }
        pieces.append(piece.finished())
        writer.bytes.append(DumpType.listOfListpacks.rawValue)
        writer.length(UInt64(pieces.count))
        for piece in pieces {
            writer.length(2)
            writer.text(piece)
        }
    }

    /// Members of a set of numbers, at most. Source: Redis's default, `set-max-intset-entries`.
    private static let maximumIntegers = 512

    private static func write(set members: [[UInt8]], _ writer: inout DumpWriter) {
        let numbers = members.count <= maximumIntegers ? members.compactMap { Decimal.integer($0.span.bytes) } : []
        if numbers.count == members.count {
            let width = [2, 4].first { width in numbers.allSatisfy { DumpWriter.fits($0, width) } } ?? 8
            var content = DumpWriter()
            content.little(UInt64(width), 4)
            content.little(UInt64(numbers.count), 4)
            for number in numbers.sorted() { content.little(UInt64(bitPattern: number), width) }
            writer.bytes.append(DumpType.setOfIntegers.rawValue)
            return writer.text(content.bytes)
        }
        writer.bytes.append(DumpType.set.rawValue)
        writer.length(UInt64(members.count))
        for member in members { writer.text(member) }
    }
}
