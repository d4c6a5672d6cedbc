// SPDX-License-Identifier: Apache-2.0

/// Finds requests in what a connection received.
///
/// A request that is not all there yet is not read again from its beginning: the parser remembers where its words
/// stand, counted from the request's first byte. So a request in many pieces costs as much as in one.
public struct RequestParser: Sendable {
    public let limits: RESPLimits
    /// Whether the lower limits of strangers hold.
    public var isStranger = false

    /// Words of the request that is not all there.
    private var words: [ArgumentPlace] = []
    /// Words that are missing; −1 before the count is known.
    private var missing = -1
    /// Of the word that is next; −1 before its length is known.
    private var length = -1
    /// Bytes of the request that are understood.
    private var position = 0

    public init(limits: RESPLimits = RESPLimits()) {
        self.limits = limits
    }

    /// Reads the request that begins at `offset`, which then moves behind it.
    ///
    /// - Parameters:
    ///   - bytes: must hold, from `offset` on, all that it held in calls before, as long as a request isn't complete.
    ///   - batch: gets the command; nothing where the request has no words.
    /// - Returns: whether there was a whole request.
    public mutating func next(
        in bytes: RawSpan, at offset: inout Int, into batch: inout CommandBatch
    ) throws(RESPProtocolError) -> Bool {
        let rest = bytes.extracting(droppingFirst: offset)
        guard rest.byteCount > position else { return false }
        if missing < 0, rest.unsafeLoad(fromByteOffset: 0, as: UInt8.self) != UInt8(ascii: "*") {
            return try nextLine(rest, &offset, &batch)
        }
        guard try readWords(rest) else {
            if position > limits.requestBytes { throw .invalidWordLength }
            return false
        }
        if !words.isEmpty {
            batch.append(words, of: rest)
        }
        offset += position
        begin()
        return true
    }

    private mutating func begin() {
        words.removeAll(keepingCapacity: true)
        missing = -1
        length = -1
        position = 0
    }

    private mutating func readWords(_ bytes: RawSpan) throws(RESPProtocolError) -> Bool {
        if missing < 0 {
            switch number(in: bytes, at: 1) {
            case .missing(let isTooLong):
                if isTooLong { throw .wordCountTooLong }
                return false
            case .found(let number, let end):
                guard let number, number <= Int64(limits.words) else { throw .invalidWordCount }
                if isStranger, number > Int64(RESPLimits.strangerWords) { throw .strangerWordCount }
                missing = max(Int(number), 0)
                position = end
            }
        }
        while missing > 0 {
            if length < 0 {
                guard position < bytes.byteCount else { return false }
                let first = bytes.unsafeLoad(fromByteOffset: position, as: UInt8.self)
                if first != UInt8(ascii: "$") { throw .expectedWord(first) }
                switch number(in: bytes, at: position + 1) {
                case .missing(let isTooLong):
                    if isTooLong { throw .wordLengthTooLong }
                    return false
                case .found(let number, let end):
                    guard let number, number >= 0, number <= Int64(limits.requestBytes - position) else {
                        throw .invalidWordLength
                    }
                    if isStranger, number > Int64(RESPLimits.strangerWordBytes) { throw .strangerWordLength }
                    length = Int(number)
                    position = end
                }
            }
            guard bytes.byteCount - position >= length + 2 else { return false }
            words.append(ArgumentPlace(begin: UInt32(position), count: UInt32(length)))
            position += length + 2
            length = -1
            missing -= 1
        }
        return true
    }

    private enum Number {
        /// `number` is `nil` where the line says none.
        case found(number: Int64?, end: Int)
        case missing(isTooLong: Bool)
    }

    /// The number in the line at `offset`. The byte behind the carriage return is not looked at.
    @inline(__always)
    private func number(in bytes: RawSpan, at offset: Int) -> Number {
        if let (number, end) = shortNumber(in: bytes, at: offset) { return .found(number: number, end: end) }
        var end = offset
        while end < bytes.byteCount, bytes.unsafeLoad(fromByteOffset: end, as: UInt8.self) != UInt8(ascii: "\r") {
            end += 1
        }
        guard end + 1 < bytes.byteCount else { return .missing(isTooLong: end - offset > limits.lineBytes) }
        return .found(number: Decimal.integer(bytes.extracting(offset..<end)), end: end + 2)
    }

    /// The number of up to six digits in a line that is there: nearly all are.
    @inline(__always)
    private func shortNumber(in bytes: RawSpan, at offset: Int) -> (number: Int64, end: Int)? {
        var number: Int64 = 0
        let limit = min(bytes.byteCount - 1, offset + 7)
        var place = offset
        while place < limit {
            let byte = bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self)
            let digit = byte &- UInt8(ascii: "0")
            if digit > 9 {
                return byte == UInt8(ascii: "\r") && place > offset ? (number, place + 2) : nil
            }
            // A zero in front is none of a number's digits.
            if place > offset, number == 0 { return nil }
            number = number &* 10 &+ Int64(digit)
            place += 1
        }
        return nil
    }

    // MARK: Lines

    private mutating func nextLine(
        _ bytes: RawSpan, _ offset: inout Int, _ batch: inout CommandBatch
    ) throws(RESPProtocolError) -> Bool {
        var end = 0
        while end < bytes.byteCount, bytes.unsafeLoad(fromByteOffset: end, as: UInt8.self) != UInt8(ascii: "\n") {
            end += 1
        }
        guard end < bytes.byteCount else {
            if end > limits.lineBytes { throw .lineTooLong }
            return false
        }
        let words = try LineWords.split(bytes.extracting(0..<end))
        if !words.isEmpty { batch.append(words) }
        offset += end + 1
        return true
    }
}
