// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletGRPCWire
import NIOPosix
import Testing

/// What idle peers cost. The clients are plain sockets, so that growth is the server's.
///
/// Other tests run in the same process and grow it too: the least of several rounds counts.
@Suite(.timeLimit(.minutes(30)), .serialized) struct MemoryTests {
    static let connectionGoal = 48 << 10
    static let streamGoal = 4 << 10
    private static let rounds = 12

    private func least(_ goal: Int, _ what: String, _ round: () async throws -> Int) async throws {
        var least = Int.max
        for _ in 0..<Self.rounds where least > goal { least = min(least, try await round()) }
        print("memory: \(least) bytes \(what)")
        #expect(least <= goal)
    }

    @Test(.enabled(if: ProcessMemory.residentBytes > 0)) func idleConnections() async throws {
        PlainSocket.raiseDescriptorLimit()
        let count = 1_000
        try await self.least(Self.connectionGoal, "an idle connection") {
            try await withServer(GRPCRouter()) { server, address in
                guard case .hostPort(_, let port) = address.kind else { return 0 }
                let before = ProcessMemory.residentBytes
                let sockets = try (0..<count).map { _ in
                    let socket = try PlainSocket(port: port)
                    try socket.send(RawPeer.preface + RawFrame.settings().bytes)
                    return socket
                }
                try await eventually("\(count) connections") { server.connectionCount == count }
                return withExtendedLifetime(sockets) { (ProcessMemory.residentBytes - before) / count }
            }
        }
    }

    @Test(.enabled(if: ProcessMemory.residentBytes > 0)) func idleStreams() async throws {
        let count = 10_000
        try await self.least(Self.streamGoal, "an idle stream") {
            var router = GRPCRouter()
            let open = Counter()
            router.add("/M/Idle", .streamEvent { _ in IdleEvents(open) })
            return try await withServer(router) { _, address in
                guard case .hostPort(_, let port) = address.kind else { return 0 }
                let socket = try PlainSocket(port: port)
                try socket.send(RawPeer.preface + RawFrame.settings().bytes)
                try await eventually("a connection") { !socket.receive().isEmpty }
                let before = ProcessMemory.residentBytes
                for index in 0..<count {
                    try socket.send(RawFrame.headers(Int32(index * 2 + 1), RawPeer.requestHead(path: "/M/Idle")).bytes)
                }
                try await eventually("\(count) streams") { open.count == count }
                return withExtendedLifetime(socket) { (ProcessMemory.residentBytes - before) / count }
            }
        }
    }

    private final class IdleEvents: ServerCallEvents {
        init(_ open: Counter) { open.add() }
        func received(_ message: [UInt8]) {}
        func receivedEnd() {}
        func becameWritable() {}
        func closed() {}
    }
}
