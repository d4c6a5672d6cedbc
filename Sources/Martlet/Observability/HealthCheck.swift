// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletWireServices
internal import Synchronization

/// Something that a service needs to be well.
struct HealthCheck: Sendable {
    let name: String
    let interval: Duration
    let timeout: Duration
    let check: @Sendable () async throws -> Void
}

extension MicroService {
    /// Checks something that the service needs, again and again.
    ///
    /// `grpc.health.v1` and go-micro's `Debug.Health` tell of it: the check by its name, and the service as a whole,
    /// which serves only while all its checks pass. Each is run once before the service registers.
    ///
    /// - Parameters:
    ///   - name: What is checked, `db` for example.
    ///   - interval: The pause between two checks.
    ///   - timeout: How long a check may take; longer is a failure.
    ///   - check: Returns when all is well, throws when it isn't.
    public mutating func healthCheck(
        _ name: String, interval: Duration = .seconds(10), timeout: Duration = .seconds(2),
        _ check: @escaping @Sendable () async throws -> Void
    ) {
        precondition(!self.healthChecks.contains { $0.name == name }, "two health checks named \(name)")
        self.healthChecks.append(HealthCheck(name: name, interval: interval, timeout: timeout, check: check))
    }
}

/// Which checks of a service fail now.
final class HealthState: Sendable {
    private let failing = Mutex<Set<String>>([])

    /// The names of the checks that fail, sorted.
    var failures: [String] { self.failing.withLock { $0.sorted() } }

    /// Notes how a check went. `tell` runs where that changed something, with whether all checks pass now; under the
    /// lock, so that no two changes pass one another.
    ///
    /// - Returns: Whether it changed anything.
    func set(_ name: String, passes: Bool, tell: (_ allPass: Bool) -> Void) -> Bool {
        self.failing.withLock { failing in
            let isChange = passes ? failing.remove(name) != nil : failing.insert(name).inserted
            if isChange { tell(failing.isEmpty) }
            return isChange
        }
    }
}

/// Runs the checks of a service, and tells the table of `grpc.health.v1`.
final class HealthMonitor: Sendable {
    private let checks: [HealthCheck]
    private let table: HealthTable
    /// The names under which the service as a whole is known; the empty one is the server.
    private let names: [String]
    private let state: HealthState
    private let logger: Logger
    private let tasks = Mutex<[Task<Void, Never>]>([])

    init(checks: [HealthCheck], table: HealthTable, names: [String], state: HealthState, logger: Logger) {
        self.checks = checks
        self.table = table
        self.names = [""] + names
        self.state = state
        self.logger = logger
        for name in self.names { table.set(.serving, for: name) }
    }

    /// Runs each check once, all at the same time, and from then on at its interval.
    func start() async {
        await withTaskGroup(of: Void.self) { group in
            for check in self.checks { group.addTask { await self.run(check) } }
        }
        let tasks = self.checks.map { check in
            Task {
                while (try? await Task.sleep(for: check.interval.sleepable)) != nil { await self.run(check) }
            }
        }
        self.tasks.withLock { $0 = tasks }
    }

    func stop() {
        for task in self.tasks.withLock({ $0 }) { task.cancel() }
    }

    private func run(_ check: HealthCheck) async {
        var failure: (any Error)?
        do {
            try await withTimeLimit(check.timeout, check.check)
        } catch {
            failure = error
        }
        guard !Task.isCancelled else { return }
        let isChange = self.state.set(check.name, passes: failure == nil) { allPass in
            for name in self.names { self.table.set(allPass ? .serving : .notServing, for: name) }
        }
        if !self.names.contains(check.name) {
            self.table.set(failure == nil ? .serving : .notServing, for: check.name)
        }
        guard isChange else { return }
        if let failure {
            self.logger.warning("health check fails", metadata: ["check": "\(check.name)", "error": "\(failure)"])
        } else {
            self.logger.info("health check passes again", metadata: ["check": "\(check.name)"])
        }
    }
}
