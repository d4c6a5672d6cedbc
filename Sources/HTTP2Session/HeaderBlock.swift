// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The fields of one HTTP/2 header block, in order, repeated names kept.
///
/// All fields lie in one array, so a decoded request costs one allocation however many headers it has, and a field
/// becomes a `String` only when somebody asks for it. Layout of each field, in native byte order:
///
/// | bytes | content |
/// |---|---|
/// | 0..<2 | length of the name, `UInt16` |
/// | 2..<6 | length of the value, `UInt32` |
/// | 6..   | the name in lower case, then the value |
package struct HeaderBlock: Sendable, Equatable {
    /// Bytes before the name of each field.
    static let fieldPrefixBytes = 6
    /// What HTTP/2 adds to name and value when it counts a header list. Source: RFC 9113 §10.5.1.
    package static let fieldOverheadBytes = 32

    package private(set) var storage: [UInt8]
    /// Number of fields.
    package private(set) var count: Int

    package init() {
        self.storage = []
        self.count = 0
    }

    /// Takes fields that were already laid out as described above.
    package init(storage: [UInt8], count: Int) {
        self.storage = storage
        self.count = count
    }

    package var isEmpty: Bool { self.count == 0 }

    /// The size of the list as HTTP/2 counts it.
    package var listBytes: Int {
        self.storage.count + self.count * (Self.fieldOverheadBytes - Self.fieldPrefixBytes)
    }

    package mutating func removeAll() {
        self.storage.removeAll(keepingCapacity: true)
        self.count = 0
    }

    /// Appends a field. The name is lower-cased; a name over 65,535 bytes is cut, which no peer would accept anyway.
    package mutating func append(_ name: String, _ value: String) {
        var name = name
        var value = value
        name.withUTF8 { name in
            value.withUTF8 { value in
                let start = self.storage.count
                self.append(name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(value))
                let first = start + Self.fieldPrefixBytes
                for index in first..<(first + min(name.count, Int(UInt16.max))) {
                    let byte = self.storage[index]
                    if byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z") { self.storage[index] = byte | 0x20 }
                }
            }
        }
    }

    /// Appends a field whose name is already in lower case.
    package mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        Self.write(name: name, value: value, to: &self.storage)
        self.count += 1
    }

    /// Appends every field of `other`.
    package mutating func append(contentsOf other: HeaderBlock) {
        self.storage.append(contentsOf: other.storage)
        self.count += other.count
    }

    /// Writes one field in the layout of this type.
    @inline(__always)
    static func write(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, to storage: inout [UInt8]) {
        let nameBytes = UInt16(truncatingIfNeeded: min(name.count, Int(UInt16.max)))
        let valueBytes = UInt32(truncatingIfNeeded: value.count)
        withUnsafeTemporaryAllocation(byteCount: self.fieldPrefixBytes, alignment: 1) { prefix in
            prefix.storeBytes(of: nameBytes, as: UInt16.self)
            prefix.storeBytes(of: valueBytes, toByteOffset: 2, as: UInt32.self)
            storage.append(contentsOf: UnsafeRawBufferPointer(prefix))
        }
        storage.append(contentsOf: UnsafeRawBufferPointer(rebasing: name[..<Int(nameBytes)]))
        storage.append(contentsOf: value)
    }

    /// Calls `body` with each field as raw bytes, valid only during the call, until it returns `false`.
    @inlinable
    package func forEachField(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Bool) {
        self.storage.withUnsafeBytes { bytes in
            var offset = 0
            while offset < bytes.count {
                let nameBytes = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
                let valueBytes = Int(bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt32.self))
                let nameStart = offset + 6
                let valueStart = nameStart + nameBytes
                let end = valueStart + valueBytes
                let name = UnsafeRawBufferPointer(rebasing: bytes[nameStart..<valueStart])
                let value = UnsafeRawBufferPointer(rebasing: bytes[valueStart..<end])
                if !body(name, value) { return }
                offset = end
            }
        }
    }

    /// Whether raw bytes are those of `text`: one `memcmp`, unlike comparing collections.
    package static func isEqual(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        guard let start = bytes.baseAddress else { return true }
        return memcmp(start, text.utf8Start, bytes.count) == 0
    }

    /// Whether a list, such as `identity, deflate,gzip`, has a name. By bytes: looking for a text in a text takes a
    /// microsecond, and clients send such a list with each call.
    package static func isListed(_ name: StaticString, in list: UnsafeRawBufferPointer) -> Bool {
        var start = 0
        for end in 0...list.count where end == list.count || list[end] == UInt8(ascii: ",") {
            var first = start
            while first < end, list[first] == UInt8(ascii: " ") { first += 1 }
            var last = end
            while last > first, list[last - 1] == UInt8(ascii: " ") { last -= 1 }
            if isEqual(UnsafeRawBufferPointer(rebasing: list[first..<last]), name) { return true }
            start = end + 1
        }
        return false
    }

    package static func == (lhs: HeaderBlock, rhs: HeaderBlock) -> Bool {
        lhs.storage == rhs.storage
    }
}
