// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletDiskLoss
import MartletRESPClient
import MartletRESPCodec
import MartletTestPrograms

/// One data folder whose server is killed again and again while clients work with its streams; then what it tells is
/// held against what they know.
struct StreamCrash {
    let library: DiskLossLibrary?
    let fault: DiskLossLibrary.Fault?
    private let server: CrashServer
    private let port: Int
    private let root: String
    private let journal: String
    let ledger = StreamLedger()
    private var keepers: [GroupKeeper]
    private var counters: [WatchedCounter] = []
    private var random: SeededRandom
    private var isJournaled = false
    private(set) var kills = 0
    private(set) var losses = 0

    private static let producers = 4
    private static let consumers = 3
    private static let keepers = 2
    private static let counter = "counter"
    private static let countersAtOnce = 2

    init(
        in folder: String, library: DiskLossLibrary?, fault: DiskLossLibrary.Fault? = nil, memory: String = "0",
        random: SeededRandom
    ) throws {
        self.library = library
        self.fault = fault
        self.random = random
        var seeds = random
        keepers = (0..<Self.keepers).map { GroupKeeper(stream: "k\($0)", seed: seeds.next()) }
        root = "\(folder)/disk"
        journal = "\(folder)/journal"
        for path in [root, journal] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        port = try freePort()
        server = try CrashServer(
            .martlet(BuiltBinary.path), data: "\(root)/data", folder: folder,
            extra: ["--listen-stream-urls", "redis://127.0.0.1:\(port)", "--stream-memory", memory])
    }

    /// - Returns: what was wrong.
    mutating func run(kills: Int) async throws -> [String] {
        try await start()
        try await makeGroups()
        for _ in 0..<kills {
            try await workAndKill()
            try await start()
            try await check()
            let violations = ledger.change { $0.violations }
            if !violations.isEmpty {
                await server.kill()
                return violations
            }
        }
        await server.kill()
        return []
    }

    // MARK: Starting and dying

    private mutating func start() async throws {
        while true {
            var environment: [String: String] = [:]
            if let library, isJournaled || fault != nil || Bool.random(using: &random) {
                environment = library.environment(root: root, journal: journal, fault: fault, syncPause: .zero)
                isJournaled = true
                try DiskLossLibrary.die(after: nil, journal: journal)
            }
            try server.start(environment)
            if try await server.ready(), try await canConnect() { return }
            throw CrashServer.Trouble(description: "the server does not start: \(server.log)")
        }
    }

    /// The listener of streams is the last to be bound.
    private func canConnect() async throws -> Bool {
        for _ in 0..<20_000 {
            guard try server.isAlive() else { return false }
            if (try? await RawClient.with(port: port, { _ = try await $0.run("PING") })) != nil { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    private mutating func kill() async throws {
        await server.kill()
        kills += 1
        guard isJournaled, fault != nil || Int.random(in: 0..<5, using: &random) > 0 else { return }
        var styles = DiskLoss.Style.allCases
        if fault != nil { styles.removeAll { $0 == .nothing } }
        let style = styles.randomElement(using: &random) ?? .everything
        let report = try DiskLoss.strike(root: root, journal: journal, style: style, random: random.split())
        isJournaled = false
        if report.lostSomething { losses += 1 }
    }

    private func makeGroups() async throws {
        let ledger = ledger
        try await RawClient.with(port: port) { client in
            for stream in StreamWorker.streams {
                let answer = try await client.run("XGROUP CREATE \(stream) \(StreamWorker.group) 0 MKSTREAM")
                if answer != "+OK" { ledger.report("XGROUP CREATE was answered \(answer)") }
            }
            for keeper in keepers { try await keeper.prepare(client) }
        }
    }

    private mutating func workAndKill() async throws {
        var tasks: [Task<Void, Never>] = []
        for index in 0..<Self.producers + Self.consumers {
            var worker = StreamWorker(
                port: port, ledger, name: "\(kills).\(index)", random: random.split())
            let isProducer = index < Self.producers
            tasks.append(Task { if isProducer { await worker.produce() } else { await worker.consume() } })
        }
        let port = port
        let keeping = keepers.map { keeper in
            Task {
                var keeper = keeper
                try? await RawClient.with(port: port) { await keeper.work($0) }
                return keeper
            }
        }
        let counting = (0..<Self.countersAtOnce).map { _ in
            Task {
                var counter = WatchedCounter(Self.counter)
                try? await RawClient.with(port: port) { await counter.work($0) }
                return counter
            }
        }
        if isJournaled, fault == nil, Int.random(in: 0..<10, using: &random) < 4 {
            let calls = Int.random(in: 1...(1 << Int.random(in: 0...9, using: &random)), using: &random)
            try DiskLossLibrary.die(after: calls, journal: journal)
        }
        // Now and then long enough for checkpoints, of which one is made each second.
        let range = Int.random(in: 0..<4, using: &random) == 0 ? 1_000..<1_600 : 20..<250
        try await Task.sleep(for: .milliseconds(Int.random(in: range, using: &random)))
        let trouble = Result { try server.isAlive() }
        try await kill()
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        for (place, task) in keeping.enumerated() { keepers[place] = await task.value }
        for task in counting { counters.append(await task.value) }
        _ = try trouble.get()
    }

    // MARK: Checking

    static func ids(_ reply: ReplyValue) -> [String] {
        guard case .array(let streams) = reply, case .array(let stream)? = streams.first, stream.count == 2 else {
            return []
        }
        return entries(stream[1]).map(\.id)
    }

    /// Entries with the value of their only field.
    private static func entries(_ reply: ReplyValue) -> [(id: String, value: String)] {
        guard case .array(let entries) = reply else { return [] }
        return entries.compactMap { entry in
            guard case .array(let parts) = entry, parts.count == 2 else { return nil }
            guard case .array(let fields) = parts[1], fields.count == 2 else { return (text(parts[0]), "") }
            return (text(parts[0]), text(fields[1]))
        }
    }

    private mutating func check() async throws {
        let ledger = ledger
        var keepers = keepers
        let counters = counters
        try await RawClient.with(port: port) { client in
            var found: [String: String] = [:]
            for stream in StreamWorker.streams {
                try await client.send("XRANGE \(stream) - +\r\n")
                guard let reply = try await client.next() else { throw CrashServer.Trouble(description: "no answer") }
                for (id, value) in Self.entries(reply) {
                    if let other = found[value] { ledger.report("\(value.prefix(20)) is \(other) and \(id)") }
                    found[value] = id
                }
                try await client.send("XPENDING \(stream) \(StreamWorker.group) - + 10000000\r\n")
                guard let pending = try await client.next() else {
                    throw CrashServer.Trouble(description: "no answer")
                }
                Self.check(pending: pending, of: stream, ledger)
            }
            Self.check(found, ledger)
            for place in keepers.indices {
                guard try await keepers[place].check(client) else {
                    throw CrashServer.Trouble(description: "a keeper gets no answer")
                }
                for violation in keepers[place].violations { ledger.report(violation) }
            }
            guard let wrong = try await WatchedCounter.check(client, Self.counter, told: counters) else {
                throw CrashServer.Trouble(description: "no answer")
            }
            for violation in wrong { ledger.report(violation) }
        }
        self.keepers = keepers
    }

    /// What keepers and counters were told of, beside what stands in the ledger.
    var acknowledged: (groups: Int, counts: Int) {
        (keepers.reduce(0) { $0 + $1.acknowledged }, counters.reduce(0) { $0 + $1.told.count })
    }

    /// Each entry that a client was told of is there, with its ID, unless it was deleted; no other has come.
    private static func check(_ found: [String: String], _ ledger: StreamLedger) {
        ledger.change { state in
            for (value, entry) in state.entries {
                let id = found[value]
                if let known = entry.id, let id, id != known {
                    state.violations.append("\(value.prefix(20)) was \(known) and is \(id)")
                }
                if entry.id != nil, entry.deletion == nil, id == nil {
                    state.violations.append("\(value.prefix(20)) was acknowledged and is lost")
                }
                if entry.deletion == .acknowledged, id != nil {
                    state.violations.append("\(value.prefix(20)) was deleted and is back")
                }
                if let twin = entry.twin, (found[twin] == nil) != (id == nil) {
                    state.violations.append("one half of a transaction is there: \(value.prefix(20))")
                }
                // What was found now has to stay.
                if entry.id == nil, let id { state.entries[value]?.id = id }
            }
            for value in found.keys where state.entries[value] == nil {
                state.violations.append("nobody has added \(value.prefix(20))")
            }
        }
    }

    /// Each delivery that a consumer was told of is pending, unless it was acknowledged.
    private static func check(pending reply: ReplyValue, of stream: String, _ ledger: StreamLedger) {
        guard case .array(let rows) = reply else { return ledger.report("XPENDING was answered \(text(reply))") }
        var pending: [String: String] = [:]
        for case .array(let row) in rows where row.count == 4 { pending[text(row[0])] = text(row[1]) }
        ledger.change { state in
            for (key, delivery) in state.deliveries where key.stream == stream {
                let holder = pending[key.id]
                if delivery.acknowledgement == nil, holder != delivery.consumer {
                    let (consumer, place) = (delivery.consumer, holder ?? "none")
                    state.violations.append("\(stream) \(key.id) was delivered to \(consumer), is at \(place)")
                }
                if delivery.acknowledgement == .acknowledged, let holder {
                    state.violations.append("\(stream) \(key.id) was acknowledged, but is pending at \(holder)")
                }
            }
            // Deliveries whose answers were lost: nobody else may get them.
            for (id, holder) in pending {
                let key = StreamLedger.Key(stream: stream, id: id)
                if state.deliveries[key] == nil { state.deliveries[key] = .init(consumer: holder) }
            }
        }
    }
}
