// SPDX-License-Identifier: Apache-2.0

/// What was seen of the demonstration of queues, and the judgement.
package struct QueueRecord: Sendable {
    /// What the server holds at the end.
    package struct Store: Sendable, Equatable {
        /// Numbers of the messages in the stream.
        package var stream: [Int]
        /// Numbers of the dead letters.
        package var deadLetters: [Int]
        package var entriesRead: Int
        package var pending: Int
        package var lag: Int

        package init(stream: [Int], deadLetters: [Int], entriesRead: Int, pending: Int, lag: Int) {
            self.stream = stream
            self.deadLetters = deadLetters
            self.entriesRead = entriesRead
            self.pending = pending
            self.lag = lag
        }
    }

    package var wanted: Int
    /// Those of which the server said that it has them.
    package var produced: Set<Int> = []
    /// How often each was handled to its end.
    package var handled: [Int: Int] = [:]
    package var poisonDeliveries = 0
    /// Workers that SIGKILL hit, each with the messages that it had begun and not finished.
    package var killedWorkers: [(name: String, inHand: Set<Int>)] = []
    package var serverKills = 0
    package var store: Store?
    /// What was still there when the demonstration ended.
    package var leftovers: [String] = []

    package init(wanted: Int) { self.wanted = wanted }

    /// Messages of which nobody knows: neither handled nor put away.
    package var lost: Set<Int> { produced.subtracting(handled.keys).subtracting(store?.deadLetters ?? []) }

    package func claims() -> [DemoClaim] {
        let stream = Set(store?.stream ?? [])
        let missing = produced.subtracting(stream).count
        let taken = killedWorkers.reduce(into: Set<Int>()) { $0.formUnion($1.inHand) }.subtracting([QueuePlan.poison])
        let rescued = taken.filter { handled[$0] != nil }.count
        let again = handled.values.count { $0 > 1 }
        let dead = store?.deadLetters ?? []
        let acknowledged = (store?.entriesRead ?? 0) - (store?.pending ?? 0) - dead.count
        return [
            DemoClaim(
                text: "every message is accepted once",
                measured: "\(produced.count) of \(wanted) produced, "
                    + "\(store?.stream.count ?? 0) in the stream",
                holds: produced == Set(1...wanted) && store?.stream.count == wanted),
            DemoClaim(
                text: "the server lost none when it was killed",
                measured: "killed \(serverKills) time, \(missing) missing", holds: serverKills == 1 && missing == 0),
            DemoClaim(
                text: "two workers were killed at work",
                measured: "\(killedWorkers.count) killed with \(taken.count) messages in hand, "
                    + "\(rescued) of them handled in the end",
                holds: killedWorkers.count == 2 && !taken.isEmpty && rescued == taken.count),
            DemoClaim(
                text: "the poison message is put away",
                measured: "delivered \(poisonDeliveries) times, dead letters: "
                    + (dead.isEmpty ? "none" : dead.map(String.init).joined(separator: ", ")),
                holds: dead == [QueuePlan.poison]),
            DemoClaim(
                text: "produced = acknowledged + dead letters",
                measured: "\(produced.count) = \(acknowledged) + \(dead.count), pending \(store?.pending ?? -1), "
                    + "not delivered \(store?.lag ?? -1)",
                holds: store?.pending == 0 && store?.lag == 0 && produced.count == acknowledged + dead.count),
            DemoClaim(
                text: "nothing is lost", measured: "\(lost.count) lost, \(again) handled more than once",
                holds: store != nil && lost.isEmpty && !produced.isEmpty),
            DemoClaim(
                text: "nothing is left behind",
                measured: leftovers.isEmpty ? "all processes ended, files removed" : leftovers.joined(separator: ", "),
                holds: leftovers.isEmpty),
        ]
    }
}
