// SPDX-License-Identifier: Apache-2.0

/// A `traceparent` header: which trace a call belongs to, and which span made it.
///
/// `00-<32 hexadecimal digits of the trace>-<16 of the span>-<2 of flags>`; later versions may go on behind that.
/// Source: W3C Trace Context §3.2.
package struct TraceParent: Sendable, Hashable {
    package var traceID: String
    package var spanID: String
    package var isSampled: Bool

    /// `nil` for what the standard tells to ignore: wrong lengths and digits, all zeroes, version `ff`.
    package init?(_ header: String) {
        let parts = header.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count >= 4, Self.isHex(parts[0], 2), Self.isHex(parts[1], 32), Self.isHex(parts[2], 16),
            Self.isHex(parts[3], 2), !parts[0].elementsEqual("ff".utf8), parts.count == 4 || !Self.isZero(parts[0]),
            !Self.isZero(parts[1]), !Self.isZero(parts[2])
        else { return nil }
        self.traceID = String(decoding: parts[1], as: UTF8.self)
        self.spanID = String(decoding: parts[2], as: UTF8.self)
        let flags = UInt8(String(decoding: parts[3], as: UTF8.self), radix: 16) ?? 0
        self.isSampled = flags & 1 != 0
    }

    private static func isHex(_ digits: Substring.UTF8View, _ count: Int) -> Bool {
        digits.count == count
            && digits.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }

    private static func isZero(_ digits: Substring.UTF8View) -> Bool { digits.allSatisfy { $0 == UInt8(ascii: "0") } }
}
