// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import Testing

/// A client's and a server's session, joined by byte arrays.
struct SessionPair {
    let client: HTTP2Session
    let server: HTTP2Session
    let counter = QueuedByteCounter()
    private(set) var clientLog: [String] = []
    private(set) var serverLog: [String] = []
    /// Bodies as they arrived at the server, by stream.
    private(set) var received: [Int32: [UInt8]] = [:]

    init(server settings: HTTP2Settings = HTTP2Settings(), client clientSettings: HTTP2Settings = HTTP2Settings()) {
        self.client = HTTP2Session(role: .client, settings: clientSettings)
        self.server = HTTP2Session(role: .server, settings: settings)
    }

    static func outbound(_ session: HTTP2Session) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let part = try session.nextOutbound() { bytes.append(contentsOf: part) }
        return bytes
    }

    /// Moves bytes both ways until both are silent, in pieces of `piece` bytes.
    mutating func pump(piece: Int = .max) throws {
        while true {
            let fromClient = try Self.outbound(self.client)
            let fromServer = try Self.outbound(self.server)
            if fromClient.isEmpty, fromServer.isEmpty { return }
            try self.deliverToServer(fromClient, piece: piece)
            try self.deliverToClient(fromServer, piece: piece)
        }
    }

    mutating func deliverToServer(_ bytes: [UInt8], piece: Int = .max) throws {
        for part in Self.pieces(of: bytes, piece) {
            try part.withUnsafeBytes { input in
                try self.server.receive(input)
                let events = self.server.takeEvents()
                for event in events { self.handleOnServer(event, input) }
                self.server.recycle(events)
            }
        }
    }

    mutating func deliverToClient(_ bytes: [UInt8], piece: Int = .max) throws {
        for part in Self.pieces(of: bytes, piece) {
            try part.withUnsafeBytes { input in
                try self.client.receive(input)
                for event in self.client.takeEvents() {
                    if case .data(let stream, _, let length) = event {
                        self.client.consume(stream: stream, bytes: length)
                        self.client.consumeConnection(bytes: length)
                    }
                    self.clientLog.append(describe(event))
                }
            }
        }
    }

    private static func pieces(of bytes: [UInt8], _ piece: Int) -> [[UInt8]] {
        guard piece < bytes.count else { return [bytes] }
        return stride(from: 0, to: bytes.count, by: piece).map { Array(bytes[$0..<min($0 + piece, bytes.count)]) }
    }

    /// Echoes each body once it is whole.
    private mutating func handleOnServer(_ event: HTTP2Event, _ input: UnsafeRawBufferPointer) {
        switch event {
        case .headers(let stream, _, _, let isEnd, _):
            self.received[stream] = []
            if isEnd { self.answer(stream) }
        case .data(let stream, let offset, let length):
            self.received[stream, default: []] += input[offset..<(offset + length)]
            self.server.consume(stream: stream, bytes: length)
            self.server.consumeConnection(bytes: length)
        case .endOfStream(let stream):
            self.answer(stream)
        default: break
        }
        self.serverLog.append(describe(event))
    }

    private func answer(_ stream: Int32) {
        let body = OutboundBody(streamID: stream, counter: self.counter)
        body.append(self.received[stream] ?? [], prefix: 0x0102, prefixBytes: 2)
        body.end(trailers: ["x-trailer": "t"])
        self.server.respond(stream, [":status": "200", "x": "y"], body: body)
    }

    func post(_ chunks: [[UInt8]]) -> Int32? {
        self.client.request(Self.head) { stream in
            let body = OutboundBody(streamID: stream, counter: self.counter)
            for chunk in chunks { body.append(chunk) }
            body.end(trailers: nil)
            return body
        }
    }

    static let head: HeaderBlock = [":method": "POST", ":scheme": "http", ":authority": "a", ":path": "/p"]
}

/// One line an event; runs of data are told apart by their sum only, since splitting input splits them.
private func describe(_ event: HTTP2Event) -> String {
    switch event {
    case .headers(let stream, let block, let kind, let isEnd, _):
        "headers \(stream) \(kind) \(block.count)\(isEnd ? " end" : "")"
    case .data(let stream, _, _): "data \(stream)"
    case .endOfStream(let stream): "end \(stream)"
    case .closed(let stream, let code): "closed \(stream) \(code.rawValue)"
    case .finishedEarly(let stream): "early \(stream)"
    case .pingAcknowledged(let payload): "pong \(payload)"
    case .pingReceived: "ping"
    case .goAway(let last, let code, let message): "goaway \(last) \(code.rawValue) \(message)"
    case .settingsReceived: "settings"
    case .goAwaySent: "goaway sent"
    case .resetFlood: "reset flood"
    case .notSent(let stream): "notSent \(stream)"
    }
}

@Suite struct SessionPairTests {
    private static func withoutRepeats(_ log: [String]) -> [String] {
        log.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    @Test(arguments: [1, 2, 3, 5, 7, 8, 9, 10, 13, 16, 24, 100, 1_000, Int.max])
    func exchangeInPiecesOfAnySize(_ piece: Int) throws {
        var pair = SessionPair()
        let message = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
        let stream = try #require(pair.post([message, [], [1, 2, 3]]))
        try pair.pump(piece: piece)
        #expect(pair.received[stream] == message + [1, 2, 3])
        #expect(
            Self.withoutRepeats(pair.serverLog)
                == ["settings", "headers 1 request 4", "data 1", "end 1", "closed 1 0"])
        #expect(
            Self.withoutRepeats(pair.clientLog)
                == ["settings", "headers 1 response 2", "data 1", "headers 1 trailers 1 end", "closed 1 0"])
        #expect(pair.counter.bytes == 0)
    }

    /// Both directions of a small exchange, cut in two at every byte.
    @Test func everySplitPoint() throws {
        let reference = SessionPair()
        _ = reference.post([[1, 2, 3]])
        let request = try SessionPair.outbound(reference.client)
        for split in 0...request.count {
            var pair = SessionPair()
            _ = pair.post([[1, 2, 3]])
            let bytes = try SessionPair.outbound(pair.client)
            #expect(bytes == request)
            try pair.deliverToServer(Array(bytes[..<split]))
            try pair.deliverToServer(Array(bytes[split...]))
            let answer = try SessionPair.outbound(pair.server)
            let cut = min(split, answer.count)
            try pair.deliverToClient(Array(answer[..<cut]))
            try pair.deliverToClient(Array(answer[cut...]))
            #expect(pair.received[1] == [1, 2, 3])
            #expect(pair.clientLog.suffix(2) == ["headers 1 trailers 1 end", "closed 1 0"], "split at \(split)")
        }
    }

    @Test func windowHoldsABodyBack() throws {
        var settings = HTTP2Settings()
        settings.streamWindowBytes = 1_000
        let server = HTTP2Session(role: .server, settings: settings)
        let client = HTTP2Session(role: .client, settings: HTTP2Settings())
        try SessionPair.outbound(server).withUnsafeBytes { try client.receive($0) }
        let counter = QueuedByteCounter()
        _ = client.request(SessionPair.head) {
            let body = OutboundBody(streamID: $0, counter: counter)
            body.append([UInt8](repeating: 7, count: 5_000))
            return body
        }
        try SessionPair.outbound(client).withUnsafeBytes { try server.receive($0) }
        #expect(counter.bytes == 4_000)
        #expect(try SessionPair.outbound(client).isEmpty)
        server.consume(stream: 1, bytes: 1_000)
        server.consumeConnection(bytes: 1_000)
        try SessionPair.outbound(server).withUnsafeBytes { try client.receive($0) }
        try SessionPair.outbound(client).withUnsafeBytes { try server.receive($0) }
        #expect(counter.bytes == 3_000)
    }

    @Test func deferredBodyGoesOnWhenResumed() throws {
        var pair = SessionPair()
        var open: OutboundBody?
        let counter = pair.counter
        _ = pair.client.request(SessionPair.head) {
            open = OutboundBody(streamID: $0, counter: counter)
            return open
        }
        try pair.pump()
        let body = try #require(open)
        body.append([1])
        try pair.pump()
        #expect(pair.received[1] == [], "nothing is sent before the body is resumed")
        pair.client.resume(body)
        try pair.pump()
        #expect(pair.received[1] == [1])
        body.append([2])
        body.end(trailers: nil)
        pair.client.resume(body)
        try pair.pump()
        #expect(pair.received[1] == [1, 2])
        #expect(pair.clientLog.last == "closed 1 0")
    }

    @Test func streamsAboveThePeersLimitWait() throws {
        var settings = HTTP2Settings()
        settings.maximumConcurrentStreams = 2
        var pair = SessionPair(server: settings)
        try pair.pump()
        #expect(pair.client.peerMaximumConcurrentStreams == 2)
        let streams = try (0..<5).map { _ in try #require(pair.post([[9]])) }
        try pair.pump()
        for stream in streams { #expect(pair.received[stream] == [9]) }
    }

    @Test func longHeaderListIsCutAndSaid() throws {
        var settings = HTTP2Settings()
        settings.maximumHeaderListBytes = 500
        let server = HTTP2Session(role: .server, settings: settings)
        let client = HTTP2Session(role: .client, settings: HTTP2Settings())
        var head = SessionPair.head
        head.append("x-long", String(repeating: "v", count: 1_000))
        _ = client.request(head) { _ in nil }
        try SessionPair.outbound(client).withUnsafeBytes { try server.receive($0) }
        let isOversize = server.takeEvents().contains {
            if case .headers(_, let block, _, _, true) = $0 { block.first("x-long") == nil } else { false }
        }
        #expect(isOversize)
    }

    @Test func drainInTwoSteps() throws {
        var pair = SessionPair()
        try pair.pump()
        pair.server.announceShutdown()
        pair.server.ping(payload: 5)
        try pair.pump()
        #expect(pair.clientLog.suffix(1) == ["goaway 2147483647 0 "])
        #expect(pair.serverLog.contains("pong 5"))
        #expect(pair.post([[1]]) == nil, "a client that was told opens no stream")
        // A client without streams has ended by then; what counts is that the second GOAWAY goes out.
        pair.server.goAway(.noError, message: "bye")
        let frame = try SessionPair.outbound(pair.server)
        #expect(frame.count == 20 && frame[3] == 7)
        #expect(frame.suffix(11) == [0, 0, 0, 0, 0, 0, 0, 0] + Array("bye".utf8))
    }

    @Test func garbageEndsTheSession() throws {
        let server = HTTP2Session(role: .server, settings: HTTP2Settings())
        #expect(throws: HTTP2Failure.self) {
            try Array("GET / HTTP/1.1\r\n\r\n with more behind".utf8).withUnsafeBytes { try server.receive($0) }
        }
    }
}
