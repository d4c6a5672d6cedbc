// SPDX-License-Identifier: Apache-2.0

/// When a node gets no calls because it does worse than the others.
///
/// The breaker sees one node by itself; this compares all of a service, every ``interval``, by what calls found.
public struct EjectionPolicy: Sendable, Hashable {
    /// How often nodes are compared.
    public var interval = Duration.seconds(5)

    /// A node is only judged by so many calls of an interval.
    public var minimumCalls = 20

    /// A node goes whose share of failed calls is this much above the average of all nodes.
    public var failureMargin = 0.3

    /// A node goes whose calls take this many times as long as those of the node in the middle; `nil` minds no latency.
    public var slowness: Double? = 5

    /// Calls that take less than this are never slow, whatever the others do.
    public var unremarkableLatency = Duration.milliseconds(50)

    /// At most this share of the nodes is out at a time, though always one if there are two.
    public var maximumShare = 0.3

    /// How long a node is out the first time; the second time twice as long, and so on up to ten times.
    public var time = Duration.seconds(10)

    public init() {}
}

/// Decides which nodes of a service are left alone for a while. A function of its arguments.
package enum OutlierEjection {
    /// What calls found of one node since the last look.
    package struct Sample: Sendable, Hashable {
        package var calls: Int
        package var failures: Int
        /// The mean duration of the calls that were answered.
        package var meanNanoseconds: UInt64
        /// It is out already.
        package var isEjected: Bool

        package init(calls: Int, failures: Int, meanNanoseconds: UInt64, isEjected: Bool = false) {
            self.calls = calls
            self.failures = failures
            self.meanNanoseconds = meanNanoseconds
            self.isEjected = isEjected
        }

        fileprivate var failureShare: Double { Double(self.failures) / Double(max(self.calls, 1)) }
    }

    /// Times in a row after which an ejection grows no longer.
    package static let maximumTimes = 10

    /// The positions of the nodes to put out, worst first.
    ///
    /// Complexity: O(n log n) for n nodes.
    package static func outliers(_ policy: EjectionPolicy, _ samples: [Sample]) -> [Int] {
        let judged = samples.indices.filter {
            samples[$0].calls >= max(policy.minimumCalls, 1) && !samples[$0].isEjected
        }
        guard judged.count > 1 else { return [] }
        let out = samples.count { $0.isEjected }
        let allowed = max(1, Int(Double(samples.count) * policy.maximumShare)) - out
        guard allowed > 0 else { return [] }

        let average = judged.reduce(0) { $0 + samples[$1].failureShare } / Double(judged.count)
        let latencies = judged.map { samples[$0].meanNanoseconds }.sorted()
        // Of two nodes the middle one is the faster: else no slow one of two would ever be found.
        let median = latencies[(latencies.count - 1) / 2]
        let floor = policy.unremarkableLatency.nanosecondCount
        var worst: [(position: Int, badness: Double)] = []
        for position in judged {
            let sample = samples[position]
            let excess = sample.failureShare - average
            if excess >= policy.failureMargin {
                // Failing is worse than any slowness.
                worst.append((position, 1e12 * (1 + excess)))
            } else if let slowness = policy.slowness, sample.meanNanoseconds > floor,
                Double(sample.meanNanoseconds) > slowness * Double(max(median, 1))
            {
                worst.append((position, Double(sample.meanNanoseconds) / Double(max(median, 1))))
            }
        }
        worst.sort { ($1.badness, $0.position) < ($0.badness, $1.position) }
        return worst.prefix(allowed).map(\.position)
    }

    /// How long a node is out that is put out for the `times`-th time in a row.
    package static func nanoseconds(_ policy: EjectionPolicy, times: Int) -> UInt64 {
        policy.time.nanosecondCount * UInt64(max(1, min(times, Self.maximumTimes)))
    }
}
