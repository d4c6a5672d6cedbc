// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import MartletRedisServer
import NIOCore
import Testing

/// What is noted of commands that were handed over.
@Suite struct CallTimerTests {
    private var timer = CallTimer()
    private var statistics = CommandStatistics()

    private func entry(_ name: String) throws -> CommandEntry {
        try #require(CommandTable.shared.entry(named: name))
    }

    private mutating func start(_ names: String...) throws {
        var items: [(command: Int, entry: CommandEntry)] = []
        for name in names { items.append((items.count, try entry(name))) }
        timer.start(.now(), items, &statistics)
    }

    private mutating func startTransaction(_ name: String) throws {
        var transaction = Transaction()
        transaction.append(Arguments(name, "k"), try entry(name), database: 0)
        timer.start(.now(), transaction, exec: try entry("exec").number)
    }

    @discardableResult
    private mutating func stop(_ reply: String = "") -> UInt64? {
        timer.stop(&statistics, Array(reply.utf8)[...])
    }

    /// How often a command was begun, and how often it took some time.
    private func counts(_ name: String) throws -> [UInt64] {
        let row = statistics.rows[try entry(name).number]
        return [row.calls, row.latencies.total]
    }

    @Test mutating func commandsShareTheirTime() throws {
        try start("xlen", "xlen", "get", "xlen")
        #expect(timer.isRunning)
        stop()
        #expect(!timer.isRunning)
        #expect(try counts("xlen") == [3, 3])
        #expect(try counts("get") == [1, 1])
    }

    /// They were begun once, and nobody knows how long they took.
    @Test mutating func whatWasNotStoppedIsLeft() throws {
        try start("xlen", "xlen")
        try start("get")
        stop()
        #expect(try counts("xlen") == [2, 0])
        #expect(try counts("get") == [1, 1])
        try start("xlen")
        try startTransaction("get")
        stop("*1\r\n$-1\r\n")
        #expect(try counts("xlen") == [3, 0])
        #expect(try counts("get") == [2, 2])
        #expect(try counts("exec") == [1, 1])
        try startTransaction("get")
        try start("xlen")
        stop("*1\r\n$-1\r\n")
        #expect(try counts("xlen") == [4, 1])
        #expect(try counts("get") == [2, 2])
        #expect(try counts("exec") == [1, 1])
        #expect(!timer.isRunning && statistics.errorCount == 0)
    }

    /// A transaction's commands count where the answer is theirs.
    @Test(arguments: ["-EXECABORT no\r\n", "*-1\r\n", "_\r\n"])
    mutating func whatWasRefusedIsNotCarriedOut(reply: String) throws {
        try startTransaction("get")
        let nanoseconds = stop(reply)
        #expect(nanoseconds == nil)
        #expect(try counts("get") == [0, 0])
        #expect(try counts("exec") == [1, 1])
        #expect(statistics.errorCount == (reply.hasPrefix("-") ? 1 : 0))
        #expect(!timer.isRunning)
    }
}
