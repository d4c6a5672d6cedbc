// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A registry inside the process, for services and clients that share it, and for tests.
///
/// Records have no time to live here: who registered them is this same process.
public final class InMemoryRegistry: ServiceRegistry {
    private struct State {
        var mirror = RegistryMirror()
        var watchers: [UInt64: AsyncStream<RegistryChange>.Continuation] = [:]
        var nextWatcher: UInt64 = 0
    }

    private let state = Mutex(State())

    /// An empty registry.
    public init() {}

    public var name: String { "memory" }

    public func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {
        self.apply(.put(record))
    }

    public func deregister(_ record: ServiceRecord) async throws {
        for node in record.nodes {
            self.apply(.remove(service: RegistryKey.part(record.name), nodeID: RegistryKey.part(node.id)))
        }
    }

    public func services(named name: String) async throws -> [ServiceRecord] {
        self.state.withLock { $0.mirror.services(named: name) }
    }

    public func services() async throws -> [ServiceRecord] {
        self.state.withLock { $0.mirror.services() }
    }

    public func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
        // Unbounded: it holds what is delivered at once below, never more than the changes of one scheduling delay.
        let (changes, continuation) = AsyncStream.makeStream(of: RegistryChange.self, bufferingPolicy: .unbounded)
        let id = self.state.withLock { state in
            continuation.yield(.snapshot(state.mirror.services()))
            state.nextWatcher += 1
            state.watchers[state.nextWatcher] = continuation
            return state.nextWatcher
        }
        defer { self.state.withLock { $0.watchers[id] = nil } }
        for await change in changes { deliver(change) }
        try Task.checkCancellation()
    }

    private func apply(_ change: RegistryChange) {
        self.state.withLock { state in
            _ = state.mirror.apply(change)
            for continuation in state.watchers.values { continuation.yield(change) }
        }
    }
}

extension ServiceRegistry where Self == InMemoryRegistry {
    /// The registry that everything in this process shares.
    public static var memory: InMemoryRegistry { InMemoryRegistry.shared }
}

extension InMemoryRegistry {
    fileprivate static let shared = InMemoryRegistry()
}
