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
        var sets: [NodeSet] = []
        var refused: [(node: NodeRecord, error: any Error)] = []
    }

    /// Takes a change of the registry.
    ///
    /// Complexity: of one node's change O(n) for the n nodes of its service, as cheap as copying a list of them.
    func apply(_ change: RegistryChange) {
        var leftovers = Leftovers()
        let sleepers = self.state.withLock { state in
            let changed = state.mirror.apply(change)
            for name in state.services.keys where changed.contains(RegistryKey.part(name)) {
                switch change {
                case .snapshot: self.rebuild(name, &state, &leftovers)
                case .put(let record): self.put(record, name, &state, &leftovers)
                case .remove(_, let nodeID): self.remove(nodeID, name, &state, &leftovers)
                }
            }
            return state.sleepers.changed()
        }
        for sleeper in sleepers { sleeper.resume() }
        self.tell(leftovers)
    }

    /// Makes the channels of a service match the registry, keeping those of nodes that stay.
    private func rebuild(_ name: String, _ state: inout State, _ leftovers: inout Leftovers) {
        var service = state.services[name] ?? Service(self.makeCounters())
        let old = Dictionary(service.channels.map { ($0.key, $0) }) { first, _ in first }
        var channels: [NodeChannel] = []
        for record in state.mirror.records(of: name) {
            for node in record.nodes {
                let same = old[RegistryKey.part(node.id)].flatMap { $0.isTo(record, node) ? $0 : nil }
                if let channel = same ?? self.channel(node, record, &leftovers) { channels.append(channel) }
            }
        }
        // A service without nodes, none of old either, isn't one that is called.
        if channels.isEmpty, service.channels.isEmpty { return }
        self.take(channels, &service, &leftovers)
        state.services[name] = service
    }

    /// One node appeared or changed.
    private func put(_ record: ServiceRecord, _ name: String, _ state: inout State, _ leftovers: inout Leftovers) {
        guard var service = state.services.removeValue(forKey: name) else { return }
        defer { state.services[name] = service }
        // Nodes that only linger give way to the first that is really there.
        let lingering = service.lingersUntil == nil ? [] : service.channels
        var channels = service.lingersUntil == nil ? service.channels : []
        for node in record.nodes {
            let key = RegistryKey.part(node.id)
            let position = channels.position(of: key)
            let isThere = position < channels.count && channels[position].key == key
            let same = isThere ? channels[position] : lingering.first { $0.key == key }
            let kept = same.flatMap { $0.isTo(record, node) ? $0 : nil }
            let channel = kept ?? self.channel(node, record, &leftovers)
            switch (channel, isThere) {
            case (let channel?, true): channels[position] = channel
            case (let channel?, false): channels.insert(channel, at: position)
            case (nil, true): channels.remove(at: position)
            case (nil, false): break
            }
        }
        self.take(channels, &service, &leftovers)
    }

    /// One node went.
    private func remove(_ nodeID: String, _ name: String, _ state: inout State, _ leftovers: inout Leftovers) {
        guard var service = state.services.removeValue(forKey: name) else { return }
        defer { state.services[name] = service }
        guard service.lingersUntil == nil else { return }
        var channels = service.channels
        let position = channels.position(of: nodeID)
        guard position < channels.count, channels[position].key == nodeID else { return }
        channels.remove(at: position)
        self.take(channels, &service, &leftovers)
    }

    private func take(_ channels: [NodeChannel], _ service: inout Service, _ leftovers: inout Leftovers) {
        if !channels.isEmpty {
            // It holds the old channels as well.
            leftovers.sets.append(service.set)
            service.channels = channels
            service.set = NodeSet(channels, service.counters)
            service.lingersUntil = nil
        } else if !service.channels.isEmpty, service.lingersUntil == nil {
            service.lingersUntil = .now() + Self.lingerTime
        }
    }

    private func channel(
        _ node: NodeRecord, _ record: ServiceRecord, _ leftovers: inout Leftovers
    ) -> NodeChannel? {
        do {
            return try NodeChannel(
                node, version: record.version, endpoints: record.endpoints, self.channelSettings)
        } catch {
            leftovers.refused.append((node, error))
            return nil
        }
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

extension [NodeChannel] {
    /// Where a key is, or would stand, in a list that is sorted by key.
    fileprivate func position(of key: String) -> Int {
        var (low, high) = (0, self.count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
