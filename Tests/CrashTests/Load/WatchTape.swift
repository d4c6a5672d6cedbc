// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import Synchronization

/// A watch of everything that goes on across restarts, and all it has delivered.
final class WatchTape: Sendable {
    private let events = Mutex<[HistoryEvent]>([])
    private let failure = Mutex<String?>(nil)

    /// Runs until its task is cancelled.
    func run(_ client: EtcdClient) async {
        do {
            for try await batch in client.watch(.all, from: 1) {
                let added = batch.events.map { HistoryEvent($0) }
                events.withLock { $0 += added }
            }
        } catch {
            if !Task.isCancelled { failure.withLock { $0 = "\(error)" } }
        }
    }

    var count: Int { events.withLock { $0.count } }

    func events(from index: Int) -> ArraySlice<HistoryEvent> { events.withLock { $0[index...] } }

    /// Why it ended before its time.
    var problem: String? { failure.withLock { $0 } }
}

extension HistoryEvent {
    init(_ event: EtcdEvent) {
        let isPut = event.kind == .put
        self.init(
            revision: event.keyValue.modRevision, key: event.keyValue.keyText,
            value: isPut ? TestValue.text(event.keyValue.value) : nil,
            createRevision: isPut ? event.keyValue.createRevision : 0,
            version: isPut ? event.keyValue.version : 0, lease: event.keyValue.leaseID.rawValue)
    }
}

extension StoredKey {
    init(_ keyValue: EtcdKeyValue) {
        self.init(
            value: TestValue.text(keyValue.value), createRevision: keyValue.createRevision,
            modRevision: keyValue.modRevision,
            version: keyValue.version, lease: keyValue.leaseID.rawValue)
    }
}
