// SPDX-License-Identifier: Apache-2.0

/// Writes fields of a protobuf message: the two wire types that users and roles need.
struct FieldWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put(_ number: UInt64, as field: UInt64) {
        guard number != 0 else { return }
        putVarint(field << 3)
        putVarint(number)
    }

    mutating func put(_ value: [UInt8], as field: UInt64, evenIfEmpty: Bool = false) {
        guard evenIfEmpty || !value.isEmpty else { return }
        putVarint(field << 3 | 2)
        putVarint(UInt64(value.count))
        bytes += value
    }

    private mutating func putVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Reads fields of a protobuf message one after the other. Stops at the end, or before the first malformed one.
struct FieldReader {
    enum Field {
        case number(UInt64, UInt64)
        case bytes(UInt64, ArraySlice<UInt8>)
        /// A field of a fixed size, which none of ours has.
        case skipped
    }

    private var rest: ArraySlice<UInt8>
    private(set) var isMalformed = false

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// Whether everything was read and well-formed.
    var isAtEnd: Bool { rest.isEmpty && !isMalformed }

    mutating func next() -> Field? {
        if rest.isEmpty || isMalformed { return nil }
        guard let tag = readVarint(), tag >> 3 > 0 else { return fail() }
        switch tag & 7 {
        case 0:
            guard let number = readVarint() else { return fail() }
            return .number(tag >> 3, number)
        case 1: return skip(8)
        case 2:
            guard let length = readVarint(), length <= UInt64(rest.count) else { return fail() }
            defer { rest.removeFirst(Int(length)) }
            return .bytes(tag >> 3, rest.prefix(Int(length)))
        case 5: return skip(4)
        default: return fail()
        }
    }

    private mutating func skip(_ count: Int) -> Field? {
        guard rest.count >= count else { return fail() }
        rest.removeFirst(count)
        return .skipped
    }

    private mutating func fail() -> Field? {
        isMalformed = true
        return nil
    }

    private mutating func readVarint() -> UInt64? {
        var value: UInt64 = 0
        // Ten groups of seven bits hold 64.
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
