// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import Synchronization

/// The loads. Each prints one line of names and numbers: `rate` in calls a second, latencies in microseconds, `cpu` in
/// microseconds of the server's processor time a call.
struct Commands {
    private static let nanoseconds = 1e9
    private let options: Options
    private let port: Int
    private let process: Int
    private let seconds: Double
    private let keys: Int
    private let valueBytes: Int

    init(_ options: Options) {
        self.options = options
        self.port = options.count("--port", 2379)
        self.process = options.count("--process", 0)
        self.seconds = options.number("--seconds", 2)
        self.keys = options.count("--keys", 1)
        self.valueBytes = options.count("--value-bytes", 64)
    }

    /// `--keys`, `--calls` (or `--seconds`), `--keys-per-call`; in order, or `--random`; `--rate` a second in all.
    func put() {
        let (keys, keysPerCall, valueBytes) = (self.keys, self.options.count("--keys-per-call", 1), self.valueBytes)
        let (calls, isRandom) = (self.options.count("--calls", .max), self.options.has("--random"))
        let seed = UInt64(self.options.count("--seed", 1))
        self.load(
            work: { thread, threads in
                let part = calls == .max ? .max : calls / threads + (thread < calls % threads ? 1 : 0)
                // Each thread fills a part of its own, so that a transaction never holds a key twice.
                let order: PutWork.Order =
                    isRandom
                    ? .random(SeededRandom(seed: seed << 8 + UInt64(thread)))
                    : .sequence(next: thread % keys, step: min(threads, keys))
                return PutWork(order, keys: keys, keysPerCall: keysPerCall, valueBytes: valueBytes, calls: part)
            }, hasEnd: calls != .max)
    }

    /// Standard input, see `Replay`, over `--connections`.
    func replay() {
        let bytes = [UInt8](FileHandle.standardInput.readDataToEndOfFile())
        var replay = Replay(bytes, port: self.port, connections: self.options.count("--connections", 50))
        let start = monotonicTime()
        replay.run()
        print("seconds", Double(monotonicTime() - start) / Self.nanoseconds)
    }

    func swap() {
        let (keys, valueBytes) = (self.keys, self.valueBytes)
        let lanes = self.options.count("--connections", 1) * self.options.count("--streams", 1)
        let keysEach = max(1, keys / lanes)
        self.load(
            work: { thread, threads in
                SwapWork(
                    firstKey: thread * keysEach * lanes, lanes: lanes, keysEach: keysEach, valueBytes: valueBytes)
            },
            more: { works in
                let (answered, succeeded) = works.reduce((0, 0)) { ($0.0 + $1.answered, $0.1 + $1.succeeded) }
                // Only the first call of each key may fail.
                guard succeeded > answered / 2 || answered <= 2 * keys else { fail("most transactions failed") }
                return "succeeded \(succeeded)"
            })
    }

    /// One call at a time, while another connection puts `--write-rate` a second over all keys.
    func ranges() {
        let (port, keys, valueBytes) = (self.port, self.keys, self.valueBytes)
        let rate = self.options.number("--write-rate", 1_000)
        let work = RangeWork(
            revision: self.options.count("--revision", 0), serializable: self.options.has("--serializable"), seed: 1)
        let duration = self.duration
        let (outputs, _, seconds, spent) = inThreads(2, measuring: self.process) { thread, gate -> [LatencyHistogram] in
            if thread == 0 {
                var driver = Driver(work, port: port, connections: 1, lanes: 1)
                let end = gate.wait() + duration
                driver.run { $0 > end }
                return driver.work.latencies + driver.work.ownLatencies
            }
            var driver = Driver(
                PutWork(
                    .random(SeededRandom(seed: 7)), keys: keys, keysPerCall: 1, valueBytes: valueBytes, calls: .max),
                port: port, connections: 1, lanes: 1_000, callsPerSecond: rate)
            let end = gate.wait() + duration
            driver.run { $0 > end }
            return [driver.latencies]
        }
        var line: [String] = []
        for output in outputs where output.count == 1 {
            line += ["writes \(Double(output[0].count) / seconds)"]
        }
        for output in outputs where output.count > 1 {
            for kind in RangeWork.Kind.allCases {
                let found = output[kind.rawValue]
                let own = output[RangeWork.Kind.allCases.count + kind.rawValue]
                line += ["\(kind.name)-count \(found.count)"] + Self.latencies(found, "\(kind.name)-")
                line += Self.latencies(own, "\(kind.name)-own-")
            }
        }
        print((line + ["cpu-seconds \(spent)", "seconds \(seconds)"]).joined(separator: " "))
    }

    /// The store's own part of what `ranges` measures; no server needed.
    func coreRanges() {
        var ranges = CoreRanges(keys: self.keys, valueBytes: self.valueBytes)
        ranges.run(rounds: self.options.count("--rounds", 20_000))
        let line = Self.latencies(ranges.counts, "count-") + Self.latencies(ranges.limited, "limit-")
        print(line.joined(separator: " "))
    }

    /// Reads and puts, with `--watchers` on the prefix of all keys.
    func mixed() {
        let (port, keys, valueBytes) = (self.port, self.keys, self.valueBytes)
        let (connections, streams) = (self.options.count("--connections", 1), self.options.count("--streams", 1))
        let watchers = self.options.count("--watchers", 100)
        let threads = min(Self.threads, connections)
        let rate = self.options.number("--rate", 0) / Double(threads)
        let duration = self.duration
        let (puts, running) = (Total(), Total(threads))
        let outputs = inThreads(threads + 1, measuring: self.process) { thread, gate -> MixedOutput in
            if thread == threads {
                let watching = Watchers(
                    port: port, count: watchers, watchersPerStream: 10, streamsPerConnection: 5, key: Keys.prefix,
                    end: Keys.end(ofPrefix: Keys.prefix))
                gate.wait()
                while running.count.load(ordering: .acquiring) > 0
                    || watching.delivered < puts.count.load(ordering: .acquiring) * watchers
                { watching.poll(milliseconds: 10) }
                return MixedOutput(delivered: watching.delivered, deliveries: watching.latencies)
            }
            var driver = Driver(
                MixedWork(keys: keys, valueBytes: valueBytes, seed: UInt64(thread)), port: port,
                connections: Self.part(connections, thread, threads), lanes: streams, callsPerSecond: rate)
            let end = gate.wait() + duration
            driver.run { $0 > end }
            let ended = monotonicTime()
            puts.count.add(driver.work.puts, ordering: .acquiringAndReleasing)
            running.count.subtract(1, ordering: .acquiringAndReleasing)
            return MixedOutput(calls: driver.work.answered, latencies: driver.latencies, ended: ended)
        }
        var total = MixedOutput()
        for output in outputs.outputs { total.merge(output) }
        // Calls are counted until their last answer, processor time until the last delivery.
        let seconds = Double(total.ended - outputs.start) / Self.nanoseconds
        print(
            ([
                "rate \(Double(total.calls) / seconds)",
                "cpu \(outputs.processorSeconds / Double(total.calls) * 1e6)",
                "deliveries \(Double(total.delivered) / outputs.seconds)",
                "late-seconds \(outputs.seconds - seconds)",
            ] + Self.latencies(total.latencies) + Self.latencies(total.deliveries, "delivery-"))
            .joined(separator: " "))
    }

    /// `--watchers` of one key, and one put after the other, each when all have heard of the one before.
    func watchers() {
        let count = self.options.count("--watchers", 10_000)
        let watching = Watchers(
            port: self.port, count: count, watchersPerStream: 100, streamsPerConnection: 10, key: Keys.key(0))
        let writer = CallConnection(port: self.port)
        var value = PutWork.value(bytes: self.valueBytes)
        var last = LatencyHistogram()
        let (start, startTime) = (monotonicTime(), processorSeconds(of: self.process))
        var events = 0
        while Double(monotonicTime() - start) < self.seconds * Self.nanoseconds {
            let sent = monotonicTime()
            var message = HTTP2.emptyPrefix
            EventTime.write(sent, into: &value)
            message.append(put: 0, value)
            HTTP2.finishMessage(&message)
            writer.send(.put, message, lane: 0, now: sent)
            writer.flush()
            events += 1
            while watching.delivered < events * count { watching.poll(milliseconds: 1_000) }
            last.add(monotonicTime() - sent)
            while writer.openStreams > 0 { writer.receive { _ in } }
        }
        let seconds = Double(monotonicTime() - start) / Self.nanoseconds
        let spent = processorSeconds(of: self.process) - startTime
        print(
            ([
                "events \(events)", "rate \(Double(watching.delivered) / seconds)",
                "cpu \(spent / Double(watching.delivered) * 1e6)",
            ] + Self.latencies(watching.latencies) + Self.latencies(last, "last-")).joined(separator: " "))
    }

    // MARK: Parts

    private var duration: UInt64 { UInt64(self.seconds * Self.nanoseconds) }

    /// Threads that make calls, where there are connections for them. As many as h2load gets.
    private static let threads = 2

    private static func part(_ count: Int, _ thread: Int, _ threads: Int) -> Int {
        count / threads + (thread < count % threads ? 1 : 0)
    }

    private static func latencies(_ found: LatencyHistogram, _ name: String = "") -> [String] {
        [(0.5, "p50"), (0.99, "p99"), (0.999, "p999")].map { "\(name)\($1) \(found.microseconds(at: $0))" }
    }

    private func load<Work: CallWork & Sendable>(
        work: @escaping @Sendable (_ thread: Int, _ threads: Int) -> Work, hasEnd: Bool = false,
        more: ([Work]) -> String = { _ in "" }
    ) {
        let (port, duration) = (self.port, hasEnd ? UInt64(Int64.max) : self.duration)
        let (connections, streams) = (self.options.count("--connections", 1), self.options.count("--streams", 1))
        let threads = min(Self.threads, connections)
        let rate = self.options.number("--rate", 0) / Double(threads)
        let (outputs, _, seconds, spent) = inThreads(threads, measuring: self.process) { thread, gate in
            var driver = Driver(
                work(thread, threads), port: port, connections: Self.part(connections, thread, threads),
                lanes: streams, callsPerSecond: rate)
            let end = gate.wait() + duration
            driver.run { $0 > end }
            return (driver.work, driver.latencies)
        }
        var all = LatencyHistogram()
        for output in outputs { all.merge(output.1) }
        print(
            ([
                "calls \(all.count)", "seconds \(seconds)", "rate \(Double(all.count) / seconds)",
                "cpu \(spent / Double(all.count) * 1e6)",
            ] + Self.latencies(all) + [more(outputs.map(\.0))]).joined(separator: " "))
    }
}
