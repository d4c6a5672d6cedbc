// SPDX-License-Identifier: Apache-2.0

package import Logging
internal import Synchronization

/// Another registry, in which a node is only while its own check says that it can work.
///
/// See ``RegistrationOptions/check``. Without a check it adds nothing.
package final class CheckedRegistry: ServiceRegistry {
    private let registry: any ServiceRegistry
    private let logger: Logger
    private let checks = Mutex<[String: RegistrationCheck]>([:])

    package init(_ registry: any ServiceRegistry, logger: Logger = Logger(label: "martlet.registry")) {
        self.registry = registry
        self.logger = logger
    }

    package var name: String { self.registry.name }

    package func register(_ record: ServiceRecord, options: RegistrationOptions) async throws {
        await self.checks.withLock { $0.removeValue(forKey: Self.key(record)) }?.stop()
        guard let check = options.check else { return try await self.registry.register(record, options: options) }
        let upkeep = RegistrationCheck(self.registry, record, options, check, self.logger)
        self.checks.withLock { $0[Self.key(record)] = upkeep }
        try await upkeep.start()
    }

    package func deregister(_ record: ServiceRecord) async throws {
        await self.checks.withLock { $0.removeValue(forKey: Self.key(record)) }?.stop()
        try await self.registry.deregister(record)
    }

    package func services(named name: String) async throws -> [ServiceRecord] {
        try await self.registry.services(named: name)
    }

    package func services() async throws -> [ServiceRecord] { try await self.registry.services() }

    package func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws {
        try await self.registry.watch(deliver)
    }

    private static func key(_ record: ServiceRecord) -> String {
        record.nodes.map { RegistryKey.node(service: record.name, id: $0.id) }.joined(separator: " ")
    }
}

/// Asks a node's check once an interval, and registers the node or takes it out by what it says.
private actor RegistrationCheck {
    private let registry: any ServiceRegistry
    private let record: ServiceRecord
    private let options: RegistrationOptions
    private let check: @Sendable () async throws -> Bool
    private let logger: Logger
    private var upkeep: Task<Void, Never>?
    private var isRegistered = false

    init(
        _ registry: any ServiceRegistry, _ record: ServiceRecord, _ options: RegistrationOptions,
        _ check: @escaping @Sendable () async throws -> Bool, _ logger: Logger
    ) {
        self.registry = registry
        self.record = record
        self.options = options
        self.check = check
        self.logger = logger
    }

    deinit { self.upkeep?.cancel() }

    /// - Throws: when the node isn't registered yet; it will be as soon as its check says so.
    func start() async throws {
        self.upkeep = Task { [weak self, interval = self.options.interval] in
            while interval > .zero {
                do { try await Task.sleep(for: interval.sleepable) } catch { return }
                guard let self else { return }
                await self.look()
            }
        }
        try await self.apply(await self.passes())
        guard self.isRegistered else {
            throw MicroError(.unavailable, "the check of node \(self.record.nodes.first?.id ?? "") doesn't pass")
        }
    }

    func stop() async {
        self.upkeep?.cancel()
        await self.upkeep?.value
        self.upkeep = nil
    }

    private func look() async {
        do {
            try await self.apply(await self.passes())
        } catch is CancellationError {
            // The registration ends.
        } catch {
            self.logger.warning(
                "registration not changed", metadata: ["service": "\(self.record.name)", "error": "\(error)"])
        }
    }

    private func apply(_ passes: Bool) async throws {
        guard passes != self.isRegistered, !Task.isCancelled else { return }
        let metadata: Logger.Metadata = [
            "service": "\(self.record.name)", "node": "\(self.record.nodes.first?.id ?? "")",
        ]
        if passes {
            // The registry keeps at it even if this attempt fails.
            self.isRegistered = true
            try await self.registry.register(self.record, options: self.options)
            self.logger.info("the check passes, registered", metadata: metadata)
        } else {
            self.logger.warning("the check fails, leaving the registry", metadata: metadata)
            try await self.registry.deregister(self.record)
            self.isRegistered = false
        }
    }

    /// What the check says; one that isn't done within an interval says no.
    private func passes() async -> Bool {
        (try? await withTimeLimit(self.options.interval, self.check)) ?? false
    }
}
