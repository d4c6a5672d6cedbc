// SPDX-License-Identifier: Apache-2.0

package import Logging
internal import NIOCore
internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A registry without a server: nodes tell each other on the local network that they exist.
///
/// It is go-micro's default registry, and speaks with it. For development and for small networks whose members trust
/// each other: whoever is on the link may register anything.
public final class MulticastDNSRegistry: ServiceRegistry {
    /// How the registry speaks.
    public struct Configuration: Sendable {
        /// The domain of all names; go-micro's is `micro`.
        public var domain = "micro"

        /// How long answers are waited for. go-micro waits 100 ms; a busy machine takes a little longer.
        public var patience = Duration.milliseconds(200)

        public init() {}
    }

    private struct State {
        var core: MulticastCore
        var listed: Set<String> = []
        var watchers: [UInt64: AsyncStream<RegistryChange>.Continuation] = [:]
        var lastWatcher: UInt64 = 0
        var ticks: Task<Void, Never>?
    }

    private let configuration: Configuration
    private let transport: any MulticastTransport
    private let state: Mutex<State>
    private let opening = Opening()
    private let logger: Logger

    /// How often time is looked at: records live for whole seconds.
    private static let tick = Duration.milliseconds(500)

    public convenience init(configure: (inout Configuration) -> Void = { _ in }) {
        var configuration = Configuration()
        configure(&configuration)
        self.init(configuration, SocketMulticastTransport())
    }

    package init(
        _ configuration: Configuration, _ transport: any MulticastTransport,
        logger: Logger = Logger(label: "martlet.registry")
    ) {
        self.configuration = configuration
        self.transport = transport
        self.logger = logger
        var name = [CChar](repeating: 0, count: 256)
        let isNamed = gethostname(&name, name.count - 1) == 0
        let host = isNamed ? String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self) : ""
        self.state = Mutex(State(core: MulticastCore(domain: configuration.domain, host: host)))
    }

    deinit {
        self.state.withLock { $0.ticks }?.cancel()
        let transport = self.transport
        Task { await transport.close() }
    }

    public var name: String { "mdns" }

    public func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {
        try await self.open()
        let ttl = UInt32(clamping: max(1, options.ttl.components.seconds))
        try self.step { core throws(MicroError) in
            try core.register(
                record, ttlSeconds: ttl, intervalNanoseconds: options.interval.nanosecondCount,
                nowNanoseconds: Self.now)
        }
    }

    public func deregister(_ record: ServiceRecord) async throws {
        try await self.open()
        self.step { $0.deregister(record) }
    }

    public func services(named name: String) async throws -> [ServiceRecord] {
        try await self.open()
        self.step { $0.query(name) }
        try await Task.sleep(for: self.configuration.patience.sleepable)
        return RegistryMirror.grouped(self.state.withLock { $0.core.records(of: name) })
    }

    public func services() async throws -> [ServiceRecord] {
        try await self.open()
        try await self.list()
        return RegistryMirror.grouped(self.state.withLock { $0.core.records })
    }

    public func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
        try await self.open()
        try await self.list()
        // Unbounded: it holds what is delivered at once below, never more than the changes of one scheduling delay.
        let (changes, continuation) = AsyncStream.makeStream(of: RegistryChange.self, bufferingPolicy: .unbounded)
        let id = self.state.withLock { state in
            continuation.yield(.snapshot(state.core.records))
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = continuation
            return state.lastWatcher
        }
        defer { self.state.withLock { _ = $0.watchers.removeValue(forKey: id) } }
        for await change in changes { deliver(change) }
        try Task.checkCancellation()
    }

    /// Asks for all services, then for the nodes of each.
    private func list() async throws {
        self.step { $0.query(nil) }
        try await Task.sleep(for: self.configuration.patience.sleepable)
        for service in self.state.withLock({ $0.listed.sorted() }) { self.step { $0.query(service) } }
        try await Task.sleep(for: self.configuration.patience.sleepable)
    }

    /// Begins to listen, once; again with the next request if that failed.
    private func open() async throws {
        try await self.opening.once {
            try await self.transport.open { [weak self] packet in self?.received(packet) }
            let ticks = Task { [weak self] in
                while !Task.isCancelled {
                    try? await Task.sleep(for: Self.tick)
                    guard let self else { return }
                    self.step { $0.tick(Self.now) }
                }
            }
            self.state.withLock { $0.ticks = ticks }
        }
    }

    private func received(_ packet: [UInt8]) {
        self.state.withLock { state in
            // What others list is asked for, within the limit of what can be remembered.
            let listed = state.core.listedServices(packet)
            if state.listed.count + listed.count <= MulticastCore.maximumNodes { state.listed.formUnion(listed) }
        }
        self.step { $0.receive(packet, nowNanoseconds: Self.now) }
    }

    /// Runs one step and does what it asks for.
    private func step<Failure: Error>(
        _ body: (inout MulticastCore) throws(Failure) -> MulticastCore.Effects
    ) throws(Failure) {
        let outcome = self.state.withLock { state -> Result<MulticastCore.Effects, Failure> in
            do throws(Failure) {
                let effects = try body(&state.core)
                for change in effects.changes {
                    for watcher in state.watchers.values { watcher.yield(change) }
                }
                return .success(effects)
            } catch {
                return .failure(error)
            }
        }
        for packet in try outcome.get().packets { self.transport.send(packet) }
    }

    private static var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    /// Runs something once; those who come meanwhile wait for it.
    private actor Opening {
        private var task: Task<Void, any Error>?

        func once(_ body: @escaping @Sendable () async throws -> Void) async throws {
            let task = self.task ?? Task { try await body() }
            self.task = task
            do {
                try await task.value
            } catch {
                if self.task == task { self.task = nil }
                throw error
            }
        }
    }
}

extension ServiceRegistry where Self == MulticastDNSRegistry {
    /// The local network: nothing to run, nothing to set.
    public static var mdns: MulticastDNSRegistry { MulticastDNSRegistry() }

    /// The local network, by settings of one's own.
    public static func mdns(
        configure: (inout MulticastDNSRegistry.Configuration) -> Void
    ) -> MulticastDNSRegistry {
        MulticastDNSRegistry(configure: configure)
    }
}
