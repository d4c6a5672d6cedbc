// SPDX-License-Identifier: Apache-2.0

/// Writes replies of either protocol one behind the other into one buffer.
///
/// Kinds that RESP2 lacks become what it has: maps flat arrays, sets arrays, numbers with a point texts, nulls the null
/// text or the null array.
package struct ReplyWriter: Sendable {
    package var bytes: [UInt8] = []
    package var isRESP3: Bool
    /// Whoever writes long replies may leave them out.
    package var isForNobody = false
    /// Errors among the replies that were said to be some, in order.
    package private(set) var failures: [ReplyFailure] = []

    package init(isRESP3: Bool = false) {
        self.isRESP3 = isRESP3
    }

    /// Forgets all replies, but not the memory they took.
    package mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        if !failures.isEmpty { failures = [] }
    }

    /// Forgets what was written since the buffer had so many bytes: where an error takes the place of a reply.
    package mutating func truncate(to count: Int) {
        bytes.removeSubrange(count...)
        while let last = failures.last, last.offset >= count { failures.removeLast() }
    }

    /// Says that an error begins at `offset`, for whoever counts them.
    ///
    /// - Parameter command: whatever tells the caller which of its commands it was.
    package mutating func noteFailure(of command: Int, at offset: Int, isRejected: Bool = false) {
        if isForNobody { return }
        failures.append(
            ReplyFailure(
                command: command, offset: offset, code: ReplyFailure.code(bytes[offset...]), isRejected: isRejected))
    }

    package mutating func takeFailures() -> [ReplyFailure] {
        defer { failures = [] }
        return failures
    }

    @inline(__always)
    private mutating func endLine() {
        bytes.append(13)
        bytes.append(10)
    }

    @inline(__always)
    private mutating func header(_ kind: UInt8, _ number: Int) {
        bytes.append(kind)
        Decimal.append(Int64(number), to: &bytes)
        endLine()
    }

    // MARK: Lines

    /// - Parameter text: without line ends.
    package mutating func simple(_ text: StaticString) {
        bytes.append(UInt8(ascii: "+"))
        bytes.append(text: text)
        endLine()
    }

    @_disfavoredOverload
    package mutating func simple(_ text: String) {
        bytes.append(UInt8(ascii: "+"))
        bytes.append(contentsOf: text.utf8)
        endLine()
    }

    package mutating func ok() { simple("OK") }

    /// - Parameter text: with its code in front; line ends in it become blanks.
    @_disfavoredOverload
    /// Whether all that is written is the error of a key that holds another kind of value.
    package var isWrongType: Bool { bytes.starts(with: "-WRONGTYPE ".utf8) }

    package mutating func error(_ text: String) {
        error(Array(text.utf8))
    }

    package mutating func error(_ text: [UInt8]) {
        bytes.append(UInt8(ascii: "-"))
        for byte in text { bytes.append(byte == 13 || byte == 10 ? UInt8(ascii: " ") : byte) }
        endLine()
    }

    package mutating func error(_ text: StaticString) {
        bytes.append(UInt8(ascii: "-"))
        bytes.append(text: text)
        endLine()
    }

    @inline(__always)
    package mutating func integer(_ number: Int64) {
        bytes.append(UInt8(ascii: ":"))
        Decimal.append(number, to: &bytes)
        endLine()
    }

    @inline(__always)
    package mutating func integer(_ number: Int) { integer(Int64(number)) }

    package mutating func boolean(_ value: Bool) {
        if isRESP3 { bytes.append(text: value ? "#t\r\n" : "#f\r\n") } else { integer(value ? 1 : 0) }
    }

    // MARK: Texts

    /// The length of a text, which must follow in so many bytes, and then `endBulk`.
    @inline(__always)
    package mutating func beginBulk(_ count: Int) { header(UInt8(ascii: "$"), count) }
    @inline(__always)
    package mutating func endBulk() { endLine() }

    @inline(__always)
    package mutating func bulk(_ text: RawSpan) {
        beginBulk(text.byteCount)
        bytes.append(copying: text)
        endLine()
    }

    package mutating func bulk(_ text: [UInt8]) { bulk(text.span.bytes) }
    package mutating func bulk(_ text: ArraySlice<UInt8>) { bulk(text.span.bytes) }

    package mutating func bulk(_ text: StaticString) {
        beginBulk(text.utf8CodeUnitCount)
        bytes.append(text: text)
        endLine()
    }

    @_disfavoredOverload
    package mutating func bulk(_ text: String) { bulk(Array(text.utf8)) }

    /// A number as a text.
    package mutating func bulk(_ number: Int64) {
        beginBulk(Decimal.count(number))
        Decimal.append(number, to: &bytes)
        endLine()
    }

    /// A text for people, of many lines.
    package mutating func verbatim(_ text: String) {
        let text = Array(text.utf8)
        if !isRESP3 { return bulk(text) }
        header(UInt8(ascii: "="), text.count + 4)
        bytes.append(text: "txt:")
        bytes += text
        endLine()
    }

    package mutating func double(_ number: Double) {
        let text = DoubleText.text(number)
        if !isRESP3 { return bulk(text) }
        bytes.append(UInt8(ascii: ","))
        bytes.append(contentsOf: text.utf8)
        endLine()
    }

    // MARK: Nulls

    package mutating func null() { bytes.append(text: isRESP3 ? "_\r\n" : "$-1\r\n") }
    package mutating func nullArray() { bytes.append(text: isRESP3 ? "_\r\n" : "*-1\r\n") }

    // MARK: Aggregates

    /// So many replies follow.
    @inline(__always)
    package mutating func array(_ count: Int) { header(UInt8(ascii: "*"), count) }

    /// So many pairs of replies follow.
    package mutating func map(_ count: Int) {
        if isRESP3 { header(UInt8(ascii: "%"), count) } else { header(UInt8(ascii: "*"), count * 2) }
    }

    package mutating func set(_ count: Int) { header(isRESP3 ? UInt8(ascii: "~") : UInt8(ascii: "*"), count) }

    /// What is sent unasked.
    package mutating func push(_ count: Int) { header(isRESP3 ? UInt8(ascii: ">") : UInt8(ascii: "*"), count) }

    /// Where an aggregate begins whose count is known only at its end.
    package struct Mark: Sendable {
        var offset: Int
    }

    package func mark() -> Mark { Mark(offset: bytes.count) }

    /// Makes an array of the replies since the mark. Complexity: O(their bytes).
    package mutating func array(_ count: Int, since mark: Mark) {
        insert(at: mark) { $0.array(count) }
    }

    /// Makes a map of the pairs of replies since the mark. Complexity: O(their bytes).
    package mutating func map(_ count: Int, since mark: Mark) {
        insert(at: mark) { $0.map(count) }
    }

    private mutating func insert(at mark: Mark, _ write: (inout ReplyWriter) -> Void) {
        var header = ReplyWriter(isRESP3: isRESP3)
        write(&header)
        bytes.insert(contentsOf: header.bytes, at: mark.offset)
    }
}

/// Numbers with a point as replies hold them.
package enum DoubleText {
    /// The shortest text that reads back as the same number, whole numbers without a point.
    package static func text(_ number: Double) -> String {
        if number.isNaN { return "nan" }
        if number.isInfinite { return number < 0 ? "-inf" : "inf" }
        if number == number.rounded(), abs(number) < 1e17 { return String(Int64(number)) }
        return number.description
    }
}
