// SPDX-License-Identifier: Apache-2.0

/// The position of an entry in a stream: milliseconds of the Unix clock and a sequence number inside them.
///
/// As text both halves are decimal, joined by a hyphen and without padding: `1700000000000-0`.
public struct StreamID: Hashable, Comparable, Sendable {
    public var milliseconds: UInt64
    public var sequence: UInt64

    @inlinable
    public init(_ milliseconds: UInt64, _ sequence: UInt64) {
        self.milliseconds = milliseconds
        self.sequence = sequence
    }

    /// Below every entry's: no entry has it.
    @inlinable
    public static var zero: StreamID { StreamID(0, 0) }
    @inlinable
    public static var max: StreamID { StreamID(.max, .max) }

    @inlinable
    public static func < (left: StreamID, right: StreamID) -> Bool {
        left.milliseconds != right.milliseconds
            ? left.milliseconds < right.milliseconds : left.sequence < right.sequence
    }

    /// The next one; `nil` behind the last.
    public var successor: StreamID? {
        if sequence < .max { return StreamID(milliseconds, sequence + 1) }
        return milliseconds < .max ? StreamID(milliseconds + 1, 0) : nil
    }

    /// The one before; `nil` before the first.
    public var predecessor: StreamID? {
        if sequence > 0 { return StreamID(milliseconds, sequence - 1) }
        return milliseconds > 0 ? StreamID(milliseconds - 1, .max) : nil
    }
}

extension StreamID: CustomStringConvertible {
    public var description: String { "\(milliseconds)-\(sequence)" }
}

// MARK: Text

extension StreamID {
    /// Texts of this length and above are no IDs, whatever they say.
    private static let maximumTextCount = 127

    /// Reads an ID as clients write it: decimal digits only, zeros in front allowed, the sequence optional.
    ///
    /// - Parameters:
    ///   - missingSequence: what a text without a hyphen means; `nil`: that it is no ID.
    public init?(text: RawSpan, missingSequence: UInt64? = 0) {
        guard text.byteCount <= Self.maximumTextCount else { return nil }
        var offset = 0
        guard let milliseconds = Self.number(in: text, at: &offset) else { return nil }
        if offset == text.byteCount {
            guard let missingSequence else { return nil }
            self.init(milliseconds, missingSequence)
            return
        }
        guard text.unsafeLoad(fromByteOffset: offset, as: UInt8.self) == UInt8(ascii: "-") else { return nil }
        offset += 1
        guard let sequence = Self.number(in: text, at: &offset), offset == text.byteCount else { return nil }
        self.init(milliseconds, sequence)
    }

    public init?(text: [UInt8], missingSequence: UInt64? = 0) {
        self.init(text: text.span.bytes, missingSequence: missingSequence)
    }

    public init?(_ text: String, missingSequence: UInt64? = 0) {
        self.init(text: Array(text.utf8), missingSequence: missingSequence)
    }

    /// The digits at `offset`, at least one, as a number; `nil` if they exceed 64 bits.
    static func number(in text: RawSpan, at offset: inout Int) -> UInt64? {
        let begin = offset
        var number: UInt64 = 0
        while offset < text.byteCount {
            let digit = text.unsafeLoad(fromByteOffset: offset, as: UInt8.self) &- UInt8(ascii: "0")
            if digit > 9 { break }
            let (tens, isTooBig) = number.multipliedReportingOverflow(by: 10)
            let (sum, carries) = tens.addingReportingOverflow(UInt64(digit))
            if isTooBig || carries { return nil }
            number = sum
            offset += 1
        }
        return offset == begin ? nil : number
    }

    /// Adds the text.
    public func append(to bytes: inout [UInt8]) {
        PackedText.appendDecimal(milliseconds, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        PackedText.appendDecimal(sequence, to: &bytes)
    }
}
