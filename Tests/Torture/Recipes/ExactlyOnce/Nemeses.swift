// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletDiskLoss

/// Kills members of the cluster that workers use: mostly the leader.
struct MemberNemesis {
    struct Counts {
        var kills = 0
        var leaders = 0
        var powerFailures = 0
    }

    let cluster: TortureCluster
    var random: SeededRandom
    let tell: @Sendable (String) -> Void
    private(set) var counts = Counts()

    private static let pauseMilliseconds = 900..<2_800
    /// So that a short run has one as well.
    private static let firstPause = Duration.milliseconds(500)
    private static let downMilliseconds = 0..<1_200
    /// A member that was killed must be back before the next is: two of three would be no cluster any more for long.
    private static let readyLimit = Duration.seconds(300)

    init(_ cluster: TortureCluster, _ random: SeededRandom, tell: @escaping @Sendable (String) -> Void) {
        (self.cluster, self.random, self.tell) = (cluster, random, tell)
    }

    /// Runs until it is cancelled.
    mutating func run() async throws {
        try? await Task.sleep(for: Self.firstPause)
        while !Task.isCancelled {
            try await kill()
            let pause = Int.random(in: Self.pauseMilliseconds, using: &random)
            try? await Task.sleep(for: .milliseconds(pause))
        }
    }

    private mutating func kill() async throws {
        var slots: [Int]
        switch random.below(20) {
        case ..<15:
            guard let leader = await cluster.leader() else { return }
            slots = [leader]
            counts.leaders += 1
        case ..<19: slots = [random.below(cluster.count)]
        default: slots = Array(0..<cluster.count)
        }
        let members = slots.map { cluster.member($0) }
        // One moment for all: what one of them could still tell the others would otherwise save it.
        if members.count > 1 { TortureMember.signalAll(members) }
        for member in members {
            let style = member.isJournaled ? DiskLoss.Style.allCases.randomElement(using: &random) : nil
            if style != nil { counts.powerFailures += 1 }
            try await member.kill(losing: style, random: random.split())
            counts.kills += 1
        }
        tell("SIGKILL for \(members.map(\.name).joined(separator: ", "))")
        for member in members {
            try? await Task.sleep(for: .milliseconds(Int.random(in: Self.downMilliseconds, using: &random)))
            try member.start(isJournaled: random.below(2) == 0)
        }
        for member in members where await !member.ready(within: Self.readyLimit) {
            throw TortureOptions.Wrong(description: "\(member.name) is not ready: \(member.log)")
        }
    }
}

/// Kills workers, and lets some stand still.
struct WorkerNemesis {
    let pool: WorkerPool
    let workers: Int
    var random: SeededRandom

    private static let pauseMilliseconds = 100..<600
    /// Longer than its messages stay with a worker that doesn't answer.
    private static let frozenMilliseconds = 1_800..<3_000

    init(_ pool: WorkerPool, workers: Int, _ random: SeededRandom) {
        (self.pool, self.workers, self.random) = (pool, workers, random)
    }

    /// Runs until it is cancelled.
    mutating func run() async throws {
        while !Task.isCancelled {
            let pause = Int.random(in: Self.pauseMilliseconds, using: &random)
            try? await Task.sleep(for: .milliseconds(pause))
            if Task.isCancelled { return }
            let slot = random.below(workers)
            if random.below(6) == 0 {
                let length = Int.random(in: Self.frozenMilliseconds, using: &random)
                await pool.freeze(slot, for: .milliseconds(length))
            } else {
                try await pool.kill(slot)
            }
        }
    }
}
