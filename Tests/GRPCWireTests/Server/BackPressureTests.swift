// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct BackPressureTests {
    private static let chunk = [UInt8](repeating: 0x55, count: 128 << 10)
    /// A stream's window, its outbound queue and the message that went over it.
    private static let inFlightLimit = (1 << 20) + ServerCall.outboundHighWater + 2 * Self.chunk.count

    /// 1 GiB to a reader that sleeps, and 1,000 calls beside it.
    @Test func sleepingClient() async throws {
        var router = GRPCRouter()
        let written = Counter()
        router.add(
            "/B/Flood",
            .stream { _, _, writer in
                for _ in 0..<4_096 {
                    try await writer.write(Self.chunk)
                    written.add(Self.chunk.count)
                }
            })
        router.add("/B/Echo", .unary { $1 })
        try await withWire(router) { client, server in
            let before = ProcessMemory.residentBytes
            let stream = try await client.openStream("/B/Flood")
            try await eventually("the stream is full") { written.count > 1 << 20 }
            try await self.thousandCalls(client)
            #expect(written.count <= Self.inFlightLimit)
            #expect(server.connectionCount == 1)
            // Other tests run in this process too; without back-pressure it would be all of the gibibyte.
            #expect(ProcessMemory.residentBytes - before < 600 << 20)
            // Awake again: nothing is missing.
            var received = 0
            while received < 64 << 20 {
                let message = try await stream.next()
                #expect(message == Self.chunk)
                received += message?.count ?? 64 << 20
            }
            #expect(written.count - received <= Self.inFlightLimit)
            stream.cancel()
        }
    }

    @Test func sleepingHandler() async throws {
        var router = GRPCRouter()
        let wake = Signal()
        let read = Counter()
        router.add(
            "/B/Sink",
            .stream { _, reader, writer in
                try await wake.wait("wake")
                while let message = try await reader.next() { read.add(message.count) }
                try await writer.write([1])
            })
        router.add("/B/Echo", .unary { $1 })
        try await withWire(router) { client, _ in
            let stream = try await client.openStream("/B/Sink")
            let written = Counter()
            let total = 32 << 20
            let writer = Task {
                for _ in 0..<(total / Self.chunk.count) {
                    try await stream.write(Self.chunk)
                    written.add(Self.chunk.count)
                }
                stream.finishWriting()
            }
            try await eventually("the stream is full") { written.count >= 1 << 20 }
            try await self.thousandCalls(client)
            #expect(written.count <= Self.inFlightLimit)
            wake.fire()
            try await writer.value
            let answer = try await stream.next()
            #expect(answer == [1])
            #expect(read.count == total)
        }
    }

    private func thousandCalls(_ client: WireClient) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<10 {
                group.addTask {
                    for index in 0..<100 {
                        let message = [UInt8(worker), UInt8(index)]
                        let reply = try await client.unary("/B/Echo", message)
                        #expect(reply.message == message)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// A small message, and behind it one that is larger than the window, to a reader that comes late. What the queue
    /// withheld of the window must return, or the second message could never be whole.
    @Test(arguments: [0, 1, 10, 1_000]) func lateReaderOfALargeMessage(_ first: Int) async throws {
        var router = GRPCRouter()
        let mayRead = Signal()
        router.add(
            "/B/Late",
            .stream { _, reader, writer in
                try await mayRead.wait("read")
                while let message = try await reader.next() { try await writer.write(bytes("\(message.count)")) }
            })
        router.add(
            "/B/Send",
            .stream { _, _, writer in
                try await writer.write([UInt8](repeating: 1, count: first))
                try await writer.write([UInt8](repeating: 2, count: 3 << 20))
            })
        try await withWire(router) { client, _ in
            let stream = try await client.openStream("/B/Late")
            let writer = Task {
                try await stream.write([UInt8](repeating: 1, count: first))
                try await stream.write([UInt8](repeating: 2, count: 3 << 20))
                stream.finishWriting()
            }
            try await Task.sleep(for: .milliseconds(200))
            mayRead.fire()
            #expect(text(try await stream.next()) == "\(first)")
            #expect(text(try await stream.next()) == "\(3 << 20)")
            try await writer.value
            let download = try await client.openStream("/B/Send")
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await download.next()?.count == first)
            #expect(try await download.next()?.count == 3 << 20)
            #expect(try await download.next() == nil)
        }
    }

    /// More unread uploads than the connection's budget: others wait, and all goes on when the readers do.
    @Test func manySleepingHandlers() async throws {
        var router = GRPCRouter()
        let wake = Signal()
        router.add(
            "/B/Sink",
            .stream { _, reader, writer in
                try await wake.wait("wake")
                var sum = 0
                while let message = try await reader.next() { sum += message.count }
                try await writer.write(bytes("\(sum)"))
            })
        try await withWire(router) { client, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        try await client.withStream("/B/Sink") { stream in
                            for _ in 0..<8 { try await stream.write(Self.chunk) }
                            stream.finishWriting()
                            let answer = try await stream.next()
                            #expect(text(answer) == "\(8 * Self.chunk.count)")
                        }
                    }
                }
                try await Task.sleep(for: .milliseconds(500))
                wake.fire()
                try await group.waitForAll()
            }
        }
    }

    /// A client that takes nothing on many streams: its connection is still read, new calls are refused as not run.
    @Test func tooMuchUnsentOutput() async throws {
        var router = GRPCRouter()
        let blocked = Counter()
        router.add(
            "/B/Flood",
            .stream { _, _, writer in
                try await writer.write(Self.chunk)
                blocked.add()
                while true { try await writer.write(Self.chunk) }
            })
        router.add("/B/Echo", .unary { $1 })
        try await withServer(router) { _, address in
            let peer = try await RawPeer.connect(address)
            try await peer.startClient([4: 100])
            // 300 queues of 256 KiB and more are above 64 MiB.
            for index in 0..<300 {
                peer.open(Int32(index * 2 + 1), RawPeer.requestHead(path: "/B/Flood"))
            }
            try await eventually("queues fill") { blocked.count >= 150 }
            // The other queues fill as their handlers have their turns: until then calls are answered.
            var stream: Int32 = 601
            try await eventually("a call is refused") {
                peer.call(stream, "/B/Echo")
                stream += 2
                try await Task.sleep(for: .milliseconds(200))
                return peer.count(of: .reset) > 0
            }
            let refusal = try await peer.next(.reset)
            #expect(refusal.number(at: 0) == 7)
            for index in 0..<300 { peer.send(.reset(Int32(index * 2 + 1), 8)) }
            peer.send(.windowUpdate(0, 1 << 20))
            peer.call(stream, "/B/Echo")
            #expect(try await peer.response(stream).first(":status") == "200")
            peer.close()
        }
    }

    @Test func eventHandlersAreToldOfRoom() async throws {
        var router = GRPCRouter()
        router.add("/B/Events", .streamEvent { PumpingEvents($0) })
        try await withWire(router) { client, _ in
            try await client.withStream("/B/Events") { stream in
                try await Task.sleep(for: .milliseconds(100))
                var received = 0
                while let message = try await stream.next() { received += message.count }
                #expect(received == PumpingEvents.total)
            }
        }
    }
}

/// Sends as long as there is room, and goes on when it is told of more.
private final class PumpingEvents: ServerCallEvents {
    static let total = 20 << 20
    private let call: ServerCall
    private var left = PumpingEvents.total

    init(_ call: ServerCall) {
        self.call = call
        self.pump()
    }

    private func pump() {
        while self.left > 0, self.call.queuedBytes <= ServerCall.outboundHighWater {
            self.call.send([UInt8](repeating: 1, count: 64 << 10))
            self.left -= 64 << 10
        }
        #expect(self.call.queuedBytes <= ServerCall.outboundHighWater + (65 << 10))
        if self.left == 0 { self.call.finish() }
    }

    func received(_ message: [UInt8]) {}
    func receivedEnd() {}
    func becameWritable() { self.pump() }
    func closed() {}
}
