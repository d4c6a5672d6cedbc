// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletBasics
import MartletDiskLoss
import MartletEtcdClient

/// One data folder, and what is done to it.
struct CrashedStore {
    let configuration: CrashRun.Configuration
    let server: CrashServer
    let recorder = Recorder()
    /// The client of what goes on across restarts, and of checks.
    let client: EtcdClient
    let tape = WatchTape()
    var checker = HistoryChecker()
    var random: SeededRandom
    /// How much of the tape has been compared.
    var watched = 0
    private(set) var summary: CrashRun.Summary
    /// Below it are the disk, which the library knows, its journal, and logs.
    private let folder: String
    private let number: Int
    /// Whether the last process was journaled, and the power hasn't failed since.
    private var isJournaled = false

    private var root: String { "\(folder)/disk" }
    private var journal: String { "\(folder)/journal" }

    /// Enough that several writes wait for the same sync.
    private static let writerCount = 8
    /// How long is written: mostly short; sometimes until the store writes a checkpoint, which it does each second;
    /// sometimes large values, until the log gets to its next segment.
    private static let shortMilliseconds = 5..<150
    private static let longMilliseconds = 900..<1_500
    private static let bulkMilliseconds = 200..<1_200
    /// Around the time a start takes.
    private static let startMilliseconds = 0..<60

    init(
        _ configuration: CrashRun.Configuration, folder: String, number: Int, random: SeededRandom,
        summary: CrashRun.Summary
    ) throws {
        self.configuration = configuration
        self.folder = folder
        self.number = number
        self.random = random
        self.summary = summary
        for name in ["disk", "journal"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: false)
        }
        server = try CrashServer(configuration.program, data: "\(folder)/disk/data", folder: folder)
        client = try Self.client(server.endpoint, timeout: .seconds(120))
    }

    private static func client(_ endpoint: String, timeout: Duration) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration(endpoints: [endpoint])
        configuration.timeout = timeout
        configuration.logger = Logger(label: "crash") { _ in SwiftLogNoOpLogHandler() }
        return try EtcdClient(configuration)
    }

    mutating func run() async {
        let (client, tape, recorder) = (client, tape, recorder)
        let tasks = [Task { await tape.run(client) }, Task { await KeptLease.keep(client, recorder) }]
        do {
            try await start()
            var killsLeft = min(configuration.killsPerStore, configuration.kills - summary.kills)
            while killsLeft > 0, checker.violations.isEmpty {
                let before = summary.kills
                try await writeAndKill()
                try await start()
                killsLeft -= summary.kills - before
                try await checkHistory(isQuiet: false)
            }
            if checker.violations.isEmpty { try await checkEnd() }
        } catch {
            checker.report("\(error)")
        }
        for task in tasks { task.cancel() }
        await client.close()
        await server.kill()
        for task in tasks { await task.value }
        summary.acknowledged += recorder.acknowledged
        summary.revisions += checker.revision - 1
        summary.violations = checker.violations.map { "store \(number), kill \(summary.kills): \($0)" }
    }

    private mutating func percent(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    // MARK: Starting and dying

    /// Starts the server until it is ready; some starts are killed before.
    private mutating func start() async throws {
        while true {
            try launch()
            if percent(15) {
                try await Task.sleep(for: .milliseconds(Int.random(in: Self.startMilliseconds, using: &random)))
            } else {
                try armInJournal(percent: 20)
                if try await server.ready(), try await disarm() { return }
            }
            try await kill()
            summary.killsWhileStarting += 1
        }
    }

    private mutating func launch() throws {
        var environment: [String: String] = [:]
        // What a journaled process left unsynced is known only if the next one is journaled too.
        if let library = configuration.library,
            isJournaled || configuration.fault != nil || Bool.random(using: &random)
        {
            let pause: Duration = percent(50) ? .zero : .milliseconds(Int.random(in: 1...5, using: &random))
            environment = library.environment(
                root: root, journal: journal, fault: configuration.fault, syncPause: pause)
            isJournaled = true
            summary.journaledStarts += 1
            try DiskLossLibrary.die(after: nil, journal: journal)
        }
        try server.start(environment)
    }

    /// Lets a journaled process die between two of its calls, soon rather than late: moments that a clock hardly hits.
    private mutating func armInJournal(percent: Int) throws {
        guard isJournaled, configuration.fault == nil, self.percent(percent) else { return }
        let scale = Int.random(in: 0...8, using: &random)
        try DiskLossLibrary.die(after: Int.random(in: 1...(1 << scale), using: &random), journal: journal)
        summary.armed += 1
    }

    /// From here on it lives until it is killed; `false` if it is too late for that.
    private func disarm() async throws -> Bool {
        guard isJournaled else { return true }
        try DiskLossLibrary.die(after: nil, journal: journal)
        try await Task.sleep(for: .milliseconds(5))
        return try server.isAlive()
    }

    private mutating func kill() async throws {
        await server.kill()
        summary.kills += 1
        let fails = configuration.fault != nil || percent(80)
        // A process may also die alone, and the next one read what isn't on disk yet.
        guard isJournaled, fails else { return }
        var styles = DiskLoss.Style.allCases
        if configuration.fault != nil { styles.removeAll { $0 == .nothing } }
        let style = styles.randomElement(using: &random) ?? .everything
        let report = try DiskLoss.strike(root: root, journal: journal, style: style, random: random.split())
        isJournaled = false
        summary.powerFailures += 1
        if report.lostSomething { summary.losses += 1 }
    }

    /// Writes for a random while and kills the server under it.
    private mutating func writeAndKill() async throws {
        let client = try Self.client(server.endpoint, timeout: .seconds(5))
        let name = "\(summary.kills)"
        let isBulky = percent(8)
        let tasks = (0..<Self.writerCount).map { index in
            var writer = Writer(client, recorder, name: "\(name).\(index)", random: random.split())
            return Task { await writer.run(isBulky: isBulky) }
        }
        try armInJournal(percent: 40)
        let time = isBulky ? Self.bulkMilliseconds : percent(10) ? Self.longMilliseconds : Self.shortMilliseconds
        try await Task.sleep(for: .milliseconds(Int.random(in: time, using: &random)))
        let trouble = Result { try server.isAlive() }
        try await kill()
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        await client.close()
        _ = try trouble.get()
    }
}
