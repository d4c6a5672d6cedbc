// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

private let cli = "/usr/bin/redis-cli"
private let python = ProcessInfo.processInfo.environment["MARTLET_PEERS_PYTHON"]
private let hasClients = python != nil && FileManager.default.isExecutableFile(atPath: cli)

/// COPY of a stream larger than the memory that streams are given, with the clients people have.
@Suite(.timeLimit(.minutes(30)), .enabled(if: hasClients)) struct StreamCopyTests {
    /// Some four megabytes, of which a sixteenth may be in memory.
    private static let entries = 20_000
    private static let memory = "256KiB"

    private static func serve<Result>(
        in folder: TemporaryFolder, _ port: Int, _ body: (RunningServer) async throws -> Result
    ) async throws -> Result {
        let arguments = [
            "--listen-client-urls=http://127.0.0.1:0", "--listen-peer-urls=http://127.0.0.1:0",
            "--listen-stream-urls=redis://127.0.0.1:\(port)", "--stream-memory=\(memory)",
        ]
        return try await RunningServer.with(arguments, in: folder, body)
    }

    private static func ask(_ port: Int, _ words: String...) async throws -> String {
        try await output(of: cli, ["-p", "\(port)"] + words).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func script(_ port: Int, _ words: String...) async throws -> String {
        let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Peers/redis_copies.py").path
        return try await output(of: try #require(python), [script, "\(port)"] + words)
    }

    /// A figure of INFO.
    private static func figure(_ port: Int, _ name: String) async throws -> Int {
        let lines = try await ask(port, "INFO").split(whereSeparator: \.isNewline)
        let line = try #require(lines.first { $0.hasPrefix("\(name):") })
        return try #require(Int(line.dropFirst(name.count + 1)))
    }

    @Test func copiesWhatIsNotInMemory() async throws {
        let folder = try TemporaryFolder()
        let port = try freePort()
        let told = try await Self.serve(in: folder, port) { server in
            _ = try await Self.script(port, "fill", "s", "\(Self.entries)")
            let told = try await Self.script(port, "tell", "s")
            let isOut = try await eventually { try await Self.figure(port, "martlet_stream_blocks_evicted") > 0 }
            #expect(isOut)
            let answers = [
                try await Self.ask(port, "COPY", "s", "t"), try await Self.ask(port, "COPY", "s", "u"),
                try await Self.ask(port, "COPY", "s", "t"),
            ]
            #expect(answers == ["1", "1", "0"])
            let used = try await Self.figure(port, "martlet_stream_memory_used")
            #expect(used < 2 * 256 << 10, "a copy brings no blocks into memory: \(used)")
            for copy in ["t", "u"] {
                let other = try await Self.script(port, "tell", copy)
                #expect(other == told)
            }
            // What becomes of one is nothing to the others.
            let gone = try await Self.ask(port, "DEL", "s")
            let trimmed = try await Self.ask(port, "XTRIM", "u", "MAXLEN", "=", "10")
            let rest = try await Self.script(port, "tell", "t")
            #expect(gone == "1" && Int(trimmed) ?? 0 > 0 && rest == told)
            await server.kill()
            return told
        }
        try await Self.serve(in: folder, port) { _ in
            let names = try await Self.ask(port, "EXISTS", "s", "t", "u")
            let length = try await Self.ask(port, "XLEN", "u")
            let rest = try await Self.script(port, "tell", "t")
            #expect(names == "2" && length == "10" && rest == told)
        }
    }
}
