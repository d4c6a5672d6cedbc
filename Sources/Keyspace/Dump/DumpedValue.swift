// SPDX-License-Identifier: Apache-2.0

public import MartletStreams

/// A key's value on its way to or from another server, as DUMP writes it and RESTORE reads it:
///
///     type       1 byte: see `DumpType`
///     value      depends on the type
///     extension  absent where `value` says all: a mark, and what Redis has no place for, which it doesn't read
///     version    2 bytes, lowest first
///     checksum   8 bytes, lowest first: CRC-64 of all before it
///
/// What is written is what Redis 7.0 and everything behind it reads. What is read is also what newer releases write
/// where they write the same types.
public enum DumpedValue: Sendable {
    case string([UInt8])
    case list([[UInt8]])
    /// Without duplicates.
    case set([[UInt8]])
    case stream(MartletStreams.Stream)

    /// Version and checksum.
    static let footerBytes = 10
    /// Source: Redis 7.0, the first with streams that know how many entries they ever had.
    static let writtenVersion: UInt64 = 10
    /// Source: Redis 8.8.
    static let newestVersion: UInt64 = 14
    /// Source: Valkey 9.1, which writes strings, lists, sets and streams as Redis 7.2 does.
    static let valkeyVersion: UInt64 = 80

    /// The text of a dump that is whole, without its footer.
    static func checked(_ bytes: ArraySlice<UInt8>) throws(DumpError) -> ArraySlice<UInt8> {
        guard bytes.count >= footerBytes else { throw .wrongFooter }
        let content = bytes.dropLast(footerBytes)
        var footer = DumpReader(bytes.suffix(footerBytes))
        let version = try footer.little(2)
        guard version <= newestVersion || version == valkeyVersion,
            try footer.little(8) == CRC64.checksum(bytes.dropLast(8))
        else { throw .wrongFooter }
        return content
    }

    static func finish(_ writer: inout DumpWriter) {
        writer.little(writtenVersion, 2)
        writer.little(CRC64.checksum(writer.bytes[...]), 8)
    }
}

/// The first byte of a dump. Source: what the releases' DUMP answers.
enum DumpType: UInt8 {
    case string = 0
    case list = 1
    case set = 2
    /// Numbers, sorted, all as wide as the widest.
    case setOfIntegers = 11
    case streamOf50 = 15
    /// Pieces that are listpacks or single texts.
    case listOfListpacks = 18
    case streamOf70 = 19
    case setListpack = 20
    case streamOf72 = 21

    /// The names of types that are known and not kept here.
    static func foreignName(_ type: UInt8) -> String? {
        switch type {
        case 3, 5, 12, 17: "sorted set"
        case 4, 9, 13, 16, 22, 23, 24, 25: "hash"
        case 6, 7: "module's value"
        case 10, 14: "list of a release before 7.0"
        case 26, 27: "stream of a release behind 8.4"
        default: nil
        }
    }
}
