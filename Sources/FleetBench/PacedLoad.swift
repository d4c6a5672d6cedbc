// SPDX-License-Identifier: Apache-2.0

import Histogram
package import Martlet
import NIOCore
import Synchronization

/// Calls of the service at a fixed pace, whether or not earlier ones have been answered.
package final class PacedLoad: Sendable {
    package struct Call: Sendable {
        /// When the call was due. From there its latency counts: a call that had to wait for its turn waited.
        package let dueNanoseconds: UInt64
        package let endedNanoseconds: UInt64
        /// The node that answered; empty for a call that failed.
        package let node: String
        package let attempts: Int
        package let failure: String?
    }

    private struct State {
        var calls: [Call] = []
        var underWay = 0
        var leftOut = 0
        var isOver = false
    }

    /// So many calls may be under way; a machine that can't keep the pace leaves calls out instead of filling up.
    private static let maximumUnderWay = 4_000

    private let client: MicroClient
    private let callsPerSecond: Double
    private let isIdempotent: Bool
    private let state = Mutex(State())

    package init(_ client: MicroClient, callsPerSecond: Int, isIdempotent: Bool) {
        self.client = client
        self.callsPerSecond = Double(callsPerSecond)
        self.isIdempotent = isIdempotent
    }

    /// The calls that have ended, in the order of their ends.
    package var calls: [Call] { self.state.withLock { $0.calls } }
    /// How many calls were not made because too many were under way.
    package var leftOut: Int { self.state.withLock { $0.leftOut } }
    package var failures: [String] { self.calls.compactMap(\.failure) }

    /// Runs `body` while calls are made, and waits for the last of them.
    package func run<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        let pace = Task { await self.makeCalls() }
        do {
            let result = try await body()
            self.state.withLock { $0.isOver = true }
            await pace.value
            return result
        } catch {
            self.state.withLock { $0.isOver = true }
            await pace.value
            throw error
        }
    }

    private func makeCalls() async {
        let start = NIODeadline.now().uptimeNanoseconds
        var number = 0.0
        await withDiscardingTaskGroup { group in
            while !self.state.withLock({ $0.isOver }) {
                let now = NIODeadline.now().uptimeNanoseconds
                while true {
                    let due = start + UInt64(number / self.callsPerSecond * 1e9)
                    guard due <= now else { break }
                    number += 1
                    guard self.begin() else { continue }
                    group.addTask { await self.call(due) }
                }
                try? await Task.sleep(for: .milliseconds(1))
            }
        }
    }

    private func begin() -> Bool {
        self.state.withLock { state in
            guard state.underWay < Self.maximumUnderWay else {
                state.leftOut += 1
                return false
            }
            state.underWay += 1
            return true
        }
    }

    private func call(_ due: UInt64) async {
        var (node, attempts, failure) = ("", 0, String?.none)
        do {
            (node, attempts) = try await FleetService.call(self.client) { $0.isIdempotent = self.isIdempotent }
        } catch {
            failure = "\(error)"
        }
        let call = Call(
            dueNanoseconds: due, endedNanoseconds: NIODeadline.now().uptimeNanoseconds, node: node,
            attempts: attempts, failure: failure)
        self.state.withLock { state in
            state.underWay -= 1
            state.calls.append(call)
        }
    }

    /// Waits for a call with some property.
    package func first(
        limit: Duration = .seconds(30), where isWanted: (Call) -> Bool
    ) async throws -> Call {
        let end = ContinuousClock.now + limit
        var seen = 0
        while ContinuousClock.now < end {
            let new = self.state.withLock { $0.calls[min(seen, $0.calls.count)...] }
            if let found = new.first(where: isWanted) { return found }
            seen += new.count
            try await Task.sleep(for: .milliseconds(5))
        }
        throw Failure("no such call within \(limit)")
    }
}

extension Sequence<PacedLoad.Call> {
    /// The latencies, of failed calls too.
    func addLatencies(_ name: String, to figures: inout Figures) {
        // In microseconds: a minute, far above any call's time limit.
        let longest: UInt64 = 60_000_000
        var latencies = Histogram<UInt64>(highestTrackableValue: longest)
        for call in self {
            let microseconds = (call.endedNanoseconds - call.dueNanoseconds) / 1_000
            _ = latencies.record(Swift.min(microseconds, longest))
        }
        figures.add("\(name)-p50-ms", Double(latencies.valueAtPercentile(50)) / 1_000)
        figures.add("\(name)-p99-ms", Double(latencies.valueAtPercentile(99)) / 1_000)
        figures.add("\(name)-max-ms", Double(latencies.max) / 1_000)
    }
}
