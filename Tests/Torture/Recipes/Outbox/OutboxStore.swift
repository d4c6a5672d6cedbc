// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletDiskLoss
import MartletEmbedded

/// One store, from its first start to the last of its kills.
struct OutboxStore {
    let cluster: TortureCluster
    let desk: OutboxDesk
    private var random: SeededRandom
    private(set) var counts = Counts()
    /// How far messages were read.
    private var lastID = RedisStreamID.zero

    struct Counts {
        var kills = 0
        var powerFailures = 0
        var losses = 0
        /// Kills of a cluster's member, or of all of them.
        var ofClusters = 0
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static let startLimit = Duration.seconds(300)
    /// Until a store that has been started is asked in vain.
    private static let askLimit = Duration.seconds(180)
    /// From the first change that was answered to the kill.
    private static let workMilliseconds = 10..<220
    /// How long a cluster goes on without those that were killed.
    private static let downMilliseconds = 0..<1_200
    /// What was not answered may still be done; then what is read at two moments differs.
    private static let looksMax = 20

    init(_ cluster: TortureCluster, lanes: Int, wrong: RecipeOptions.Wrong?, _ random: SeededRandom) {
        self.cluster = cluster
        self.random = random
        desk = OutboxDesk(lanes: lanes, wrong: wrong)
    }

    /// Starts the members, and kills them so many times.
    mutating func run(kills: Int, until end: ContinuousClock.Instant) async throws {
        for slot in 0..<cluster.count { try start(slot) }
        try await ready()
        while counts.kills < kills, ContinuousClock.now < end, isWhole {
            let store = try await Recipes.open(cluster.storeAddress())
            do {
                try await look(at: store)
                try await work(on: store)
            } catch {
                await store.close()
                throw error
            }
            await store.close()
            try await ready()
        }
        let store = try await Recipes.open(cluster.storeAddress())
        do {
            try await look(at: store)
            try await lookAtAll(store)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    /// A few broken changes are enough to see what is wrong.
    private var isWhole: Bool { desk.problems.isEmpty && desk.ledger.isWhole }

    // MARK: Kills

    private mutating func work(on store: MartletStore) async throws {
        desk.open()
        var writers: [Task<Void, Never>] = []
        for lane in 0..<desk.ledger.laneCount {
            let (desk, random) = (desk, random.split())
            writers.append(Task { await desk.write(lane, to: store, random) })
        }
        let end = ContinuousClock.now + Self.askLimit
        while desk.acknowledged == 0, desk.problems.isEmpty, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(2))
        }
        let isAnswered = desk.acknowledged > 0
        try await Task.sleep(for: .milliseconds(Int.random(in: Self.workMilliseconds, using: &random)))
        try await kill()
        desk.close()
        // Whose server is dead needn't wait for it; in a cluster others may still do what was asked.
        if cluster.count == 1 { for writer in writers { writer.cancel() } }
        for writer in writers { await writer.value }
        if !isAnswered { throw Failure(description: "nothing was answered within \(Self.askLimit): \(logs)") }
    }

    private mutating func kill() async throws {
        var slots = [0]
        if cluster.count > 1 {
            switch random.below(10) {
            case ..<6: slots = [await cluster.leader() ?? random.below(cluster.count)]
            case ..<8: slots = [random.below(cluster.count)]
            default: slots = Array(0..<cluster.count)
            }
            counts.ofClusters += 1
        }
        let members = slots.map { cluster.member($0) }
        // One moment for all: what one of them could still tell the others would otherwise save it.
        if members.count > 1 { TortureMember.signalAll(members) }
        var (didFail, didLose) = (false, false)
        for member in members {
            let style = member.isJournaled ? DiskLoss.Style.allCases.randomElement(using: &random) : nil
            didFail = didFail || style != nil
            if try await member.kill(losing: style, random: random.split()) { didLose = true }
        }
        counts.kills += 1
        if didFail { counts.powerFailures += 1 }
        if didLose { counts.losses += 1 }
        if slots.count < cluster.count {
            try await Task.sleep(for: .milliseconds(Int.random(in: Self.downMilliseconds, using: &random)))
        }
        for slot in slots { try start(slot) }
    }

    /// Every other start is under the disk-loss library: the power fails with its end.
    private mutating func start(_ slot: Int) throws {
        let isJournaled = cluster.count == 1 ? counts.kills % 2 == 0 : random.below(2) == 0
        try cluster.member(slot).start(isJournaled: isJournaled)
    }

    private func ready() async throws {
        for member in cluster.members where await !member.ready(within: Self.startLimit) {
            throw Failure(description: "\(member.name) is not ready: \(member.log)")
        }
    }

    private var logs: String { cluster.members.map { "\($0.name): \($0.log)" }.joined(separator: "\n") }

    // MARK: What is left

    /// Holds what is there against what must be there.
    private mutating func look(at store: MartletStore) async throws {
        for _ in 0..<Self.looksMax {
            let before = try await states(of: store)
            var (changes, last): ([OutboxDesk.Change], RedisStreamID) = ([], lastID)
            let stream = StoreStream<OutboxDesk.Change>(OutboxDesk.stream)
            try await Recipes.walk(stream.name, after: lastID, in: store, limit: Self.askLimit) { entry in
                changes.append(try stream.message(of: entry))
                last = entry.id
            }
            let after = try await states(of: store)
            guard before.revisions == after.revisions else { continue }
            lastID = last
            desk.change { ledger in
                for change in changes { ledger.read(change.number, lane: change.lane) }
                ledger.judge(after.states)
            }
            return
        }
        throw Failure(description: "keys change though nobody changes them")
    }

    private func states(
        of store: MartletStore
    ) async throws -> (states: [OutboxLedger.State], revisions: [Int64]) {
        var states: [OutboxLedger.State] = []
        var revisions: [Int64] = []
        for lane in 0..<desk.ledger.laneCount {
            let key = OutboxDesk.key(lane)
            let found = try await Recipes.persist(for: Self.askLimit) {
                try await store.keys.get(.key(key.name)).keyValues.first
            }
            states.append(
                try found.map { .init(number: try key.value(of: $0), writes: Int($0.version)) } ?? .init())
            revisions.append(found?.modRevision ?? 0)
        }
        return (states, revisions)
    }

    /// Counts all messages once more: a look reads only what is new.
    private func lookAtAll(_ store: MartletStore) async throws {
        var count = 0
        try await Recipes.walk(OutboxDesk.stream, in: store, limit: Self.askLimit) { _ in count += 1 }
        desk.change { $0.judge(countedAnew: count) }
    }
}
