// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletEmbedded

/// Writes by so many callers, each waiting for its answer: `rate` a second, `p50` and `p99` in microseconds, and `cpu`,
/// the microseconds of processor time that this process took for each.
struct WritesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "writes", abstract: "Write for a while.")

    enum Kind: String, ExpressibleByArgument, CaseIterable {
        case put, add
        /// Both in one transaction.
        case transact
    }

    @Option(help: "What MARTLET_STORE would say.") var store = "embedded"
    @Option(help: "put writes keys, add appends to a stream, transact does both in one step.") var kind = Kind.put
    @Option(help: "How many write at once.") var callers = 1
    @Option(help: "How long.") var seconds = 2.0
    @Option(help: "So many keys, in turn.") var keys = 1000
    @Option(help: "Bytes of a value.") var valueBytes = 64

    func run() async throws {
        guard callers > 0, keys > 0, seconds > 0, valueBytes >= 0 else { throw Failure("there is nothing to do") }
        let configure: (inout MartletStore.Configuration) -> Void = {
            $0.requires =
                switch kind {
                case .put: [.keys]
                case .add: [.streams]
                case .transact: [.transactions]
                }
        }
        try await MartletStore.with(try StoreAddress(store), configure: configure) { store in
            // Connections, and what a first call makes.
            _ = try await write(store, callers: callers, for: .milliseconds(200))
            let processorTime = Self.processorTime()
            let begin = ContinuousClock.now
            let times = try await write(store, callers: callers, for: .seconds(seconds)).sorted()
            let duration = (ContinuousClock.now - begin) / .seconds(1)
            let count = Double(times.count)
            say([
                ("rate", count / duration), ("p50", times[times.count / 2] / .microseconds(1)),
                ("p99", times[times.count * 99 / 100] / .microseconds(1)),
                ("cpu", (Self.processorTime() - processorTime) * 1_000_000 / count),
            ])
        }
    }

    /// How long each write took.
    private func write(
        _ store: MartletStore, callers: Int, for duration: Duration
    ) async throws -> [Duration] {
        let value = [UInt8](repeating: 7, count: valueBytes)
        let end = ContinuousClock.now + duration
        let (kind, keys) = (kind, keys)
        return try await withThrowingTaskGroup(of: [Duration].self) { tasks in
            for caller in 0..<callers {
                tasks.addTask {
                    var times: [Duration] = []
                    var number = caller * keys / callers
                    var now = ContinuousClock.now
                    while now < end {
                        switch kind {
                        case .put: try await store.keys.put("bench/\(number % keys)".utf8, value)
                        case .add:
                            try await store.streams.xadd("bench", [RedisField(Array("value".utf8), value)]) {
                                $0.trimming = .maximumLength(keys)
                            }
                        case .transact:
                            try await store.transact { transaction in
                                transaction.then.put("bench/\(number % keys)".utf8, value)
                                transaction.then.append([RedisField(Array("value".utf8), value)], to: "bench")
                                // As often as the stream has grown by so many.
                                if number % keys == 0 {
                                    transaction.then.trim("bench", toLength: keys, isApproximate: true)
                                }
                            }
                        }
                        number += 1
                        let then = ContinuousClock.now
                        times.append(then - now)
                        now = then
                    }
                    return times
                }
            }
            var all: [Duration] = []
            for try await times in tasks { all += times }
            return all
        }
    }

    /// User and system time of all threads so far, in seconds.
    private static func processorTime() -> Double {
        var usage = rusage()
        #if canImport(Darwin)
        let own = RUSAGE_SELF
        #else
        let own = __rusage_who_t(RUSAGE_SELF.rawValue)
        #endif
        // It fails only for processes that don't exist.
        getrusage(own, &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1_000_000 }
        return seconds(usage.ru_utime) + seconds(usage.ru_stime)
    }
}
