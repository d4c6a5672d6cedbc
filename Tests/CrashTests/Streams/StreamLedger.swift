// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What the clients of a server know about its streams, filled by many tasks.
final class StreamLedger: Sendable {
    enum Knowledge: Equatable {
        case unknown, acknowledged
    }

    struct Entry {
        /// Nil where no answer came.
        var id: String?
        /// The twin of a transaction's other stream.
        var twin: String?
        var deletion: Knowledge?
    }

    struct Delivery {
        var consumer: String
        var acknowledgement: Knowledge?
    }

    struct Key: Hashable {
        var stream: String
        var id: String
    }

    struct State {
        /// By the value that no other entry has.
        var entries: [String: Entry] = [:]
        var deliveries: [Key: Delivery] = [:]
        var violations: [String] = []
        var acknowledged = 0
    }

    private let state = Mutex(State())

    func change<Result: Sendable>(_ body: (inout State) -> Result) -> Result { state.withLock { body(&$0) } }

    func report(_ violation: String) { state.withLock { $0.violations.append(violation) } }

    func asked(_ value: String, twin: String? = nil) {
        state.withLock { $0.entries[value] = Entry(twin: twin) }
    }

    func added(_ value: String, _ id: String) {
        state.withLock { state in
            state.entries[value]?.id = id
            state.acknowledged += 1
        }
    }

    /// A group has handed an entry to a consumer, as it does once.
    func delivered(_ stream: String, _ id: String, to consumer: String) {
        state.withLock { state in
            let key = Key(stream: stream, id: id)
            if let known = state.deliveries[key] {
                state.violations.append("\(stream) \(id) was delivered to \(known.consumer), then to \(consumer)")
            }
            state.deliveries[key] = Delivery(consumer: consumer)
        }
    }

    func acknowledging(_ stream: String, _ ids: [String], _ knowledge: Knowledge) {
        state.withLock { state in
            for id in ids { state.deliveries[Key(stream: stream, id: id)]?.acknowledgement = knowledge }
            if knowledge == .acknowledged { state.acknowledged += 1 }
        }
    }

    func deleting(_ value: String, _ knowledge: Knowledge) {
        state.withLock { state in
            state.entries[value]?.deletion = knowledge
            if knowledge == .acknowledged { state.acknowledged += 1 }
        }
    }
}
