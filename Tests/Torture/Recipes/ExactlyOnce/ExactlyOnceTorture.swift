// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEmbedded
import Synchronization

/// Messages that must have their effect once, while the processes that take them are killed, and so are the members of
/// the cluster that holds both.
///
/// An effect is an entry of another stream, and a number in a key: two things that a second effect can't hide in.
/// Every number is counted, so that one that is lost and one that comes twice don't make up for each other.
struct ExactlyOnceTorture {
    private let setting: RecipeSetting
    private var options: RecipeOptions { setting.options }

    private static let producers = 3
    private static let startLimit = Duration.seconds(300)
    private static let askLimit = Duration.seconds(180)
    /// Without one effect more for so long, something is stuck: elections and claims take a fraction of it.
    private static let stallLimit = Duration.seconds(300)
    /// The least that is expected of a busy machine; several times less than what it does.
    private static let messagesPerSecond = 400
    private static let limitBeside = Duration.seconds(900)
    private static let lookEvery = Duration.milliseconds(500)
    private static let tellEvery = Duration.seconds(10)

    init(_ setting: RecipeSetting) { self.setting = setting }

    func run() async throws -> RecipeReport {
        try await setting.withCluster(of: options.members, in: setting.folder) { cluster in
            let pool = WorkerPool(options, cluster)
            var report = RecipeReport()
            do {
                for (slot, member) in cluster.members.enumerated() { try member.start(isJournaled: slot == 0) }
                for member in cluster.members where await !member.ready(within: Self.startLimit) {
                    throw TortureOptions.Wrong(description: "\(member.name) is not ready: \(member.log)")
                }
                setting.tell("\(options.members) members serve")
                let store = try await Recipes.open(cluster.storeAddress())
                do {
                    try await run(cluster, pool, store, &report)
                } catch {
                    report.claim("nothing else went wrong", "\(error)", false)
                }
                await store.close()
            } catch {
                report.claim("the cluster serves", "\(error)", false)
            }
            await pool.endAll()
            return report
        }
    }

    private func run(
        _ cluster: TortureCluster, _ pool: WorkerPool, _ store: MartletStore, _ report: inout RecipeReport
    ) async throws {
        var random = SeededRandom(seed: options.seed)
        try await Recipes.persist(for: Self.askLimit) {
            do {
                try await store.streams.xgroupCreate(
                    WorkPlaces.messages.name, WorkPlaces.group, .beginning, createsStream: true)
            } catch let error as RedisError where error.code == .groupExists {
                // By an attempt whose answer was lost.
            }
        }
        let begin = ContinuousClock.now
        try pool.startAll()
        let problems = Problems()
        let producing = produce(store, problems)
        let (memberRandom, workerRandom) = (random.split(), random.split())
        let (tell, workers) = (setting.tell, options.workers)
        let killingMembers = Task {
            var nemesis = MemberNemesis(cluster, memberRandom, tell: tell)
            await problems.noting { try await nemesis.run() }
            return nemesis.counts
        }
        let killingWorkers = Task {
            var nemesis = WorkerNemesis(pool, workers: workers, workerRandom)
            await problems.noting { try await nemesis.run() }
        }
        var failure = try await follow(store, cluster, pool, problems)
        killingMembers.cancel()
        killingWorkers.cancel()
        for producer in producing { producer.cancel() }
        let kills = await killingMembers.value
        await killingWorkers.value
        for producer in producing { await producer.value }
        let seconds = begin.duration(to: .now) / .seconds(1)
        await pool.endAll()
        if failure == nil { failure = (problems.all + pool.problems + cluster.troubles).first }

        let counts = pool.counts
        report.fact("messages a second", "\(Int(Double(options.messages) / seconds)) for \(Int(seconds)) s")
        report.fact("messages taken over from others", "\(counts.claimed)")
        report.fact("steps refused, as others had taken over", "\(counts.refused)")
        report.fact("workers frozen until that", "\(counts.freezes)")
        report.fact("members' kills, with a power failure", "\(kills.powerFailures)")
        report.claim("workers killed", "\(counts.kills)", counts.kills > 0)
        report.claim(
            "members killed", "\(kills.kills), the leader \(kills.leaders) times", kills.kills > 0)
        report.claim("nothing else went wrong", failure ?? "nothing", failure == nil)
        for slot in 0..<cluster.count {
            guard await cluster.member(slot).ready(within: Self.startLimit) else {
                return report.claim("all members are back", "\(cluster.member(slot).log)", false)
            }
        }
        setting.tell("counting")
        for slot in 0..<cluster.count { try await count(cluster, slot, &report) }
    }

    /// What else went wrong, of all tasks.
    private final class Problems: Sendable {
        private let texts = Mutex<[String]>([])
        var all: [String] { texts.withLock { $0 } }

        func noting(_ body: () async throws -> Void) async {
            do {
                try await body()
            } catch {
                if !(error is CancellationError) { texts.withLock { $0.append("\(error)") } }
            }
        }
    }

    private func produce(_ store: MartletStore, _ problems: Problems) -> [Task<Void, Never>] {
        let count = min(Self.producers, options.messages)
        return (0..<count).map { number in
            let start = options.messages * number / count
            let end = options.messages * (number + 1) / count
            let producer = MessageProducer(store: store, number: number, range: start..<end)
            return Task { await problems.noting { try await producer.run() } }
        }
    }

    /// Waits until all messages are published and none is pending or to come.
    ///
    /// - Returns: What kept it from that.
    private func follow(
        _ store: MartletStore, _ cluster: TortureCluster, _ pool: WorkerPool, _ problems: Problems
    ) async throws -> String? {
        let limit = options.limit ?? Self.limitBeside + .seconds(options.messages / Self.messagesPerSecond)
        let end = ContinuousClock.now + limit
        var (seen, changed, told) = (0, ContinuousClock.now, ContinuousClock.now)
        while true {
            try await Task.sleep(for: Self.lookEvery)
            if let problem = (problems.all + pool.problems + cluster.troubles).first { return problem }
            guard ContinuousClock.now < end else { return "\(seen) of \(options.messages) effects within \(limit)" }
            guard ContinuousClock.now < changed + Self.stallLimit else {
                return "stuck at \(seen) of \(options.messages) effects for \(Self.stallLimit)"
            }
            do {
                let published = try await store.streams.xlen(WorkPlaces.messages.name)
                let effects = try await store.streams.xlen(WorkPlaces.effects.name)
                let groups = try await store.streams.xinfoGroups(WorkPlaces.messages.name)
                let last = try await store.streams.xinfoStream(WorkPlaces.messages.name).lastID
                if effects != seen { (seen, changed) = (effects, .now) }
                if ContinuousClock.now >= told + Self.tellEvery {
                    told = .now
                    setting.tell("\(published) published, \(effects) effects, \(pool.counts.kills) workers killed")
                }
                guard let group = groups.first else { continue }
                // Nothing is put in any more, and nothing is to come.
                if published >= options.messages, group.pendingCount == 0, group.lastDeliveredID == last { return nil }
            } catch {
                guard Recipes.isExpected(error) else { throw error }
            }
        }
    }

    // MARK: What is there

    /// Counts what one member has, in the end.
    private func count(_ cluster: TortureCluster, _ slot: Int, _ report: inout RecipeReport) async throws {
        let name = cluster.member(slot).name
        let store = try await Recipes.open(cluster.storeAddress(of: slot))
        do {
            var published = EffectTally(messages: options.messages)
            try await count(WorkPlaces.messages, store, &published)
            var effects = EffectTally(messages: options.messages)
            try await count(WorkPlaces.effects, store, &effects)
            var keys = EffectTally(messages: options.messages)
            var writtenAgain = 0
            for try await page in store.keys.pages(of: .prefix(WorkPlaces.effectKeys)) {
                for pair in page.keyValues {
                    if pair.version != 1 { writtenAgain += 1 }
                    for word in pair.valueText.split(separator: ",") { keys.count(Int(word) ?? -1) }
                }
            }
            claim("\(name): messages published once", published, &report)
            claim("\(name): messages with one effect in the stream", effects, &report)
            claim("\(name): messages with one effect among the keys", keys, &report)
            report.claim("\(name): steps done twice", writtenAgain)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    private func count(
        _ stream: StoreStream<WorkPlaces.Message>, _ store: MartletStore, _ tally: inout EffectTally
    ) async throws {
        try await Recipes.walk(stream.name, in: store, limit: Self.askLimit) { entry in
            tally.count(try stream.message(of: entry).number)
        }
    }

    private func claim(_ text: String, _ tally: EffectTally, _ report: inout RecipeReport) {
        var found = "\(tally.once) of \(options.messages); \(tally.lost) lost, \(tally.moreThanOnce) twice or more"
        if !tally.isExact { found += " (\(tally.examples(5)))" }
        report.claim(text, found, tally.isExact)
    }
}
