// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import NIOCore
internal import Synchronization

/// What all copies of a ``MicroClient`` share: the copy of the registry, and one connection a node.
final class ClientCore: Sendable {
    /// A service that has been called.
    struct Service {
        var channels: [NodeChannel] = []
        /// How many calls have been made; the selector's only state.
        var calls: UInt64 = 0
        /// Until when the last nodes are still called after the registry has lost them all; `nil` while it has some.
        var lingersUntil: NIODeadline?
        /// The paths of endpoints that have been called, to build each only once.
        var paths: [String: String] = [:]
    }

    struct State {
        var mirror = RegistryMirror()
        var services: [String: Service] = [:]
        /// Channels of calls that name an address themselves.
        var direct: [String: NodeChannel] = [:]
        var watch: Task<Void, Never>?
        var isClosed = false
    }

    /// How many paths are kept a service, so that made-up endpoints can't fill the memory.
    static let maximumPaths = 1024
    /// How long a service's last nodes are called after the registry has lost them all.
    ///
    /// A store that comes back from a long pause first ends the leases that ran out meanwhile, and only then lets the
    /// nodes register again; they do so within an interval, which is a third of this. A node that really left refuses
    /// connections, so that calls fail then as they should.
    static let lingerTime = TimeAmount.seconds(15)
    /// How many channels are kept for addresses that callers name themselves.
    static let maximumDirectChannels = 256

    let registry: any ServiceRegistry
    let configuration: MicroClient.Configuration
    let logger: Logger
    let state = Mutex(State())

    init(registry: any ServiceRegistry, configuration: MicroClient.Configuration) {
        self.registry = registry
        self.configuration = configuration
        self.logger = configuration.logger
    }

    deinit { self.state.withLock { $0.watch }?.cancel() }

    /// The node that takes a call, and the path that it is called by.
    struct Pick {
        let channel: NodeChannel
        let path: String
    }

    /// Picks a node, without waiting.
    ///
    /// - Returns: `nil` when the service isn't known, or not yet.
    func pick(_ service: String, _ endpoint: String, _ options: RequestOptions) throws -> Pick? {
        try self.state.withLock { state -> Pick? in
            guard !state.isClosed else { throw Self.closed }
            guard let index = state.services.index(forKey: service) else { return nil }
            if let end = state.services.values[index].lingersUntil, end <= .now() {
                state.services.remove(at: index)
                return nil
            }
            let path = try Self.path(service, endpoint, in: &state.services.values[index])
            let channel = try Self.choose(
                from: &state.services.values[index], service, options,
                options.selector ?? self.configuration.selector, excluding: [])
            return Pick(channel: channel, path: path)
        }
    }

    /// Picks a node that a call hasn't been tried on; `nil` when there is none.
    func pickAnother(_ service: String, _ options: RequestOptions, tried: [NodeChannel]) -> NodeChannel? {
        self.state.withLock { state in
            guard !state.isClosed, let index = state.services.index(forKey: service) else { return nil }
            return try? Self.choose(
                from: &state.services.values[index], service, options,
                options.selector ?? self.configuration.selector, excluding: tried)
        }
    }

    private static func path(_ service: String, _ endpoint: String, in state: inout Service) throws -> String {
        if let path = state.paths[endpoint] { return path }
        let path = try Self.path(service, endpoint)
        if state.paths.count < Self.maximumPaths { state.paths[endpoint] = path }
        return path
    }

    static func path(_ service: String, _ endpoint: String) throws -> String {
        guard let path = Route.path(service: service, endpoint: endpoint) else {
            throw MicroError(.badRequest, "malformed endpoint name: \"\(endpoint)\"", id: MicroError.clientID)
        }
        return path
    }

    private static func choose(
        from service: inout Service, _ name: String, _ options: RequestOptions, _ selector: NodeSelector,
        excluding tried: [NodeChannel]
    ) throws -> NodeChannel {
        let call = service.calls
        if tried.isEmpty { service.calls &+= 1 }
        if tried.isEmpty, options.filter == nil {
            let position = selector.position(call: call, count: service.channels.count) {
                service.channels.map(\.node)
            }
            let channel = service.channels[position]
            if !channel.isSkipped { return channel }
        }
        let wanted = service.channels.filter { channel in
            !tried.contains { $0 === channel } && (options.filter?(channel.node, channel.version) ?? true)
        }
        // Nodes that are all skipped are better than no node: one of them may be back.
        let reachable = wanted.filter { !$0.isSkipped }
        let candidates = reachable.isEmpty ? wanted : reachable
        guard !candidates.isEmpty else { throw MicroError.noneAvailable(name) }
        return candidates[selector.position(call: call, count: candidates.count) { candidates.map(\.node) }]
    }

    /// The channel to an address that the caller names.
    func directChannel(_ address: String) throws -> NodeChannel {
        let target = try WireAddress(registered: address)
        return try self.state.withLock { state in
            guard !state.isClosed else { throw Self.closed }
            if let channel = state.direct[address] { return channel }
            if state.direct.count >= Self.maximumDirectChannels { state.direct.removeAll() }
            let channel = try self.channel(NodeRecord(id: address, address: address), version: "", target)
            state.direct[address] = channel
            return channel
        }
    }

    private func channel(_ node: NodeRecord, version: String, _ target: WireAddress) throws -> NodeChannel {
        var configuration = WireClientConfiguration()
        configuration.backoff.initial = NodeChannel.firstPause
        configuration.backoff.maximum = NodeChannel.longestPause
        let wire = try WireClient(target, configuration: configuration, logger: self.logger)
        return NodeChannel(node: node, version: version, wire: wire)
    }

    static var closed: MicroError { MicroError(.unavailable, "the client is closed", id: MicroError.clientID) }
}

extension ClientCore {
    /// Takes a change of the registry.
    func apply(_ change: RegistryChange) {
        // Channels that go are let go of outside the lock: the last reference starts a task.
        let dropped = self.state.withLock { state -> [NodeChannel] in
            let changed = state.mirror.apply(change)
            var dropped: [NodeChannel] = []
            for name in state.services.keys where changed.contains(RegistryKey.part(name)) {
                dropped.append(contentsOf: self.rebuild(name, &state))
            }
            return dropped
        }
        _ = dropped
    }

    /// Makes the channels of a service match the registry, keeping those of nodes that stay.
    private func rebuild(_ name: String, _ state: inout State) -> [NodeChannel] {
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
                self.logger.warning(
                    "node can't be called", metadata: ["node": "\(node.id)", "error": "\(error)"])
            }
        }
        if !channels.isEmpty {
            state.services[name, default: Service()].channels = channels
            state.services[name]?.lingersUntil = nil
        } else if !old.isEmpty, state.services[name]?.lingersUntil == nil {
            state.services[name]?.lingersUntil = .now() + Self.lingerTime
        }
        return old
    }

    /// Looks up a service that hasn't been called yet in the copy of the registry.
    ///
    /// - Returns: Whether the service has nodes; `nil` while nothing has come from the registry.
    func learn(_ name: String) -> Bool? {
        self.state.withLock { state in
            guard state.mirror.isComplete else { return nil }
            if state.services[name] == nil { _ = self.rebuild(name, &state) }
            return state.services[name] != nil
        }
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
                    // A watch ends only by a fault that its registry could not mend; once a second is no burden.
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// Ends the mirror and closes every connection.
    func close() async {
        let (watch, channels) = self.state.withLock { state in
            state.isClosed = true
            let channels = state.services.values.flatMap(\.channels) + state.direct.values
            state.services = [:]
            state.direct = [:]
            defer { state.watch = nil }
            return (state.watch, channels)
        }
        watch?.cancel()
        for channel in channels { await channel.wire.close() }
    }
}
