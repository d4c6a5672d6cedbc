// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Makes HTTP/2 connections of which most frames are right: what is wrong in a few reaches deep.
struct FrameGenerator {
    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let http1 = [
        "GET /health HTTP/1.1\r\nhost: a\r\n\r\n", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
        "PUT /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
    ]

    private var random: SeededRandom
    private var bytes: [UInt8] = []
    private var nextStream: UInt32 = 1

    private init(_ random: inout SeededRandom) { self.random = random.split() }

    /// What a client might send.
    static func clientBytes(_ random: inout SeededRandom) -> [UInt8] {
        if random.next() % 20 == 0 { return Array(self.http1[Int(random.next() % UInt64(self.http1.count))].utf8) }
        var generator = FrameGenerator(&random)
        generator.bytes = generator.chance(50) ? [UInt8](self.preface.dropLast()) : self.preface
        if !generator.chance(30) { generator.settings() }
        for _ in 0..<(1 + generator.pick(12)) { generator.clientFrame() }
        return generator.bytes
    }

    /// What a server might send to a client with streams 1, 3, 5 and 7.
    static func serverBytes(_ random: inout SeededRandom) -> [UInt8] {
        var generator = FrameGenerator(&random)
        generator.nextStream = 9
        if !generator.chance(30) { generator.settings() }
        for _ in 0..<(1 + generator.pick(12)) { generator.serverFrame() }
        return generator.bytes
    }

    // MARK: Frames

    private mutating func clientFrame() {
        switch self.pick(20) {
        case 0..<6: self.request()
        case 6..<10: self.data(self.someStream())
        default: self.otherFrame()
        }
    }

    private mutating func serverFrame() {
        switch self.pick(20) {
        case 0..<6:
            var fields = [(":status", self.choose("200", "200", "200", "103", "404", "503", "x", ""))]
            fields.append(("content-type", self.choose("application/grpc", "application/grpc+proto", "text/html", "")))
            if self.chance(4) { fields.append(("grpc-encoding", self.choose("gzip", "identity", "br"))) }
            if self.chance(3) { fields.append(("grpc-status", self.choose("0", "5", "99", "-1", "x"))) }
            self.headers(self.someStream(), fields, endsStream: self.chance(3))
        case 6..<11: self.data(self.someStream())
        case 11..<14:
            var fields = [("grpc-status", self.choose("0", "0", "13", "4294967296", ""))]
            if self.chance(2) { fields.append(("grpc-message", self.choose("plain", "%", "%zz", "%41%f0%9f%90%a6"))) }
            self.headers(self.someStream(), fields, endsStream: !self.chance(10))
        default: self.otherFrame()
        }
    }

    private mutating func otherFrame() {
        let stream = self.someStream()
        switch self.pick(11) {
        case 0: self.frame(3, 0, stream, self.number(UInt32(self.pick(16))))
        case 1: self.settings()
        case 2: self.frame(4, 1, 0, [])
        case 3: self.frame(6, UInt8(self.pick(2)), 0, self.garbage(self.chance(8) ? 7 : 8))
        case 4:
            self.frame(
                7, 0, 0, self.number(UInt32(self.pick(9))) + self.number(UInt32(self.pick(14))) + self.garbage(3))
        case 5:
            let increment = [1, 1_000, 65_535, 0x7fff_ffff, 0][self.pick(5)]
            self.frame(8, 0, self.chance(2) ? 0 : stream, self.number(UInt32(increment)))
        case 6: self.frame(2, 0, stream, self.garbage(5))
        case 7: self.frame(9, UInt8(self.pick(2) * 4), stream, self.garbage(self.pick(20)))
        case 8: self.frame(5, 4, stream, self.number(2) + self.garbage(self.pick(10)))
        case 9: self.frame(UInt8(10 + self.pick(246)), UInt8(self.pick(256)), stream, self.garbage(self.pick(30)))
        default: self.frame(1, UInt8(4 + self.pick(2)), stream, self.garbage(self.pick(40)))
        }
    }

    private mutating func request() {
        let stream = self.chance(10) ? self.someStream() : self.nextStream
        if stream == self.nextStream { self.nextStream += 2 }
        var fields: [(String, String)] = []
        if !self.chance(30) { fields.append((":method", self.choose("POST", "POST", "POST", "GET", "CONNECT"))) }
        if !self.chance(30) { fields.append((":scheme", self.choose("http", "https", ""))) }
        if !self.chance(30) {
            let path = self.choose(
                "/F/Echo", "/F/Stream", "/F/Task", "/F/Tasks", "/F/Fail", "/F/Nope", "/X/Y", "/x", "*")
            fields.append((":path", path))
        }
        if !self.chance(6) { fields.append((":authority", "test")) }
        fields.append(("te", "trailers"))
        let type = self.choose(
            "application/grpc", "application/grpc+proto", "application/grpc+json", "application/grpc;x", "text/plain")
        fields.append(("content-type", type))
        if self.chance(5) { fields.append(("grpc-timeout", self.choose("1S", "0n", "99999999H", "x", "-1S"))) }
        if self.chance(8) { fields.append(("timeout", self.choose("5000000000", "0", "x"))) }
        if self.chance(5) { fields.append(("grpc-encoding", self.choose("gzip", "identity", "snappy"))) }
        if self.chance(4) { fields.append(("grpc-accept-encoding", "identity,gzip")) }
        if self.chance(6) {
            fields.append((self.choose("x-bin", "x", "Bad Name", ":late", ""), self.choose("AP8", "!", "")))
        }
        if self.chance(30) { fields.append(("x-long", String(repeating: "v", count: self.pick(6_000)))) }
        self.headers(stream, fields, endsStream: self.chance(8))
        if !self.chance(6) { self.data(stream) }
    }

    private mutating func data(_ stream: UInt32) {
        let body = MessageGenerator.messages(&self.random)
        self.frame(0, self.chance(2) ? 1 : 0, stream, body)
    }

    private mutating func settings() {
        var payload: [UInt8] = []
        for _ in 0..<self.pick(5) {
            let values: [UInt32] = [0, 1, 100, 16_384, 65_535, 1 << 20, 0x7fff_ffff, 0xffff_ffff]
            payload += [0, UInt8(self.pick(10))] + self.number(values[self.pick(values.count)])
        }
        self.frame(4, 0, 0, payload)
    }

    /// A field block, sometimes padded, prioritised or continued.
    private mutating func headers(_ stream: UInt32, _ fields: [(String, String)], endsStream: Bool) {
        var block: [UInt8] = self.chance(12) ? [0x20 | UInt8(self.pick(32))] : []
        for field in fields { block += self.literal(field) }
        var flags: UInt8 = endsStream ? 1 : 0
        var payload = block
        if self.chance(10) {
            flags |= 0x20
            payload = self.garbage(5) + payload
        }
        if self.chance(10) {
            flags |= 8
            let padding = self.pick(20)
            payload = [UInt8(padding)] + payload + [UInt8](repeating: 0, count: padding)
        }
        guard self.chance(10), payload.count > 4 else { return self.frame(1, flags | 4, stream, payload) }
        let cut = self.pick(payload.count)
        self.frame(1, flags, stream, Array(payload[..<cut]))
        self.frame(9, 4, stream, Array(payload[cut...]))
    }

    /// A field with or without indexing, or never indexed. Source: RFC 7541 §6.2.
    private mutating func literal(_ field: (String, String)) -> [UInt8] {
        [[0x00, 0x40, 0x10][self.pick(3)]] + Self.text(field.0) + Self.text(field.1)
    }

    private static func text(_ text: String) -> [UInt8] {
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

    private mutating func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) {
        let count = payload.count
        self.bytes += [UInt8(count >> 16 & 255), UInt8(count >> 8 & 255), UInt8(count & 255), type, flags]
        self.bytes += self.number(stream) + payload
    }

    // MARK: Chance

    private mutating func pick(_ count: Int) -> Int { Int(self.random.next() % UInt64(max(count, 1))) }
    /// True once in `times`.
    private mutating func chance(_ times: Int) -> Bool { self.pick(times) == 0 }
    private mutating func choose(_ texts: String...) -> String { texts[self.pick(texts.count)] }
    private mutating func garbage(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8(truncatingIfNeeded: self.random.next()) }
    }

    private mutating func someStream() -> UInt32 {
        self.chance(15) ? UInt32(self.pick(20)) : UInt32(self.pick(Int(self.nextStream / 2) + 1)) * 2 + 1
    }

    private func number(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }
}
