// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import NIOCore
internal import Synchronization

/// What all copies of a ``MicroClient`` share: the copy of the registry, and one connection a node.
///
/// Nothing of the user's runs under the lock, neither selectors and filters nor log handlers, and no channel is let go
/// of there: its last reference starts a task.
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
        var sleepers = MirrorSleepers()
        var isClosed = false
    }

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

    /// The channel to an address that the caller names.
    func directChannel(_ address: String) throws -> NodeChannel {
        let target = try WireAddress(registered: address)
        var dropped: [String: NodeChannel] = [:]
        defer { withExtendedLifetime(dropped) {} }
        return try self.state.withLock { state in
            guard !state.isClosed else { throw Self.closed }
            if let channel = state.direct[address] { return channel }
            if state.direct.count >= Self.maximumDirectChannels { swap(&dropped, &state.direct) }
            let channel = try self.channel(NodeRecord(id: address, address: address), version: "", target)
            state.direct[address] = channel
            return channel
        }
    }

    /// A channel to a node; nothing is connected yet.
    func channel(_ node: NodeRecord, version: String, _ target: WireAddress) throws -> NodeChannel {
        var configuration = WireClientConfiguration()
        configuration.connectTimeout = min(TimeAmount(self.configuration.connectTimeout), Self.longestTimeout)
        configuration.backoff.initial = NodeChannel.firstPause
        configuration.backoff.maximum = NodeChannel.longestPause
        let wire = try WireClient(target, configuration: configuration, logger: self.logger)
        return NodeChannel(node: node, version: version, wire: wire)
    }

    /// Ends the mirror and closes every connection.
    func close() async {
        let (watch, channels, sleepers) = self.state.withLock { state in
            state.isClosed = true
            let channels = state.services.values.flatMap(\.channels) + state.direct.values
            state.services = [:]
            state.direct = [:]
            defer { state.watch = nil }
            return (state.watch, channels, state.sleepers.removeAll())
        }
        watch?.cancel()
        for sleeper in sleepers { sleeper.resume() }
        for channel in channels { await channel.wire.close() }
    }

    static var closed: MicroError { MicroError(.unavailable, "the client is closed", id: MicroError.clientID) }
}
