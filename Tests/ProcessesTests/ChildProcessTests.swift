// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses
import Testing

@Suite(.timeLimit(.minutes(30))) struct ChildProcessTests {
    /// What a child did, as its callbacks tell.
    private enum Observed: Sendable, Equatable {
        case line(String)
        case exit(ChildProcess.Exit)
    }

    private func start(_ script: String) throws -> (ChildProcess, AsyncStream<Observed>) {
        let (observed, continuation) = AsyncStream.makeStream(of: Observed.self)
        let child = try ChildProcess.start(
            "/bin/sh", ["-c", script], environment: ["WORD": "from the environment"], errorFile: "/dev/null",
            onLine: { continuation.yield(.line($0)) },
            onExit: {
                continuation.yield(.exit($0))
                continuation.finish()
            })
        return (child, observed)
    }

    private func all(_ observed: AsyncStream<Observed>) async -> [Observed] {
        await observed.reduce(into: []) { $0.append($1) }
    }

    @Test func deliversLinesThenTheEnd() async throws {
        let (child, observed) = try start("echo one; echo $WORD; printf 'no end'; exit 3")
        #expect(await all(observed) == [.line("one"), .line("from the environment"), .line("no end"), .exit(.code(3))])
        #expect(child.hasEnded)
        child.send(SIGKILL)
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGKILL]) func endsBySignal(_ signal: Int32) async throws {
        let (child, observed) = try start("echo ready; exec sleep 60")
        var seen: [Observed] = []
        for await next in observed {
            seen.append(next)
            if next == .line("ready") { child.send(signal) }
        }
        #expect(seen == [.line("ready"), .exit(.signal(signal))])
        // Reaped: no process of that number is a child of this one.
        #expect(waitpid(child.processID, nil, WNOHANG) == -1)
    }

    @Test func holdsItsInputOpen() async throws {
        // A child that reads its input waits for as long as its parent lives.
        let (child, observed) = try start("echo ready; read line; echo end of input")
        var iterator = observed.makeAsyncIterator()
        #expect(await iterator.next() == .line("ready"))
        try await Task.sleep(for: .milliseconds(100))
        #expect(!child.hasEnded)
        child.send(SIGKILL)
        var rest: [Observed] = []
        while let next = await iterator.next() { rest.append(next) }
        #expect(!rest.contains(.line("end of input")))
    }

    @Test func isInAGroupOfItsOwn() async throws {
        let (child, observed) = try start("exec sleep 60")
        #expect(getpgid(child.processID) == child.processID)
        child.send(SIGKILL)
        #expect(await all(observed) == [.exit(.signal(SIGKILL))])
    }

    @Test func saysWhatCannotStart() {
        #expect(throws: (any Error).self) {
            try ChildProcess.start(
                "/nonexistent", [], environment: [:], errorFile: "/dev/null", onLine: { _ in }, onExit: { _ in })
        }
    }
}
