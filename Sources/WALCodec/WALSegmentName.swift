// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// The name of a segment file: `%016x-%016x.wal`, its number and the index of the first entry that may follow in it.
///
/// The first segment is `0-0`; each next one has the number after it and the last appended index plus one. Other
/// names in the folder (`.tmp` files being prepared) are no segments.
public struct WALSegmentName: Hashable, Comparable, Sendable {
    public var sequence: UInt64
    public var firstIndex: LogIndex

    public init(sequence: UInt64, firstIndex: LogIndex) {
        self.sequence = sequence
        self.firstIndex = firstIndex
    }

    /// Nil if `fileName` is not exactly of this form, in lower-case digits.
    public init?(_ fileName: String) {
        let bytes = Array(fileName.utf8)
        guard bytes.count == 37, bytes[16] == UInt8(ascii: "-"), fileName.hasSuffix(".wal"),
            let sequence = Self.number(bytes[0..<16]), let index = Self.number(bytes[17..<33])
        else { return nil }
        self.init(sequence: sequence, firstIndex: LogIndex(index))
    }

    public static func < (left: WALSegmentName, right: WALSegmentName) -> Bool {
        left.sequence != right.sequence ? left.sequence < right.sequence : left.firstIndex < right.firstIndex
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    private static func digits(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}

extension WALSegmentName: CustomStringConvertible {
    /// The file's name.
    public var description: String {
        "\(Self.digits(sequence))-\(Self.digits(firstIndex.rawValue)).wal"
    }
}
