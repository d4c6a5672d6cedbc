// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdClient

/// One client, of one slot, which writes keys of its own or fights for those of all.
struct TortureClient {
    let ledger: TortureLedger
    let registers: Registers
    let name: String
    /// Whether it writes keys of its own only.
    let isWriter: Bool
    /// See `TortureOptions`.
    let guards: Int
    var random: SeededRandom
    private var member: SlotClient
    private var count = 0

    /// Keys of one prefix, all of which a guard looks at.
    private static let groupCount = 200

    init(
        _ cluster: TortureCluster, _ ledger: TortureLedger, _ registers: Registers, name: String, slot: Int,
        isWriter: Bool, guards: Int, mayBeFull: Bool, random: SeededRandom
    ) {
        (self.ledger, self.registers) = (ledger, registers)
        (self.name, self.isWriter, self.guards, self.random) = (name, isWriter, guards, random)
        member = SlotClient(cluster, slot: slot, mayBeFull: mayBeFull)
    }

    /// Runs until the ledger is closed.
    mutating func run() async {
        while !ledger.isClosed {
            do {
                let client = try await member.current()
                if isWriter { try await write(client) } else { try await fight(client) }
            } catch let error as EtcdError {
                if !member.isToBeExpected(error) { ledger.report("a request of \(name) failed: \(error)") }
                try? await Task.sleep(for: .milliseconds(20 + random.below(60)))
            } catch {
                ledger.report("a request of \(name) failed: \(error)")
                break
            }
        }
        await member.close()
    }

    // MARK: Calls

    private mutating func write(_ client: EtcdClient) async throws {
        count += 1
        let group = "w/\(name).\(count / Self.groupCount)."
        let (key, value) = ("\(group)\(count)", ledger.newValue())
        let conditions = [EtcdComparison](repeating: .version(.prefix(group), .notEqual, -1), count: guards)
        try await perform(key, .put(value)) {
            let revision =
                conditions.isEmpty
                ? try await client.put(key, "\(value)").revision
                : try await client.transaction(when: conditions, then: [.put(key, "\(value)")]).revision
            return (.put(value), .done(revision: revision))
        }
    }

    private mutating func fight(_ client: EtcdClient) async throws {
        let (key, seen) = registers.pick(&random)
        switch random.below(100) {
        case ..<35:
            try await perform(key, .read(value: nil, modRevision: 0)) {
                let found = try await client.get(.key(key))
                let pair = found.keyValues.first
                let value = pair.flatMap { UInt64($0.valueText) }
                return (
                    .read(value: value, modRevision: pair?.modRevision ?? 0), .done(revision: found.revision)
                )
            }
        case ..<65:
            let value = ledger.newValue()
            try await perform(key, .put(value)) {
                (.put(value), .done(revision: try await client.put(key, "\(value)").revision))
            }
        case ..<70:
            try await perform(key, .delete) {
                let result = try await client.delete(.key(key))
                let revision = result.revision
                return (.delete, result.count > 0 ? .done(revision: revision) : .refused(revision: revision))
            }
        default:
            let value = ledger.newValue()
            let action = KnownCall.Action.swap(expected: seen, new: value)
            try await perform(key, action) {
                let condition: EtcdComparison =
                    seen.map { .value(.key(key), .equal, Array("\($0)".utf8)) } ?? .isMissing(.key(key))
                let result = try await client.transaction(
                    when: [condition], then: [.put(key, "\(value)")], otherwise: [.get(.key(key))])
                let revision = result.revision
                return (action, result.succeeded ? .done(revision: revision) : .refused(revision: revision))
            }
        }
        // Calls that follow each other without a pause would leave the members nothing of a small machine.
        try? await Task.sleep(for: .milliseconds(random.below(4)))
    }

    /// Notes a call around its request.
    private func perform(
        _ key: String, _ action: KnownCall.Action,
        _ request: () async throws -> (KnownCall.Action, KnownCall.Outcome)
    ) async throws {
        let began = ledger.now
        do {
            let (action, outcome) = try await request()
            ledger.note(KnownCall(key: key, action: action, outcome: outcome, began: began, ended: ledger.now))
            if !isWriter { registers.note(key, isUnknown: false, seen: Self.seen(action, outcome)) }
        } catch let error as EtcdError {
            let isRead = if case .read = action { true } else { false }
            if !isRead {
                let outcome: KnownCall.Outcome = error.wasNotExecuted ? .never : .unknown
                ledger.note(KnownCall(key: key, action: action, outcome: outcome, began: began, ended: ledger.now))
                if !isWriter { registers.note(key, isUnknown: !error.wasNotExecuted, seen: nil) }
            }
            throw error
        }
    }

    /// What the key was seen to hold; `nil` where the call hasn't told.
    private static func seen(_ action: KnownCall.Action, _ outcome: KnownCall.Outcome) -> UInt64?? {
        switch (action, outcome) {
        case (.read(let value, _), _): .some(value)
        case (.put(let value), _), (.swap(_, let value), .done): .some(value)
        case (.delete, _): .some(nil)
        case (.swap, _): nil
        }
    }
}
