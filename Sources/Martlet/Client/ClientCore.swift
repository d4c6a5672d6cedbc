// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletGRPCWire
internal import NIOCore
internal import Synchronization

/// What all copies of a ``MicroClient`` share: the copy of the registry, and the connections to nodes.
///
/// Nothing of the user's runs under the lock, neither selectors and filters nor log handlers, and no channel is let go
/// of there: its last reference starts a task.
final class ClientCore: Sendable {
    /// A service that has been called.
    struct Service {
        /// Sorted by ``NodeChannel/key``.
        var channels: [NodeChannel] = []
        /// The same nodes, ready to choose from.
        var set: NodeSet
        let counters: CallCounters
        /// Until when the last nodes are still called after the registry has lost them all; `nil` while it has some.
        var lingersUntil: NIODeadline?
        /// The paths of endpoints that have been called, to build each only once.
        var paths: [String: String] = [:]

        init(_ counters: CallCounters) {
            self.counters = counters
            self.set = NodeSet([], counters)
        }
    }

    struct State {
        var mirror = RegistryMirror()
        var services: [String: Service] = [:]
        /// Channels of calls that name an address themselves.
        var direct: [String: NodeSet] = [:]
        var watch: Task<Void, Never>?
        var sleepers = MirrorSleepers()
        var isClosed = false
    }

    /// How many channels are kept for addresses that callers name themselves.
    static let maximumDirectChannels = 256

    let registry: any ServiceRegistry
    let configuration: MicroClient.Configuration
    let logger: Logger
    let channelSettings: NodeChannel.Settings
    let state = Mutex(State())

    init(registry: any ServiceRegistry, configuration: MicroClient.Configuration) {
        self.registry = registry
        self.configuration = configuration
        self.logger = configuration.logger
        var settings = NodeChannel.Settings(breaker: configuration.breaker, logger: configuration.logger)
        settings.wire.connectTimeout = Self.amount(configuration.connectTimeout)
        settings.wire.backoff.initial = Self.amount(configuration.breaker.firstPause)
        settings.wire.backoff.maximum = Self.amount(configuration.breaker.maximumPause)
        settings.wire.maximumConnections = max(1, configuration.pool.maximumConnections)
        settings.wire.maximumAge = configuration.pool.maximumAge.map(Self.amount)
        settings.wire.tls = configuration.tls?.client
        settings.callsInProcess = configuration.callsInProcess
        settings.wire.idleTimeout = configuration.pool.idleTimeout.map(Self.amount)
        self.channelSettings = settings
    }

    deinit { self.state.withLock { $0.watch }?.cancel() }

    private static func amount(_ duration: Duration) -> TimeAmount {
        min(TimeAmount(duration), Self.longestTimeout)
    }

    func makeCounters() -> CallCounters {
        CallCounters(
            offset: .random(in: 0...UInt64(UInt32.max)), nowNanoseconds: NIODeadline.now().uptimeNanoseconds,
            lookInterval: self.configuration.ejection?.interval.nanosecondCount ?? 0)
    }

    /// The one node behind an address that the caller names.
    func directSet(_ address: String) throws -> NodeSet {
        var dropped: [String: NodeSet] = [:]
        defer { withExtendedLifetime(dropped) {} }
        return try self.state.withLock { state in
            guard !state.isClosed else { throw Self.closed }
            if let set = state.direct[address] { return set }
            if state.direct.count >= Self.maximumDirectChannels { swap(&dropped, &state.direct) }
            let channel = try NodeChannel(
                NodeRecord(id: address, address: address), version: "", endpoints: nil, self.channelSettings)
            let set = NodeSet([channel], self.makeCounters())
            state.direct[address] = set
            return set
        }
    }

    /// Ends the mirror and closes every connection.
    func close() async {
        let (watch, channels, sleepers) = self.state.withLock { state in
            state.isClosed = true
            let channels = state.services.values.flatMap(\.channels) + state.direct.values.flatMap(\.channels)
            state.services = [:]
            state.direct = [:]
            defer { state.watch = nil }
            return (state.watch, channels, state.sleepers.removeAll())
        }
        watch?.cancel()
        for sleeper in sleepers { sleeper.resume() }
        for channel in channels { await channel.close() }
    }

    static var closed: MicroError { MicroError(.unavailable, "the client is closed", id: MicroError.clientID) }
}
