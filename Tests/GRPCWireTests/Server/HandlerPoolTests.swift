// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletGRPCWire
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct HandlerPoolTests {
    /// One loop serves all: whatever held it would hold everything.
    private func withOneLoop(_ body: (MultiThreadedEventLoopGroup) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await body(group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    @Test func sleepingBlockingHandlersDelayNobody() async throws {
        var router = GRPCRouter()
        let asleep = Counter()
        router.add(
            "/P/Block",
            .unary(pool: .blockingPool) { _, message in
                asleep.add()
                Self.blockThread(seconds: 8)
                asleep.add(-1)
                return message
            })
        router.add("/P/Echo", .unary { $1 })
        router.add("/P/Pool", .unary(pool: .concurrentPool) { $1 })
        let served = router
        try await self.withOneLoop { group in
            try await withServer(served, group: group) { server, address in
                try await withClient(address) { client in
                    try await withThrowingTaskGroup(of: Void.self) { tasks in
                        for _ in 0..<20 {
                            tasks.addTask {
                                let reply = try await client.unary("/P/Block", [1])
                                #expect(reply.message == [1])
                            }
                        }
                        try await eventually("all twenty sleep at once") { asleep.count == 20 }
                        for _ in 0..<10 {
                            _ = try await client.unary("/P/Echo", [2])
                            _ = try await client.unary("/P/Pool", [3])
                        }
                        #expect(asleep.count > 0, "twenty calls were answered while the twenty slept")
                        try await tasks.waitForAll()
                    }
                    #expect(server.loopHoldCount == 0)
                }
            }
        }
    }

    @Test func handlersRunWhereTheyAsk() async throws {
        let custom = NamedExecutor()
        var router = GRPCRouter()
        @Sendable func thread() -> [UInt8] { bytes(Self.threadName()) }
        router.add(
            "/P/Custom",
            .unary(pool: .custom(custom)) { _, _ in
                await Task.yield()
                return thread()
            })
        router.add(
            "/P/Loop",
            .unary { _, _ in
                await Task.yield()
                return thread()
            })
        router.add("/P/Blocking", .unary(pool: .blockingPool) { _, _ in thread() })
        try await withWire(router) { client, _ in
            let loop = text(try await client.unary("/P/Loop", []).message) ?? ""
            #expect(loop.hasPrefix("NIO-"), "\(loop)")
            let own = text(try await client.unary("/P/Custom", []).message)
            #expect(own?.hasPrefix("NIO-") == false)
            #expect(custom.jobs.count >= 2)
            let blocking = text(try await client.unary("/P/Blocking", []).message)
            #expect(blocking?.hasPrefix("NIO-") == false)
        }
    }

    /// Before its first suspension, and after one.
    @Test(arguments: [false, true]) func handlerThatHoldsItsLoopIsNamed(_ suspends: Bool) async throws {
        var router = GRPCRouter()
        router.add(
            "/P/Hold",
            .unary { _, message in
                if suspends { await Task.yield() }
                Self.blockThread(seconds: 0.12)
                return message
            })
        router.add("/P/Quick", .unary { $1 })
        let log = RecordedLog()
        let served = router
        let start = ContinuousClock.now
        try await self.withOneLoop { group in
            try await withServer(served, group: group, logger: log.logger) { server, address in
                try await withClient(address) { client in
                    _ = try await client.unary("/P/Quick", [])
                    _ = try await client.unary("/P/Hold", [])
                    _ = try await client.unary("/P/Hold", [])
                    try await eventually("counted") { server.loopHoldCount >= 2 }
                }
            }
        }
        let lines = log.lines.filter { $0.contains("held its event loop") && $0.contains("/P/Hold") }
        let most = 1 + Int(start.duration(to: .now) / .seconds(10))
        #expect(1...most ~= lines.count, "one line an endpoint in ten seconds: \(log.lines)")
    }

    private static func blockThread(seconds: Double) { Thread.sleep(forTimeInterval: seconds) }

    private static func threadName() -> String {
        let name = try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)
        return name?.trimmingCharacters(in: .newlines) ?? ""
    }
}

/// Runs jobs on a queue of its own, and counts them.
private final class NamedExecutor: TaskExecutor {
    let jobs = Counter()
    private let queue = DispatchQueue(label: "own")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.jobs.add()
        self.queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Keeps what was logged.
final class RecordedLog: Sendable {
    private let storage = Mutex<[String]>([])

    var lines: [String] { self.storage.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Handler(log: self) } }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            self.log.storage.withLock { $0.append("\(event.level) \(event.message) \(fields)") }
        }
    }
}
