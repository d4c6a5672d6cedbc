// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletDiskLoss
import MartletEtcdClient

/// Kills, stops, restarts and replaces members.
struct ProcessNemesis {
    let cluster: TortureCluster
    let faults: [FaultKind]
    var random: SeededRandom
    let tell: @Sendable (String) -> Void
    let report: @Sendable (String) -> Void
    private(set) var kills = 0
    private(set) var losses = 0
    private(set) var replaced = 0

    private static let pauseMilliseconds = 200..<2_000
    private static let downMilliseconds = 0..<1_500
    private static let frozenMilliseconds = 100..<3_000
    /// How long a member may take to end in order, where links are stalled.
    private static let endLimit = Duration.seconds(120)
    /// How long the next one of a rolling restart waits for the one before.
    private static let readyLimit = Duration.seconds(120)
    /// A member must have been connected with most others for five seconds before the members may change.
    private static let changeLimit = Duration.seconds(12)

    init(
        _ cluster: TortureCluster, faults: [FaultKind], random: SeededRandom,
        tell: @escaping @Sendable (String) -> Void, report: @escaping @Sendable (String) -> Void
    ) {
        (self.cluster, self.faults, self.random, self.tell, self.report) = (cluster, faults, random, tell, report)
    }

    /// Runs until the end.
    mutating func run(until end: ContinuousClock.Instant) async throws {
        guard !faults.isEmpty else { return }
        while ContinuousClock.now < end, !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(Int.random(in: Self.pauseMilliseconds, using: &random)))
            for trouble in cluster.troubles { report(trouble) }
            guard ContinuousClock.now < end, cluster.troubles.isEmpty else { break }
            switch faults.drawn(&random) {
            case .killLeader:
                if let slot = await cluster.leader() { try await kill([slot], "the leader") }
            case .killOne: try await kill([random.below(cluster.count)], "a member")
            case .killAll: try await kill(Array(0..<cluster.count), "all members at once")
            case .freeze: await freeze()
            case .roll: try await roll()
            case .replace: try await replace()
            case .fill: try await fill()
            case .isolate, .split, .oneWay, .slow, .cut: preconditionFailure("not a fault of processes")
            }
        }
    }

    mutating func start(_ member: TortureMember) throws {
        let pause: Duration = random.below(2) == 0 ? .zero : .milliseconds(1 + random.below(4))
        try member.start(isJournaled: random.below(2) == 0, syncPause: pause)
    }

    private mutating func kill(_ slots: [Int], _ what: String) async throws {
        let members = slots.map { cluster.member($0) }
        // One moment for all: what one of them could still tell the others would otherwise save it.
        if members.count > 1 { TortureMember.signalAll(members) }
        let fails = cluster.surroundings.flaw != nil || random.below(100) < 60
        var lost: [String] = []
        for member in members {
            var styles = DiskLoss.Style.allCases
            if cluster.surroundings.flaw != nil { styles = [.everything] }
            let style = fails ? styles.randomElement(using: &random) : nil
            if try await member.kill(losing: style, random: random.split()) { lost.append(member.name) }
            kills += 1
        }
        losses += lost.count
        let names = members.map(\.name).joined(separator: ", ")
        let undone = lost.isEmpty ? "" : ", and what was not synced is lost: \(lost.joined(separator: ", "))"
        tell("SIGKILL for \(what), \(names)\(undone)")
        for member in members {
            try? await Task.sleep(for: .milliseconds(Int.random(in: Self.downMilliseconds, using: &random)))
            try start(member)
        }
    }

    private mutating func freeze() async {
        var slot = random.below(cluster.count)
        if random.below(2) == 0, let leader = await cluster.leader() { slot = leader }
        let member = cluster.member(slot)
        let length = Duration.milliseconds(Int.random(in: Self.frozenMilliseconds, using: &random))
        tell("\(member.name) stands still for \(length)")
        member.freeze()
        try? await Task.sleep(for: length)
        member.thaw()
    }

    private mutating func roll() async throws {
        tell("a rolling restart")
        for slot in 0..<cluster.count {
            let member = cluster.member(slot)
            if await !member.terminate(limit: Self.endLimit) {
                report("\(member.name) did not end within \(Self.endLimit) of SIGTERM: \(member.log)")
            }
            try start(member)
            _ = await member.ready(within: Self.readyLimit)
        }
    }

    // MARK: Members that leave and come

    private mutating func replace() async throws {
        let slot = random.below(cluster.count)
        let old = cluster.member(slot)
        let others = cluster.members.filter { $0 !== old }
        guard let id = await remove(old, asking: others) else { return tell("\(old.name) can't be removed now") }
        tell("\(old.name) (\(id)) is removed")
        old.letEnd()
        if await !old.ends(within: .seconds(5)) { try await old.kill(losing: nil, random: random.split()) }
        let new = try await cluster.makeMember()
        cluster.replace(slot, by: new)
        try await add(new, others)
        replaced += 1
    }

    private func remove(_ member: TortureMember, asking others: [TortureMember]) async -> EtcdMemberID? {
        let end = ContinuousClock.now + Self.changeLimit
        var found: EtcdMemberID?
        while ContinuousClock.now < end {
            do {
                try await cluster.withClient(others.map(\.endpoint), timeout: .seconds(2)) { client in
                    let list = try await client.cluster.members()
                    guard let id = list.first(where: { $0.peerURLs == [member.peerURL] })?.id else {
                        // Gone by an attempt whose answer was lost.
                        return
                    }
                    found = id
                    member.letEnd()
                    try await client.cluster.removeMember(id)
                }
                return found
            } catch {
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
        return found.flatMap { _ in nil }
    }

    /// Waits until the others take it, however long the network hinders them, and starts it.
    private mutating func add(_ member: TortureMember, _ others: [TortureMember]) async throws {
        let peerURL = member.peerURL
        var failure = "nobody has answered"
        let end = ContinuousClock.now + Self.changeLimit * 5
        while ContinuousClock.now < end {
            do {
                let list = try await cluster.withClient(others.map(\.endpoint), timeout: .seconds(2)) { client in
                    let list = try await client.cluster.members()
                    if list.contains(where: { $0.peerURLs == [peerURL] }) { return list }
                    _ = try await client.cluster.addMember(peerURLs: [peerURL])
                    return try await client.cluster.members()
                }
                let all = cluster.members
                let names = list.compactMap { known in
                    all.first { known.peerURLs == [$0.peerURL] }.map { "\($0.name)=\($0.peerURL)" }
                }
                member.join(names.joined(separator: ","), isNew: false)
                tell("\(member.name) is added")
                return try start(member)
            } catch {
                failure = "\(error)"
                try? await Task.sleep(for: .milliseconds(200))
            }
        }
        report("\(member.name) could not be added: \(failure)")
    }
}
