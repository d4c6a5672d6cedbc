// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import NIOCore
internal import Synchronization

extension ClientCore {
    /// How long a service's last nodes are called after the registry has lost them all.
    ///
    /// A store that comes back from a long pause first ends the leases that ran out meanwhile, and only then lets the
    /// nodes register again; they do so within an interval, which is a third of this. A node that really left refuses
    /// connections, so that calls fail then as they should.
    static let lingerTime = TimeAmount.seconds(15)
    /// The pause before a registry's watch is begun again. It ends only by a fault that the registry could not mend;
    /// once a second is no burden.
    static let watchPause = Duration.seconds(1)

    /// What making a service's channels left behind, to be dealt with outside the lock.
    private struct Leftovers {
        var channels: [NodeChannel] = []
        var refused: [(node: NodeRecord, error: any Error)] = []
    }

    /// Takes a change of the registry.
    func apply(_ change: RegistryChange) {
        var leftovers = Leftovers()
        let sleepers = self.state.withLock { state in
            let changed = state.mirror.apply(change)
            for name in state.services.keys where changed.contains(RegistryKey.part(name)) {
                self.rebuild(name, &state, &leftovers)
            }
            return state.sleepers.changed()
        }
        for sleeper in sleepers { sleeper.resume() }
        self.tell(leftovers)
    }

    /// Makes the channels of a service match the registry, keeping those of nodes that stay.
    private func rebuild(_ name: String, _ state: inout State, _ leftovers: inout Leftovers) {
        let old = state.services[name]?.channels ?? []
        var channels: [NodeChannel] = []
        for (node, version) in state.mirror.nodes(of: name) {
            if let same = old.first(where: { $0.node == node && $0.version == version }) {
                channels.append(same)
                continue
            }
            do {
                channels.append(
                    try self.channel(node, version: version, try WireAddress(registered: node.address)))
            } catch {
                leftovers.refused.append((node, error))
            }
        }
        if !channels.isEmpty {
            state.services[name, default: Service()].channels = channels
            state.services[name]?.lingersUntil = nil
        } else if !old.isEmpty, state.services[name]?.lingersUntil == nil {
            state.services[name]?.lingersUntil = .now() + Self.lingerTime
        }
        leftovers.channels += old
    }

    private func tell(_ leftovers: Leftovers) {
        for (node, error) in leftovers.refused {
            self.logger.warning("node can't be called", metadata: ["node": "\(node.id)", "error": "\(error)"])
        }
    }

    /// What the copy of the registry knows of a service.
    struct Look {
        /// Whether the service has nodes; `nil` while nothing has come from the registry.
        let isKnown: Bool?
        /// How many changes the copy has seen.
        let changes: UInt64
    }

    /// Looks up a service that hasn't been called yet in the copy of the registry.
    func look(for name: String) throws -> Look {
        var leftovers = Leftovers()
        let look = try self.state.withLock { state in
            guard !state.isClosed else { throw Self.closed }
            guard state.mirror.isComplete else { return Look(isKnown: nil, changes: state.sleepers.changes) }
            if state.services[name] == nil { self.rebuild(name, &state, &leftovers) }
            return Look(isKnown: state.services[name] != nil, changes: state.sleepers.changes)
        }
        self.tell(leftovers)
        return look
    }

    /// Waits for a change of the copy after those that were seen, for the end of the client, or until a moment.
    func nextChange(after seen: UInt64, until end: ContinuousClock.Instant) async throws {
        let number = self.state.withLock { $0.sleepers.makeNumber() }
        let limit = Task {
            try await Task.sleep(until: end, clock: .continuous)
            self.wake(number)
        }
        defer { limit.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { sleeper in
                let mustWait = self.state.withLock { state in
                    // Whoever wakes takes the lock as well: what has happened by now is seen here, what happens from
                    // now on finds the sleeper.
                    guard !state.isClosed, state.sleepers.changes == seen, !Task.isCancelled, ContinuousClock.now < end
                    else { return false }
                    state.sleepers.add(sleeper, number: number)
                    return true
                }
                if !mustWait { sleeper.resume() }
            }
        } onCancel: {
            self.wake(number)
        }
        try Task.checkCancellation()
    }

    private func wake(_ number: UInt64) {
        self.state.withLock { $0.sleepers.remove(number: number) }?.resume()
    }

    /// Starts to mirror the registry, once.
    func startWatching() {
        self.state.withLock { state in
            guard state.watch == nil, !state.isClosed else { return }
            state.watch = Task { [weak self, registry] in
                while !Task.isCancelled {
                    do {
                        try await registry.watch { [weak self] change in self?.apply(change) }
                    } catch is CancellationError {
                        return
                    } catch {
                        self?.logger.warning("registry watch failed", metadata: ["error": "\(error)"])
                    }
                    try? await Task.sleep(for: Self.watchPause)
                }
            }
        }
    }
}
