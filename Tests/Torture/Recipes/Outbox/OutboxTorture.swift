// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Changes of keys that are published in the same step, while the servers are killed.
///
/// Every tenth store is a cluster of three, of which mostly the leader is killed, and now and then all at once. With
/// half of the kills the power fails, too: what was not synced is lost or torn.
struct OutboxTorture {
    private let setting: RecipeSetting

    /// Kills of one data folder: few enough that a start takes as long in the end as in the beginning.
    private static let killsPerStore = 50
    private static let clusterEvery = 10
    private static let clusterMembers = 3
    /// Keys that are changed at the same time.
    private static let lanes = 6
    /// What a kill may take at most, with all that belongs to it, on a busy machine; several times what it takes.
    private static let limitPerKill = Duration.seconds(30)
    private static let limitBeside = Duration.seconds(600)

    init(_ setting: RecipeSetting) { self.setting = setting }

    func run() async throws -> RecipeReport {
        let options = setting.options
        var random = SeededRandom(seed: options.seed)
        var sum = OutboxLedger(lanes: 0)
        var counts = OutboxStore.Counts()
        var problems: [String] = []
        // At least some, so that a short run has a cluster, too.
        let perStore = max(1, min(Self.killsPerStore, options.kills / 4))
        let limit = options.limit ?? Self.limitBeside + Self.limitPerKill * options.kills
        let end = ContinuousClock.now + limit
        var number = 0
        while counts.kills < options.kills, ContinuousClock.now < end, problems.isEmpty, sum.isWhole {
            number += 1
            let isCluster =
                options.kills < Self.killsPerStore * Self.clusterEvery
                ? number == 4 : number % Self.clusterEvery == 0
            let (members, folder) = (isCluster ? Self.clusterMembers : 1, "\(setting.folder)/s\(number)")
            try await setting.withCluster(of: members, in: folder) { cluster in
                var store = OutboxStore(cluster, lanes: Self.lanes, wrong: options.wrong, random.split())
                do {
                    try await store.run(kills: min(perStore, options.kills - counts.kills), until: end)
                } catch {
                    problems.append("\(error)")
                }
                problems += store.desk.problems + cluster.troubles
                sum.add(store.desk.ledger)
                counts.add(store.counts)
            }
            setting.tell("store \(number), of \(members): \(counts.kills) kills, \(sum.messages) changes so far")
            if problems.isEmpty, sum.isWhole { try? Recipes.remove(folder) }
        }
        return report(sum, counts, problems)
    }

    private func report(_ sum: OutboxLedger, _ counts: OutboxStore.Counts, _ problems: [String]) -> RecipeReport {
        var report = RecipeReport()
        report.fact("changes found, key and message", "\(sum.messages)")
        report.fact("changes acknowledged", "\(sum.acknowledged)")
        report.fact(
            "calls without an outcome", "\(sum.unknownDone) done whole, \(sum.unknownUndone) not done at all")
        report.fact("kills of members of a cluster", "\(counts.ofClusters)")
        report.fact(
            "kills with which the power failed", "\(counts.powerFailures), \(counts.losses) of them lost something")
        for text in sum.examples { report.fact("found", text) }
        report.claim("servers killed at work", counts.kills, expected: setting.options.kills)
        report.claim("changes of a key without their message", sum.statesWithoutMessage)
        report.claim("messages without their change", sum.messagesWithoutState)
        report.claim("messages published twice", sum.twice)
        report.claim("acknowledged changes lost", sum.acknowledgedLost)
        report.claim("changes were made", "\(sum.acknowledged)", sum.acknowledged > 0)
        report.claim("nothing else went wrong", problems.first ?? "nothing", problems.isEmpty)
        return report
    }
}

extension OutboxStore.Counts {
    fileprivate mutating func add(_ other: Self) {
        kills += other.kills
        powerFailures += other.powerFailures
        losses += other.losses
        ofClusters += other.ofClusters
    }
}
