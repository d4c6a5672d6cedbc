// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletDiskLoss
import MartletEtcdClient
import MartletTestPrograms
import Synchronization

/// A cluster of real processes under load and faults, and what it kept of its promises.
package struct Torture {
    package struct Report: Sendable {
        package var violations: [String] = []
        package var counts = ""
        package var acknowledged = 0
        package var kills = 0
        package var misplaced = 0
        /// Where the files are, if they were left.
        package var folder: String?
    }

    private let options: TortureOptions
    private let ledger = TortureLedger()
    private let watch = TortureWatch()
    private let tell: @Sendable (String) -> Void
    /// What comes after the faults may take this long: elections, snapshots, and a log to be caught up with.
    private static let healLimit = Duration.seconds(300)
    /// A member tells all its changes in less.
    private static let historyLimit = Duration.seconds(120)
    private static let startLimit = Duration.seconds(300)

    private init(_ options: TortureOptions) {
        self.options = options
        let begin = ContinuousClock.now
        let isTold = options.isTold
        tell = { text in
            guard isTold else { return }
            let tenths = Int(begin.duration(to: .now) / .milliseconds(100))
            say("\(tenths / 10).\(tenths % 10) s: \(text)")
        }
    }

    /// Runs and ends by itself. Files stay only where something was broken.
    package static func run(_ options: TortureOptions) async throws -> Report {
        guard let program = options.peer.kind.binary else {
            throw TortureOptions.Wrong(description: "there is no \(options.peer.rawValue) on this machine")
        }
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("martlet-torture-\(options.seed)-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let usesLibrary = options.peer == .martlet && DiskLossLibrary.isSupported
        let library = usesLibrary ? try await DiskLossLibrary(in: folder) : nil
        let cluster = try await TortureCluster(
            folder, count: options.members,
            .init(
                program: program, peer: options.peer, library: library, flaw: options.flaw, wires: FaultWires(),
                origins: ConnectionOrigins()))
        let signals = options.endsOnSignals ? cluster.endingOnSignals() : []
        var report = await Torture(options).run(cluster)
        for signal in signals { signal.cancel() }
        for member in cluster.all {
            member.letEnd()
            _ = try? await member.kill(losing: nil, random: SeededRandom(seed: 0))
            await member.proxy.close()
        }
        if report.violations.isEmpty {
            try? FileManager.default.removeItem(atPath: folder)
        } else {
            report.folder = folder
        }
        return report
    }

    private func run(_ cluster: TortureCluster) async -> Report {
        var random = SeededRandom(seed: options.seed)
        var report = Report()
        let watcher = try? TortureCluster.client(cluster.endpoints, timeout: .seconds(5))
        do {
            for member in cluster.members { try member.start(isJournaled: random.below(2) == 0) }
            for member in cluster.members where await !member.ready(within: Self.startLimit) {
                let proxies = cluster.surroundings.wires.failureText
                report.violations.append("\(member.name) is not ready: \(member.log)\nproxies: \(proxies)")
                return report
            }
            tell("\(options.members) members of \(options.peer.rawValue) serve")
            let (watch, ledger) = (watch, ledger)
            let watching = Task { if let watcher { await watch.run(watcher) } }
            let nemesis = await torment(cluster, &random)
            ledger.close()
            report.kills = nemesis.kills
            let checker = await survey(cluster, &report)
            watching.cancel()
            await watcher?.close()
            judge(checker, nemesis, &report)
        } catch {
            report.violations.append("\(error)")
        }
        return report
    }

    /// Clients and faults, at the same time.
    private func torment(_ cluster: TortureCluster, _ random: inout SeededRandom) async -> ProcessNemesis {
        let (ledger, tell) = (ledger, tell)
        let registers = Registers()
        let end = ContinuousClock.now + .seconds(options.seconds)
        var clients: [Task<Void, Never>] = []
        for number in 0..<(options.clients + options.writers) {
            var client = TortureClient(
                cluster, ledger, registers, name: "c\(number)", slot: number % options.members,
                isWriter: number >= options.clients, guards: options.guards,
                mayBeFull: options.faults.contains(.fill), random: random.split())
            clients.append(Task { await client.run() })
        }
        var network = NetworkNemesis(
            cluster: cluster, faults: options.faults.filter(\.isNetwork), random: random.split(), tell: tell)
        let spoiling = Task { await network.run(until: end) }
        var processes = ProcessNemesis(
            cluster, faults: options.faults.filter { !$0.isNetwork }, random: random.split(), tell: tell,
            report: { ledger.report($0) })
        for number in 0..<options.leases {
            var holder = TortureLeases(
                cluster, ledger, name: "h\(number)", slot: number % options.members,
                mayBeFull: options.faults.contains(.fill), random: random.split())
            clients.append(Task { await holder.run() })
        }
        do {
            try await processes.run(until: end)
            while ContinuousClock.now < end, cluster.troubles.isEmpty { try await Task.sleep(for: .milliseconds(100)) }
        } catch {
            ledger.report("\(error)")
        }
        spoiling.cancel()
        await spoiling.value
        cluster.surroundings.wires.heal()
        if options.faults.contains(.fill), ledger.problems.isEmpty { await processes.disarm() }
        // Writes go on a while, so that what comes back has something to catch up with.
        if ledger.problems.isEmpty { try? await Task.sleep(for: .seconds(1)) }
        ledger.close()
        for client in clients { await client.value }
        return processes
    }

    /// Waits until all agree, and asks each for all it has.
    private func survey(_ cluster: TortureCluster, _ report: inout Report) async -> TortureChecker? {
        report.violations += ledger.problems + cluster.troubles
        guard report.violations.isEmpty else { return nil }
        tell("faults are over; \(ledger.acknowledged) calls were answered")
        let end = ContinuousClock.now + Self.healLimit
        let members = cluster.members
        do {
            let revision = try await settled(members, cluster, end)
            var hashes: [String: UInt32] = [:]
            var histories: [(member: String, events: [TortureEvent])] = []
            for member in members {
                try await cluster.withClient([member.endpoint], timeout: .seconds(20)) { client in
                    hashes[member.name] = try await client.maintenance.hashOfKeys(
                        at: revision, of: member.endpoint
                    ).hash
                    histories.append((member.name, try await history(client, upTo: revision)))
                }
            }
            if Set(hashes.values).count > 1 {
                let texts = hashes.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
                report.violations.append("hashes at revision \(revision) differ: \(texts.joined(separator: ", "))")
            }
            while watch.count < histories[0].events.count, watch.problem == nil, ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(20))
            }
            if let problem = watch.problem { report.violations.append("the watch ended: \(problem)") }
            return TortureChecker(histories: histories, calls: ledger.calls, watched: watch.events)
        } catch {
            let logs = members.map { "\($0.name): \($0.log)" }.joined(separator: "\n")
            report.violations.append("the members don't come together again: \(error)\n\(logs)")
            return nil
        }
    }

    /// All changes up to a revision. A member that has lost some may never come to it: what it has told by then is
    /// judged.
    private func history(_ client: EtcdClient, upTo revision: Int64) async throws -> [TortureEvent] {
        guard revision > 1 else { return [] }
        let events = Mutex<[TortureEvent]>([])
        let reading = Task {
            for try await batch in client.watch(.all, from: 1) {
                let last = events.withLock { events in
                    events += batch.events.map { TortureEvent($0) }
                    return events.last?.revision ?? 0
                }
                if (batch.events.isEmpty ? batch.revision : last) >= revision { return }
            }
        }
        let limit = Task {
            try await Task.sleep(for: Self.historyLimit)
            reading.cancel()
        }
        defer { limit.cancel() }
        do {
            try await reading.value
        } catch is CancellationError {
            tell("a member does not come to revision \(revision)")
        }
        return events.withLock { $0 }
    }

    /// The revision that all have come to, and stay at.
    private func settled(
        _ members: [TortureMember], _ cluster: TortureCluster, _ end: ContinuousClock.Instant
    ) async throws -> Int64 {
        var before: [Int64] = []
        var failure = "they have different revisions"
        while ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(500))
            for trouble in cluster.troubles { throw TortureOptions.Wrong(description: trouble) }
            var now: [Int64] = []
            for member in members {
                do {
                    now.append(
                        try await cluster.withClient([member.endpoint], timeout: .seconds(2)) {
                            try await $0.get("settled").revision
                        })
                } catch {
                    failure = "\(member.name): \(error)"
                }
            }
            if now.count == members.count, Set(now).count == 1, now == before { return now[0] }
            before = now
        }
        // Members that have lost something never come to one revision; what they have is judged all the same.
        if before.count == members.count { return before.min() ?? 1 }
        throw TortureOptions.Wrong(description: "\(failure), \(before)")
    }

    private func judge(_ checker: TortureChecker?, _ nemesis: ProcessNemesis, _ report: inout Report) {
        report.acknowledged = ledger.acknowledged
        var registers = ""
        if let checker {
            let verdict = checker.verdict()
            report.violations += verdict.violations
            report.misplaced = verdict.misplaced
            registers = "\(verdict.registers) registers in order, \(verdict.undecided) undecided, "
        }
        report.counts = """
            \(nemesis.kills) kills, \(nemesis.losses) of them lost what was not synced, \(nemesis.replaced) members \
            replaced; \(report.acknowledged) calls answered, \(registers)\(report.misplaced) writes misplaced
            """
    }
}
