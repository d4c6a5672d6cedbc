// SPDX-License-Identifier: Apache-2.0

/// An HTTP/2 frame, written and read without any of the code under test. Source: RFC 9113 §4.1.
struct RawFrame: Sendable {
    enum Kind: UInt8, Sendable {
        case data, headers, priority, reset, settings, push, ping, goAway, windowUpdate, continuation
    }

    static let endStream: UInt8 = 0x1
    static let acknowledgement: UInt8 = 0x1
    static let endHeaders: UInt8 = 0x4

    var kind: Kind
    var flags: UInt8 = 0
    var stream: Int32 = 0
    var payload: [UInt8] = []

    var bytes: [UInt8] {
        let count = self.payload.count
        return [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), self.kind.rawValue, self.flags]
            + Self.number(UInt32(self.stream)) + self.payload
    }

    static func number(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    /// The number at `offset` of the payload: a reset's code, a GOAWAY's stream (0) and code (4).
    func number(at offset: Int) -> UInt32 {
        self.payload[offset..<(offset + 4)].reduce(0) { $0 << 8 | UInt32($1) }
    }

    // MARK: Kinds

    static func settings(_ values: [UInt16: UInt32] = [:]) -> RawFrame {
        let payload = values.sorted { $0.key < $1.key }.flatMap {
            [UInt8($0.key >> 8), UInt8($0.key & 255)] + Self.number($0.value)
        }
        return RawFrame(kind: .settings, payload: payload)
    }

    static func headers(_ stream: Int32, _ fields: [(String, String)], endStream: Bool = false) -> RawFrame {
        RawFrame(
            kind: .headers, flags: Self.endHeaders | (endStream ? Self.endStream : 0), stream: stream,
            payload: Self.fieldBlock(fields))
    }

    static func data(_ stream: Int32, _ bytes: [UInt8], endStream: Bool = false) -> RawFrame {
        RawFrame(kind: .data, flags: endStream ? Self.endStream : 0, stream: stream, payload: bytes)
    }

    static func reset(_ stream: Int32, _ code: UInt32) -> RawFrame {
        RawFrame(kind: .reset, stream: stream, payload: Self.number(code))
    }

    static func ping(_ value: UInt8 = 1, isAcknowledgement: Bool = false) -> RawFrame {
        RawFrame(kind: .ping, flags: isAcknowledgement ? 1 : 0, payload: [0, 0, 0, 0, 0, 0, 0, value])
    }

    static func goAway(last: Int32, _ code: UInt32 = 0, _ text: String = "") -> RawFrame {
        RawFrame(kind: .goAway, payload: Self.number(UInt32(last)) + Self.number(code) + Array(text.utf8))
    }

    static func windowUpdate(_ stream: Int32, _ bytes: UInt32) -> RawFrame {
        RawFrame(kind: .windowUpdate, stream: stream, payload: Self.number(bytes))
    }

    /// Literal fields without indexing or Huffman coding. Source: RFC 7541 §6.2.2.
    static func fieldBlock(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { [0] + Self.literal($0.0) + Self.literal($0.1) }
    }

    private static func literal(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }
}

/// Cuts a byte stream into frames.
struct RawFrameReader {
    private var buffer: [UInt8] = []

    mutating func feed(_ bytes: some Sequence<UInt8>) -> [RawFrame] {
        self.buffer.append(contentsOf: bytes)
        var frames: [RawFrame] = []
        var start = 0
        while self.buffer.count - start >= 9 {
            let head = self.buffer[start..<(start + 9)].map { Int($0) }
            let count = head[0] << 16 | head[1] << 8 | head[2]
            guard self.buffer.count - start >= 9 + count else { break }
            if let kind = RawFrame.Kind(rawValue: UInt8(head[3])) {
                let stream = Int32((head[5] & 127) << 24 | head[6] << 16 | head[7] << 8 | head[8])
                frames.append(
                    RawFrame(
                        kind: kind, flags: UInt8(head[4]), stream: stream,
                        payload: Array(self.buffer[(start + 9)..<(start + 9 + count)])))
            }
            start += 9 + count
        }
        self.buffer.removeFirst(start)
        return frames
    }
}
