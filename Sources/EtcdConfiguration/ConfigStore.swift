// SPDX-License-Identifier: Apache-2.0

internal import Configuration
internal import MartletEtcdClient
internal import Synchronization

/// The values that were read last, and who is to be told of the next ones.
final class ConfigStore: Sendable {
    typealias ValueUpdates = AsyncStream<Result<LookupResult, any Error>>
    typealias SnapshotUpdates = AsyncStream<any ConfigSnapshot>

    private struct ValueWatcher {
        var name: String
        var type: ConfigType
        var sink: ValueUpdates.Continuation
    }

    private struct State {
        var snapshot: EtcdConfigSnapshot
        var values: [UInt64: ValueWatcher] = [:]
        var snapshots: [UInt64: SnapshotUpdates.Continuation] = [:]
        var lastID: UInt64 = 0

        mutating func makeID() -> UInt64 {
            self.lastID += 1
            return self.lastID
        }

        /// Takes the next snapshot in, and tells those whom it concerns. Told under the lock, so that nobody is told
        /// older things after newer ones; a stream takes them without running anybody's code.
        mutating func replace(by next: EtcdConfigSnapshot) {
            let last = self.snapshot
            self.snapshot = next
            guard next.values != last.values else { return }
            for watcher in self.values.values where next.values[watcher.name] != last.values[watcher.name] {
                watcher.sink.yield(next.update(watcher.name, watcher.type))
            }
            for sink in self.snapshots.values { sink.yield(next) }
        }
    }

    private let state: Mutex<State>

    init(_ snapshot: EtcdConfigSnapshot) { self.state = Mutex(State(snapshot: snapshot)) }

    var snapshot: EtcdConfigSnapshot { self.state.withLock { $0.snapshot } }

    func replace(by next: EtcdConfigSnapshot) { self.state.withLock { $0.replace(by: next) } }

    func change(by batch: EtcdWatch.Batch) {
        self.state.withLock { state in
            var next = state.snapshot
            for event in batch.events {
                next.values[event.keyValue.keyText] = event.kind == .put ? event.keyValue.value : nil
            }
            next.revision = max(next.revision, batch.events.last?.keyValue.modRevision ?? batch.revision)
            state.replace(by: next)
        }
    }

    /// What a key holds now, and each time that changes.
    func watch(name: String, type: ConfigType) -> (ValueUpdates, UInt64) {
        let (updates, sink) = ValueUpdates.makeStream(bufferingPolicy: .bufferingNewest(1))
        return self.state.withLock { state in
            let id = state.makeID()
            state.values[id] = ValueWatcher(name: name, type: type, sink: sink)
            sink.yield(state.snapshot.update(name, type))
            return (updates, id)
        }
    }

    /// What everything is now, and each time that changes.
    func watchSnapshots() -> (SnapshotUpdates, UInt64) {
        let (updates, sink) = SnapshotUpdates.makeStream(bufferingPolicy: .bufferingNewest(1))
        return self.state.withLock { state in
            let id = state.makeID()
            state.snapshots[id] = sink
            sink.yield(state.snapshot)
            return (updates, id)
        }
    }

    func forget(_ id: UInt64) {
        self.state.withLock { state in
            state.values[id] = nil
            state.snapshots[id] = nil
        }
    }
}

extension EtcdConfigSnapshot {
    fileprivate func update(_ name: String, _ type: ConfigType) -> Result<LookupResult, any Error> {
        Result { try self.layout.result(name, self.values[name], type) }
    }
}
