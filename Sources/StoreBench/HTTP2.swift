// SPDX-License-Identifier: Apache-2.0

/// Frames and numbers of HTTP/2. Source: RFC 9113 §4.1, §6.
enum HTTP2 {
    enum Kind: UInt8 {
        case data = 0
        case headers = 1
        case reset = 3
        case settings = 4
        case ping = 6
        case goAway = 7
        case windowUpdate = 8
    }

    struct Frame {
        var kind: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: Range<Int>
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let endStream: UInt8 = 1
    static let acknowledges: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let headerBytes = 9
    /// Of a gRPC message: one byte for compression, four for the length.
    static let messagePrefixBytes = 5
    /// The most that a peer must take in one frame.
    static let frameBytes = 16_384
    static let initialWindow = 65_535
    /// Of one setting: its number in two bytes, its value in four.
    static let settingBytes = 6
    /// How much a new stream may bring. Source: RFC 9113 §6.5.2.
    static let initialWindowSetting: UInt32 = 4
    /// Windows are as large as they can be, and given back in such portions.
    static let windowBeforeUpdate = 1 << 29

    static func append(
        _ kind: Kind, _ flags: UInt8, stream: UInt32, _ payload: ArraySlice<UInt8>, to bytes: inout [UInt8]
    ) {
        let count = payload.count
        bytes.append(UInt8(truncatingIfNeeded: count >> 16))
        bytes.append(UInt8(truncatingIfNeeded: count >> 8))
        bytes.append(UInt8(truncatingIfNeeded: count))
        bytes.append(kind.rawValue)
        bytes.append(flags)
        bytes.append(UInt8(truncatingIfNeeded: stream >> 24))
        bytes.append(UInt8(truncatingIfNeeded: stream >> 16))
        bytes.append(UInt8(truncatingIfNeeded: stream >> 8))
        bytes.append(UInt8(truncatingIfNeeded: stream))
        bytes.append(contentsOf: payload)
    }

    /// The frame that begins at `start`, if it is there in full before `end`.
    static func frame(_ bytes: [UInt8], from start: Int, to end: Int) -> Frame? {
        guard end - start >= self.headerBytes else { return nil }
        let payload = start + self.headerBytes
        let count = Int(bytes[start]) << 16 | Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
        guard end - payload >= count else { return nil }
        return Frame(
            kind: bytes[start + 3], flags: bytes[start + 4], stream: self.number(bytes[start + 5..<payload]),
            payload: payload..<payload + count)
    }

    static func bytes(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
    }

    static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// Room at the front for a gRPC prefix, to be filled in by `finishMessage`.
    static let emptyPrefix = [UInt8](repeating: 0, count: messagePrefixBytes)

    /// Writes the length of an uncompressed message into its prefix.
    static func finishMessage(_ message: inout [UInt8]) {
        var rest = message.count - self.messagePrefixBytes
        for place in (1..<self.messagePrefixBytes).reversed() {
            message[place] = UInt8(truncatingIfNeeded: rest)
            rest >>= 8
        }
    }
}

/// Encodes the headers of calls: those that a table can hold are put into the server's by the first call that needs
/// them, and are one byte from then on. Source: RFC 7541 §6.1, §6.2.1.
struct HeaderEncoder {
    /// What was put into the table, the oldest first; the newest has index 62.
    private var table: [String] = []
    private static let firstIndex = 62
    /// The blocks of methods that need nothing new, by method; void once the table changes.
    private var blocks = [[UInt8]?](repeating: nil, count: Method.allCases.count)

    mutating func appendFrame(_ method: Method, stream: UInt32, to bytes: inout [UInt8]) {
        let known = self.table.count
        let block = self.blocks[method.rawValue] ?? self.encode(method)
        if self.table.count > known {
            self.blocks = self.blocks.map { _ in nil }
        } else {
            self.blocks[method.rawValue] = block
        }
        HTTP2.append(.headers, HTTP2.endHeaders, stream: stream, block[...], to: &bytes)
    }

    private mutating func encode(_ method: Method) -> [UInt8] {
        // :method POST, :scheme http
        var block: [UInt8] = [0x83, 0x86]
        self.append(":path", 4, method.path, to: &block)
        self.append(":authority", 1, "127.0.0.1", to: &block)
        self.append("content-type", 31, "application/grpc", to: &block)
        self.append("te", 0, "trailers", to: &block)
        return block
    }

    /// - Parameter nameIndex: The name's place in the static table, 0 if it has none.
    private mutating func append(_ name: String, _ nameIndex: UInt8, _ value: String, to block: inout [UInt8]) {
        if let place = self.table.firstIndex(of: value) {
            return block.append(0x80 | UInt8(Self.firstIndex + self.table.count - 1 - place))
        }
        block.append(0x40 | nameIndex)
        if nameIndex == 0 {
            block.append(UInt8(name.utf8.count))
            block += name.utf8
        }
        block.append(UInt8(value.utf8.count))
        block += value.utf8
        self.table.append(value)
    }
}
