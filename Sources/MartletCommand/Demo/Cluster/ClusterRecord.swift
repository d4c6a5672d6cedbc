// SPDX-License-Identifier: Apache-2.0

/// What was seen of the demonstration of clusters, and the judgement.
package struct ClusterRecord: Sendable {
    /// An increment of which the cluster has said that it is done.
    package struct Increment: Sendable, Equatable {
        package var counter: Int
        /// What the counter was then.
        package var value: Int
        /// The key that the same transaction has written.
        package var mark: String
        /// Since the beginning; the answer came between the second and whatever was asked after it.
        package var began: Duration
        package var ended: Duration

        package init(counter: Int, value: Int, mark: String, began: Duration, ended: Duration) {
            (self.counter, self.value, self.mark, self.began, self.ended) = (counter, value, mark, began, ended)
        }
    }

    /// What the members hold in the end.
    package struct Store: Sendable, Equatable {
        /// By number of the counter.
        package var counters: [Int: Int]
        package var marks: Set<String>
        /// Of all keys, by member.
        package var hashes: [String: UInt32]

        package init(counters: [Int: Int], marks: Set<String>, hashes: [String: UInt32]) {
            (self.counters, self.marks, self.hashes) = (counters, marks, hashes)
        }
    }

    package var acknowledged: [Increment] = []
    package var leaderKills = 0
    package var hasLostPower = false
    package var store: Store?
    /// Why there is none.
    package var silence: String?
    package var leftovers: [String] = []

    package init() {}

    /// Fewer kills of the leader, and nothing was shown.
    package static let minimumKills = 2

    package var counted: Int { store?.counters.values.reduce(0, +) ?? 0 }

    /// Acknowledged, and not there; `nil` where nobody can tell.
    package var lost: Int? {
        guard let store else { return nil }
        return acknowledged.count { !store.marks.contains($0.mark) }
    }

    /// Counted more often than done.
    package var duplicated: Int { max(0, counted - (store?.marks.count ?? 0)) }

    /// Two increments that no order explains: of the same value, or the later one of the smaller.
    package var disorder: String? {
        for (counter, increments) in Dictionary(grouping: acknowledged, by: \.counter).sorted(by: { $0.key < $1.key }) {
            let byValue = increments.sorted { $0.value < $1.value }
            for (one, next) in zip(byValue, byValue.dropFirst()) where one.value == next.value {
                return "counter \(counter) became \(one.value) twice"
            }
            // The latest beginning among smaller values: one that began after a greater value was known is wrong.
            var latest: Increment?
            for increment in byValue {
                if let latest, latest.began > increment.ended {
                    return "counter \(counter) became \(latest.value) after it was \(increment.value)"
                }
                if increment.began > latest?.began ?? .zero { latest = increment }
            }
        }
        return nil
    }

    package func claims() -> [DemoClaim] {
        [
            DemoClaim(
                text: "the leader was killed again and again",
                measured: "\(leaderKills) times, and all members at once" + (hasLostPower ? "" : " never"),
                holds: leaderKills >= Self.minimumKills && hasLostPower),
            DemoClaim(
                text: "the cluster came back", measured: silence ?? "all members answer",
                holds: store?.hashes.count == ClusterPlan.members),
            DemoClaim(
                text: "acknowledged = counted",
                measured: "\(acknowledged.count) = \(store == nil ? "unknown" : "\(counted)")",
                holds: !acknowledged.isEmpty && acknowledged.count == counted),
            DemoClaim(
                text: "nothing is lost, nothing done twice",
                measured: lost.map { "lost \($0), duplicated \(duplicated)" } ?? "nobody can tell",
                holds: lost == 0 && duplicated == 0),
            DemoClaim(
                text: "linearizable", measured: disorder ?? "one order explains every answer", holds: disorder == nil),
            DemoClaim(
                text: "all members hold the same",
                measured: store.map {
                    "hashes: "
                        + $0.hashes.sorted { $0.key < $1.key }.map { "\($0.value)" }
                        .joined(separator: ", ")
                } ?? "nobody answers",
                holds: Set((store?.hashes ?? [:]).values).count == 1),
            DemoClaim(
                text: "nothing is left behind",
                measured: leftovers.isEmpty ? "all processes ended, files removed" : leftovers.joined(separator: ", "),
                holds: leftovers.isEmpty),
        ]
    }
}
