// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
public import MartletStreams

extension DumpedValue {
    /// Reads a dump of whatever origin.
    ///
    /// - Parameters:
    ///   - emptyStream: what new streams are.
    ///   - now: milliseconds of the Unix clock.
    public init(
        _ bytes: ArraySlice<UInt8>, emptyStream: MartletStreams.Stream, now: Int64
    ) throws(DumpError) {
        var reader = DumpReader(try Self.checked(bytes))
        guard !reader.remaining.isEmpty else { throw .badFormat }
        let number = try reader.byte()
        guard let type = DumpType(rawValue: number) else {
            if let name = DumpType.foreignName(number) { throw .unknownType(name) }
            throw .badFormat
        }
        switch type {
        case .string: self = .string(try reader.text())
        case .list: self = .list(try Self.texts(&reader))
        case .listOfListpacks: self = .list(try Self.listOfListpacks(&reader))
        case .set: self = .set(try Self.distinct(try Self.texts(&reader)))
        case .setListpack:
            var items: [[UInt8]] = []
            try Self.read(listpack: try reader.text(), into: &items)
            self = .set(try Self.distinct(items))
        case .setOfIntegers: self = .set(try Self.integers(try reader.text()))
        case .streamOf50, .streamOf70, .streamOf72:
            self = .stream(try Self.stream(type, &reader, emptyStream, now: now))
        }
        // A key holds something, but for a stream.
        switch self {
        case .list(let items), .set(let items): if items.isEmpty { throw .badFormat }
        case .string, .stream: return
        }
    }

    private static func texts(_ reader: inout DumpReader) throws(DumpError) -> [[UInt8]] {
        let count = try reader.count()
        if count > DumpLimits.items { throw .tooLarge }
        var items: [[UInt8]] = []
        for _ in 0..<count { items.append(try reader.text()) }
        return items
    }

    private static func listOfListpacks(_ reader: inout DumpReader) throws(DumpError) -> [[UInt8]] {
        var items: [[UInt8]] = []
        for _ in 0..<(try reader.count()) {
            switch try reader.length() {
            case 1:
                items.append(try reader.text())
                if items.count > DumpLimits.items { throw .tooLarge }
            case 2:
                let before = items.count
                try read(listpack: try reader.text(), into: &items)
                if items.count == before { throw .badFormat }
            default: throw .badFormat
            }
        }
        return items
    }

    private static func read(listpack bytes: [UInt8], into items: inout [[UInt8]]) throws(DumpError) {
        var listpack = try ListpackReader(bytes)
        while let element = try listpack.next() {
            items.append(element.array)
            if items.count > DumpLimits.items { throw .tooLarge }
        }
    }

    private static func distinct(_ items: [[UInt8]]) throws(DumpError) -> [[UInt8]] {
        guard Set(items).count == items.count else { throw .badFormat }
        return items
    }

    /// Width, count, and so many numbers, lowest bytes first, rising.
    private static func integers(_ bytes: [UInt8]) throws(DumpError) -> [[UInt8]] {
        var reader = DumpReader(bytes[...])
        let width = try reader.little(4)
        let count = try reader.little(4)
        guard width == 2 || width == 4 || width == 8, UInt64(reader.remaining.count) == width * count else {
            throw .badFormat
        }
        if count > UInt64(DumpLimits.items) { throw .tooLarge }
        let unused = Int64(64 - width * 8)
        var items: [[UInt8]] = []
        var last: Int64?
        for _ in 0..<count {
            let number = (Int64(bitPattern: try reader.little(Int(width))) << unused) >> unused
            if let last, number <= last { throw .badFormat }
            last = number
            var text: [UInt8] = []
            Decimal.append(number, to: &text)
            items.append(text)
        }
        return items
    }
}
