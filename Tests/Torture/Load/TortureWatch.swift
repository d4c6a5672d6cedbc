// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import Synchronization

/// One change of one key.
package struct TortureEvent: Hashable, Sendable {
    package var revision: Int64
    package var key: String
    /// `nil` for a deletion.
    package var value: UInt64?

    package init(revision: Int64, key: String, value: UInt64?) {
        (self.revision, self.key, self.value) = (revision, key, value)
    }

    init(_ event: EtcdEvent) {
        self.init(
            revision: event.keyValue.modRevision, key: event.keyValue.keyText,
            value: event.kind == .put ? UInt64(event.keyValue.valueText) : nil)
    }
}

/// A watch of everything that goes on through all faults, and all it has delivered.
final class TortureWatch: Sendable {
    private let state = Mutex<(events: [TortureEvent], problem: String?)>(([], nil))

    /// Runs until its task is cancelled.
    func run(_ client: EtcdClient) async {
        do {
            for try await batch in client.watch(.all, from: 1) {
                let added = batch.events.map { TortureEvent($0) }
                state.withLock { $0.events += added }
            }
        } catch {
            if !Task.isCancelled { state.withLock { $0.problem = "\(error)" } }
        }
    }

    var count: Int { state.withLock { $0.events.count } }
    var events: [TortureEvent] { state.withLock { $0.events } }
    /// Why it ended before its time.
    var problem: String? { state.withLock { $0.problem } }
}
