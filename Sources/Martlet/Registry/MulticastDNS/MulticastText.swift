// SPDX-License-Identifier: Apache-2.0

internal import CMartletZlib

/// What stands in a node's TXT record: hex(zlib(JSON)) in strings of at most 255 bytes.
enum MulticastText {
    /// The most bytes of JSON that a packet may unfold to.
    private static let maximumBytes = 256 << 10
    private static let stringBytes = 255

    static func strings(_ record: ServiceRecord) -> [[UInt8]]? {
        guard let folded = self.folded(record.multicastBytes) else { return nil }
        let digits = [UInt8]("0123456789abcdef".utf8)
        var hex: [UInt8] = []
        hex.reserveCapacity(folded.count * 2)
        for byte in folded {
            hex.append(digits[Int(byte >> 4)])
            hex.append(digits[Int(byte & 15)])
        }
        return stride(from: 0, to: hex.count, by: self.stringBytes).map {
            Array(hex[$0..<min($0 + self.stringBytes, hex.count)])
        }
    }

    /// The record, with one node that has only its metadata; `nil` for anything that isn't one.
    static func record(_ strings: [[UInt8]]) -> ServiceRecord? {
        let hex = strings.joined()
        var folded: [UInt8] = []
        folded.reserveCapacity(hex.count / 2)
        var high: UInt8?
        for byte in hex {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                folded.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        guard high == nil, let text = self.unfolded(folded) else { return nil }
        return ServiceRecord(multicastBytes: text)
    }

    private static func folded(_ bytes: [UInt8]) -> [UInt8]? {
        var output = [UInt8](repeating: 0, count: Int(compressBound(UInt(bytes.count))))
        var length = UInt(output.count)
        guard compress(&output, &length, bytes, UInt(bytes.count)) == Z_OK else { return nil }
        return Array(output.prefix(Int(length)))
    }

    private static func unfolded(_ bytes: [UInt8]) -> [UInt8]? {
        guard !bytes.isEmpty else { return nil }
        var capacity = max(1024, bytes.count * 4)
        while true {
            capacity = min(capacity, self.maximumBytes)
            var output = [UInt8](repeating: 0, count: capacity)
            var length = UInt(capacity)
            switch uncompress(&output, &length, bytes, UInt(bytes.count)) {
            case Z_OK: return Array(output.prefix(Int(length)))
            case Z_BUF_ERROR where capacity < self.maximumBytes: capacity *= 4
            default: return nil
            }
        }
    }
}
