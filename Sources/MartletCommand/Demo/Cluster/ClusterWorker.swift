// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import Synchronization

/// A worker of the demonstration of clusters: increments counters under a lock.
///
/// Each increment has a name, and the transaction that makes it writes that name as well. So a worker whose answer was
/// lost with a leader can ask whether it was done, and try again without counting twice.
struct ClusterWorker: Sendable {
    let client: EtcdClient
    let number: Int
    let begin: ContinuousClock.Instant
    let note: @Sendable (ClusterRecord.Increment) -> Void
    /// Whether no further increment should begin.
    let isOver: @Sendable () -> Bool

    /// After a failure, so that members which are away aren't asked a thousand times a second.
    private static let pause = Duration.milliseconds(50)

    /// Runs until it is over, and what was begun has an outcome or the task is cancelled.
    func run() async {
        var count = 0
        while !isOver(), !Task.isCancelled {
            count += 1
            await increment(count)
        }
    }

    private func increment(_ count: Int) async {
        let counter = (number + count) % ClusterPlan.counters
        let mark = ClusterPlan.mark(worker: number, number: count)
        let start = begin.duration(to: .now)
        while !Task.isCancelled {
            do {
                let value = try await client.withLock(
                    "locks/\(counter)", ttlSeconds: ClusterPlan.lockSeconds
                ) { lock in try await self.increment(counter, mark, lock) }
                guard let value else { continue }
                return note(
                    ClusterRecord.Increment(
                        counter: counter, value: value, mark: mark, began: start, ended: begin.duration(to: .now)))
            } catch {
                try? await Task.sleep(for: Self.pause)
            }
        }
    }

    /// - Returns: The counter's new value; `nil` if something came in between.
    private func increment(_ counter: Int, _ mark: String, _ lock: EtcdLock) async throws -> Int? {
        let key = ClusterPlan.counter(counter)
        // What an earlier try has done, whose answer was lost.
        if let done = try await client.get(.key(mark)).keyValues.first { return Int(done.valueText) }
        let found = try await client.get(.key(key)).keyValues.first
        let value = (found.flatMap { Int($0.valueText) } ?? 0) + 1
        let result = try await client.transaction(
            when: [
                lock.condition, .modRevision(.key(key), .equal, found?.modRevision ?? 0), .isMissing(.key(mark)),
            ],
            then: [.put(key, "\(value)"), .put(mark, "\(value)")])
        return result.succeeded ? value : nil
    }
}
