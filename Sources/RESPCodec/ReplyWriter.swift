// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Keys that were read: each as often as a command named it.
public struct KeyLookups: Hashable, Sendable {
    public var found: UInt64 = 0
    public var missing: UInt64 = 0

    public init() {}

    public mutating func add(_ other: KeyLookups) {
        found += other.found
        missing += other.missing
    }
}

/// Writes replies of either protocol one behind the other into one buffer.
///
/// Kinds that RESP2 lacks become what it has: maps flat arrays, sets arrays, numbers with a point texts, nulls the null
/// text or the null array.
public struct ReplyWriter: Sendable {
    public var bytes: [UInt8] = []
    public var isRESP3: Bool
    /// Whoever writes long replies may leave them out.
    public var isForNobody = false
    /// Errors among the replies that were said to be some, in order.
    public private(set) var failures: [ReplyFailure] = []
    /// Of the replies since somebody last took them.
    public private(set) var lookups = KeyLookups()

    public init(isRESP3: Bool = false) {
        self.isRESP3 = isRESP3
    }

    /// Forgets all replies, but not the memory they took.
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        if !failures.isEmpty { failures = [] }
        lookups = KeyLookups()
    }

    /// Forgets what was written since the buffer had so many bytes: where an error takes the place of a reply.
    public mutating func truncate(to count: Int) {
        bytes.removeSubrange(count...)
        while let last = failures.last, last.offset >= count { failures.removeLast() }
    }

    /// Says that an error begins at `offset`, for whoever counts them.
    ///
    /// - Parameter command: whatever tells the caller which of its commands it was.
    public mutating func noteFailure(of command: Int, at offset: Int, isRejected: Bool = false) {
        if isForNobody { return }
        failures.append(
            ReplyFailure(
                command: command, offset: offset, code: ReplyFailure.code(bytes[offset...]), isRejected: isRejected))
    }

    public mutating func takeFailures() -> [ReplyFailure] {
        defer { failures = [] }
        return failures
    }

    /// Says that a reply tells what a key holds, or that there is none.
    @inline(__always)
    public mutating func noteLookup(isFound: Bool) {
        if isFound { lookups.found += 1 } else { lookups.missing += 1 }
    }

    public mutating func takeLookups() -> KeyLookups {
        defer { lookups = KeyLookups() }
        return lookups
    }

    @inline(__always)
    private mutating func endLine() {
        bytes.append(13)
        bytes.append(10)
    }

    @inline(__always)
    private mutating func header(_ kind: UInt8, _ number: Int) { line(kind, Int64(number)) }

    /// A line of a kind and a number: put together apart, so that the buffer grows once.
    private mutating func line(_ kind: UInt8, _ number: Int64) {
        var line = TailLine()
        line.put(13, 10)
        line.put(number)
        line.put(kind)
        line.append(to: &bytes)
    }

    // MARK: Lines

    /// - Parameter text: without line ends.
    public mutating func simple(_ text: StaticString) {
        bytes.append(UInt8(ascii: "+"))
        bytes.append(text: text)
        endLine()
    }

    @_disfavoredOverload
    public mutating func simple(_ text: String) {
        bytes.append(UInt8(ascii: "+"))
        bytes.append(contentsOf: text.utf8)
        endLine()
    }

    public mutating func ok() { simple("OK") }

    /// Whether all that is written is the error of a key that holds another kind of value.
    public var isWrongType: Bool { bytes.starts(with: "-WRONGTYPE ".utf8) }

    /// - Parameter text: with its code in front; line ends in it become blanks.
    @_disfavoredOverload
    public mutating func error(_ text: String) {
        error(Array(text.utf8))
    }

    public mutating func error(_ text: [UInt8]) {
        bytes.append(UInt8(ascii: "-"))
        for byte in text { bytes.append(byte == 13 || byte == 10 ? UInt8(ascii: " ") : byte) }
        endLine()
    }

    public mutating func error(_ text: StaticString) {
        bytes.append(UInt8(ascii: "-"))
        bytes.append(text: text)
        endLine()
    }

    @inline(__always)
    public mutating func integer(_ number: Int64) { line(UInt8(ascii: ":"), number) }

    @inline(__always)
    public mutating func integer(_ number: Int) { integer(Int64(number)) }

    public mutating func boolean(_ value: Bool) {
        if isRESP3 { bytes.append(text: value ? "#t\r\n" : "#f\r\n") } else { integer(value ? 1 : 0) }
    }

    // MARK: Texts

    /// The length of a text, which must follow in so many bytes, and then `endBulk`.
    @inline(__always)
    public mutating func beginBulk(_ count: Int) { header(UInt8(ascii: "$"), count) }
    @inline(__always)
    public mutating func endBulk() { endLine() }

    @inline(__always)
    public mutating func bulk(_ text: RawSpan) {
        beginBulk(text.byteCount)
        bytes.append(copying: text)
        endLine()
    }

    public mutating func bulk(_ text: [UInt8]) { bulk(text.span.bytes) }
    public mutating func bulk(_ text: ArraySlice<UInt8>) { bulk(text.span.bytes) }

    public mutating func bulk(_ text: StaticString) {
        beginBulk(text.utf8CodeUnitCount)
        bytes.append(text: text)
        endLine()
    }

    @_disfavoredOverload
    public mutating func bulk(_ text: String) { bulk(Array(text.utf8)) }

    /// A number as a text.
    public mutating func bulk(_ number: Int64) {
        beginBulk(Decimal.count(number))
        Decimal.append(number, to: &bytes)
        endLine()
    }

    /// Two numbers and what stands between them as a text.
    public mutating func bulk(_ first: UInt64, _ between: UInt8, _ second: UInt64) {
        var line = TailLine()
        line.put(13, 10)
        let end = line.begin
        line.put(second)
        line.put(between)
        line.put(first)
        let count = end - line.begin
        line.put(13, 10)
        line.put(UInt64(count))
        line.put(UInt8(ascii: "$"))
        line.append(to: &bytes)
    }

    /// A text for people, of many lines.
    public mutating func verbatim(_ text: String) {
        let text = Array(text.utf8)
        if !isRESP3 { return bulk(text) }
        header(UInt8(ascii: "="), text.count + 4)
        bytes.append(text: "txt:")
        bytes += text
        endLine()
    }

    public mutating func double(_ number: Double) {
        let text = DoubleText.text(number)
        if !isRESP3 { return bulk(text) }
        bytes.append(UInt8(ascii: ","))
        bytes.append(contentsOf: text.utf8)
        endLine()
    }

    // MARK: Nulls

    public mutating func null() { bytes.append(text: isRESP3 ? "_\r\n" : "$-1\r\n") }
    public mutating func nullArray() { bytes.append(text: isRESP3 ? "_\r\n" : "*-1\r\n") }

    // MARK: Aggregates

    /// So many replies follow.
    @inline(__always)
    public mutating func array(_ count: Int) { header(UInt8(ascii: "*"), count) }

    /// So many pairs of replies follow.
    public mutating func map(_ count: Int) {
        if isRESP3 { header(UInt8(ascii: "%"), count) } else { header(UInt8(ascii: "*"), count * 2) }
    }

    public mutating func set(_ count: Int) { header(isRESP3 ? UInt8(ascii: "~") : UInt8(ascii: "*"), count) }

    /// What is sent unasked.
    public mutating func push(_ count: Int) { header(isRESP3 ? UInt8(ascii: ">") : UInt8(ascii: "*"), count) }

    /// Where an aggregate begins whose count is known only at its end.
    public struct Mark: Sendable {
        var offset: Int
    }

    public func mark() -> Mark { Mark(offset: bytes.count) }

    /// Makes an array of the replies since the mark. Complexity: O(their bytes).
    public mutating func array(_ count: Int, since mark: Mark) {
        insert(at: mark) { $0.array(count) }
    }

    /// Makes a map of the pairs of replies since the mark. Complexity: O(their bytes).
    public mutating func map(_ count: Int, since mark: Mark) {
        insert(at: mark) { $0.map(count) }
    }

    private mutating func insert(at mark: Mark, _ write: (inout ReplyWriter) -> Void) {
        // Written behind what it stands in front of, and turned round to there.
        let end = bytes.count
        write(&self)
        let count = bytes.count - end
        var header = InlineArray<24, UInt8>(repeating: 0)
        for place in 0..<count { header[place] = bytes[end + place] }
        bytes.withUnsafeMutableBytes { all in
            // Both pieces lie in the buffer: up to `end`, and from there on its last `count` bytes.
            let from = UnsafeRawBufferPointer(rebasing: all[mark.offset..<end])
            UnsafeMutableRawBufferPointer(rebasing: all[(mark.offset + count)...]).copyMemory(from: from)
        }
        for place in 0..<count { bytes[mark.offset + place] = header[place] }
    }
}

/// Numbers with a point as replies hold them.
public enum DoubleText {
    /// The shortest text that reads back as the same number, whole numbers without a point.
    public static func text(_ number: Double) -> String {
        if number.isNaN { return "nan" }
        if number.isInfinite { return number < 0 ? "-inf" : "inf" }
        if number == number.rounded(), abs(number) < 1e17 { return String(Int64(number)) }
        return number.description
    }
}
