// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Just enough of an HTTP/2 client to keep a gRPC server busy and to take little of the machine itself.
///
/// Header blocks that come in are not read: a call that has brought no message before its trailers was refused, and
/// that ends the program. Those that go out name what the first calls have put into the server's table: six bytes a
/// call. Used by one thread. Source: RFC 9113 §4 and §6, RFC 7541 §6 and appendix A.
final class CallConnection {
    /// What a stream brought.
    enum Event {
        case message(lane: Int, ArraySlice<UInt8>, sent: UInt64)
        case ended(lane: Int)
    }

    private struct Stream {
        var lane: Int
        var sent: UInt64
        var messages = 0
        /// The beginning of a message whose end is still to come, with its prefix.
        var pending: [UInt8] = []
        var received = 0
        /// Bytes that the server has room for; below 0 where it has taken some back.
        var window: Int
    }

    /// Data that must wait until the server gives room back.
    private struct Held {
        var stream: UInt32
        var data: ArraySlice<UInt8>
        var ends: Bool
    }

    let descriptor: Int32
    private var input = [UInt8](repeating: 0, count: 1 << 18)
    private var inputStart = 0
    private var inputEnd = 0
    private var output: [UInt8] = []
    private var outputStart = 0
    private var nextStream: UInt32 = 1
    private var streams: [UInt32: Stream] = [:]
    private var encoder = HeaderEncoder()
    private var sendWindow = HTTP2.initialWindow
    /// Of a new stream.
    private var streamWindow = HTTP2.initialWindow
    private var held: [Held] = []
    private var received = 0

    /// Connects to this machine's `port`.
    init(port: Int) {
        self.descriptor = connectedSocket(port: port)
        self.output += HTTP2.preface
        HTTP2.append(
            .settings, 0, stream: 0, [0, 4] + HTTP2.bytes(UInt32(Int32.max)), to: &self.output)
        self.giveBack(Int(Int32.max) - HTTP2.initialWindow, stream: 0)
    }

    deinit { close(self.descriptor) }

    var openStreams: Int { self.streams.count }
    /// Whether `flush` has left something behind.
    var mustWrite: Bool { self.outputStart < self.output.count }

    /// Begins a call with one message, which has its gRPC prefix. Unary calls end with it.
    func send(_ method: Method, _ message: [UInt8], lane: Int, now: UInt64, ends: Bool = true) {
        let number = self.nextStream
        self.nextStream += 2
        var stream = Stream(lane: lane, sent: now, window: self.streamWindow)
        self.encoder.appendFrame(method, stream: number, to: &self.output)
        if self.held.isEmpty, message.count <= min(self.sendWindow, stream.window) {
            stream.window -= message.count
            self.streams[number] = stream
            self.append(message[...], stream: number, ends: ends)
        } else {
            self.streams[number] = stream
            self.held.append(Held(stream: number, data: message[...], ends: ends))
            self.sendHeld()
        }
    }

    /// Sends one more message on the stream of a lane that has not ended.
    func sendMore(_ message: [UInt8], lane: Int) {
        guard let stream = self.streams.first(where: { $0.value.lane == lane })?.key else { return }
        self.held.append(Held(stream: stream, data: message[...], ends: false))
        self.sendHeld()
    }

    private func append(_ data: ArraySlice<UInt8>, stream: UInt32, ends: Bool) {
        self.sendWindow -= data.count
        var start = data.startIndex
        repeat {
            let end = min(data.endIndex, start + HTTP2.frameBytes)
            let flags = ends && end == data.endIndex ? HTTP2.endStream : 0
            HTTP2.append(.data, flags, stream: stream, data[start..<end], to: &self.output)
            start = end
        } while start < data.endIndex
    }

    /// Sends what there is room for, the oldest first; what waits for its stream's own window lets others pass.
    private func sendHeld() {
        var left: [Held] = []
        var next = 0
        while next < self.held.count, self.sendWindow > 0 {
            let rest = self.sendSome(of: self.held[next])
            if !rest.data.isEmpty { left.append(rest) }
            next += 1
        }
        if next > 0 { self.held.replaceSubrange(..<next, with: left) }
    }

    /// - Returns: What is left of it.
    private func sendSome(of held: Held) -> Held {
        var rest = held
        guard let window = self.streams[held.stream]?.window else {
            // The server has ended the call.
            rest.data = []
            return rest
        }
        let count = min(held.data.count, self.sendWindow, window)
        guard count > 0 else { return rest }
        self.append(held.data.prefix(count), stream: held.stream, ends: held.ends && count == held.data.count)
        self.streams[held.stream]?.window -= count
        rest.data = held.data.dropFirst(count)
        return rest
    }

    /// Hands to the kernel what it takes.
    func flush() {
        while self.outputStart < self.output.count {
            let wrote = self.output[self.outputStart...].withUnsafeBytes {
                Foundation.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if wrote < 0 {
                if errno == EAGAIN { return }
                fail("the server closed a connection (\(String(cString: strerror(errno))))")
            }
            self.outputStart += wrote
        }
        self.output.removeAll(keepingCapacity: true)
        self.outputStart = 0
    }

    /// Reads once and hands over what came.
    func receive(_ body: (Event) -> Void) {
        self.moveRestToStart()
        let end = self.inputEnd
        let count = self.input.withUnsafeMutableBytes { bytes in
            recv(self.descriptor, bytes.baseAddress! + end, bytes.count - end, 0)
        }
        guard count > 0 else {
            if count < 0, errno == EAGAIN { return }
            fail("the server closed a connection")
        }
        self.inputEnd += count
        while let frame = HTTP2.frame(self.input, from: self.inputStart, to: self.inputEnd) {
            self.inputStart = frame.payload.upperBound
            self.take(frame, body)
        }
    }

    /// In place: a slice of the array as the source would make it a copy of the whole.
    private func moveRestToStart() {
        let rest = self.inputStart..<self.inputEnd
        if !rest.isEmpty, rest.lowerBound > 0 {
            self.input.withUnsafeMutableBytes { bytes in
                _ = memmove(bytes.baseAddress!, bytes.baseAddress! + rest.lowerBound, rest.count)
            }
        }
        self.inputStart = 0
        self.inputEnd = rest.count
    }

    private func take(_ frame: HTTP2.Frame, _ body: (Event) -> Void) {
        switch frame.kind {
        case HTTP2.Kind.data.rawValue: self.takeData(frame, body)
        case HTTP2.Kind.headers.rawValue where frame.flags & HTTP2.endStream != 0:
            guard let stream = self.streams.removeValue(forKey: frame.stream) else { return }
            guard stream.messages > 0 else {
                let text = self.input[frame.payload].map {
                    (32..<127).contains($0) ? Character(UnicodeScalar($0)) : "."
                }
                fail("a call was refused: \(String(text))")
            }
            body(.ended(lane: stream.lane))
        case HTTP2.Kind.reset.rawValue, HTTP2.Kind.goAway.rawValue:
            fail("the server reset a stream or goes away")
        case HTTP2.Kind.settings.rawValue where frame.flags & HTTP2.acknowledges == 0:
            self.takeSettings(self.input[frame.payload])
            HTTP2.append(.settings, HTTP2.acknowledges, stream: 0, [], to: &self.output)
        case HTTP2.Kind.ping.rawValue where frame.flags & HTTP2.acknowledges == 0:
            HTTP2.append(.ping, HTTP2.acknowledges, stream: 0, self.input[frame.payload], to: &self.output)
        case HTTP2.Kind.windowUpdate.rawValue:
            let bytes = Int(HTTP2.number(self.input[frame.payload]))
            if frame.stream == 0 {
                self.sendWindow += bytes
            } else {
                self.streams[frame.stream]?.window += bytes
            }
            self.sendHeld()
        // Responses' first headers, acknowledgements.
        default: break
        }
    }

    /// Source: RFC 9113 §6.5.1, §6.9.2.
    private func takeSettings(_ payload: ArraySlice<UInt8>) {
        var rest = payload
        while rest.count >= HTTP2.settingBytes {
            if HTTP2.number(rest.prefix(2)) == HTTP2.initialWindowSetting {
                let window = Int(HTTP2.number(rest.dropFirst(2).prefix(4)))
                // Streams that are open get the difference, which may be below 0.
                for number in Array(self.streams.keys) {
                    self.streams[number]?.window += window - self.streamWindow
                }
                self.streamWindow = window
            }
            rest = rest.dropFirst(HTTP2.settingBytes)
        }
        self.sendHeld()
    }

    private func takeData(_ frame: HTTP2.Frame, _ body: (Event) -> Void) {
        let bytes = frame.payload.count
        self.received += bytes
        if self.received >= HTTP2.windowBeforeUpdate {
            self.giveBack(self.received, stream: 0)
            self.received = 0
        }
        guard var stream = self.streams.removeValue(forKey: frame.stream) else { return }
        stream.received += bytes
        if stream.received >= HTTP2.windowBeforeUpdate {
            self.giveBack(stream.received, stream: frame.stream)
            stream.received = 0
        }
        if stream.pending.isEmpty {
            let rest = self.takeMessages(self.input[frame.payload], &stream, body)
            stream.pending = Array(rest)
        } else {
            stream.pending += self.input[frame.payload]
            // A message that comes in many frames is looked at when it is whole.
            let rest = self.takeMessages(stream.pending[...], &stream, body)
            if rest.count < stream.pending.count { stream.pending = Array(rest) }
        }
        self.streams[frame.stream] = stream
    }

    /// Hands over all whole messages, and returns what is behind them.
    private func takeMessages(
        _ bytes: ArraySlice<UInt8>, _ stream: inout Stream, _ body: (Event) -> Void
    ) -> ArraySlice<UInt8> {
        var rest = bytes
        while rest.count >= HTTP2.messagePrefixBytes {
            let length = Int(HTTP2.number(rest.dropFirst().prefix(4)))
            guard rest.count - HTTP2.messagePrefixBytes >= length else { break }
            rest = rest.dropFirst(HTTP2.messagePrefixBytes)
            stream.messages += 1
            body(.message(lane: stream.lane, rest.prefix(length), sent: stream.sent))
            rest = rest.dropFirst(length)
        }
        return rest
    }

    private func giveBack(_ bytes: Int, stream: UInt32) {
        HTTP2.append(.windowUpdate, 0, stream: stream, HTTP2.bytes(UInt32(bytes))[...], to: &self.output)
    }
}

/// A non-blocking socket that sends at once what it is given.
func connectedSocket(port: Int) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let connected = withUnsafePointer(to: &address) { pointer in
        // Every kind of address begins as `sockaddr` does; the length says which it is.
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { fail("nobody listens on port \(port)") }
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    return descriptor
}
