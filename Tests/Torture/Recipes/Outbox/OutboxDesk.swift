// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEmbedded
import Synchronization

/// Writers of one store, and the ledger that they share.
final class OutboxDesk: Sendable {
    private struct State {
        var ledger: OutboxLedger
        var isOpen = false
        var acknowledgedThisTime = 0
        var problems: [String] = []
    }

    static let stream = "torture-changes"
    static func key(_ lane: Int) -> StoreKey<Int> { StoreKey("torture-state/\(lane)") }

    struct Change: Codable {
        var lane: Int
        var number: Int
    }

    private let state: Mutex<State>
    private let wrong: RecipeOptions.Wrong?
    /// Writers that never rest would fill the disk and leave the server nothing of a small machine.
    private static let pauseMilliseconds = 3

    init(lanes: Int, wrong: RecipeOptions.Wrong?) {
        state = Mutex(State(ledger: OutboxLedger(lanes: lanes)))
        self.wrong = wrong
    }

    var ledger: OutboxLedger { state.withLock { $0.ledger } }
    var problems: [String] { state.withLock { $0.problems } }
    /// Calls that were answered since the desk was opened.
    var acknowledged: Int { state.withLock { $0.acknowledgedThisTime } }
    func change(_ body: (inout OutboxLedger) throws -> Void) rethrows { try state.withLock { try body(&$0.ledger) } }
    func open() { state.withLock { ($0.isOpen, $0.acknowledgedThisTime) = (true, 0) } }
    func close() { state.withLock { $0.isOpen = false } }

    /// Changes one key again and again, until the desk is closed.
    func write(_ lane: Int, to store: MartletStore, _ random: SeededRandom) async {
        var random = random
        while state.withLock({ $0.isOpen }), !Task.isCancelled {
            // Set when the transaction is about to be sent: from then on nobody may know.
            var attempt: Int?
            do {
                let number = try await change(lane, to: store) { attempt = $0 }
                state.withLock { state in
                    state.ledger.note(acknowledged: number, lane: lane)
                    state.acknowledgedThisTime += 1
                }
                try await Task.sleep(for: .milliseconds(random.below(Self.pauseMilliseconds)))
            } catch {
                let sent = attempt
                state.withLock { state in
                    if let number = sent { state.ledger.note(unknown: number, lane: lane) }
                    if !Recipes.isExpected(error) { state.problems.append("a change of lane \(lane): \(error)") }
                }
                try? await Task.sleep(for: .milliseconds(5 + random.below(20)))
            }
        }
    }

    private func change(_ lane: Int, to store: MartletStore, _ sends: (Int) -> Void) async throws -> Int {
        let (key, stream) = (Self.key(lane), StoreStream<Change>(Self.stream))
        if wrong == .twoSteps {
            let present = try await store.keys.get(.key(key.name)).keyValues.first
            let number = try (present.map { try key.value(of: $0) } ?? 0) + 1
            sends(number)
            try await store.transact { try $0.then.put(key, number) }
            try await store.transact { try $0.then.append(Change(lane: lane, number: number), to: stream) }
            return number
        }
        return try await store.update(key, publishingTo: stream) { present in
            let number = (present ?? 0) + 1
            sends(number)
            return (number, [Change(lane: lane, number: number)])
        }
    }
}
