// SPDX-License-Identifier: Apache-2.0

package import Logging
package import MartletGRPCWire
internal import NIOCore
internal import Synchronization

/// One node, the multiplexed connections to it, and what calls have found out about it.
///
/// Calls that are under way hold the channel; its connections close with the last. Until its first call a node costs a
/// few hundred bytes and no connection.
package final class NodeChannel: Sendable {
    /// What all channels of a client have in common.
    package struct Settings: Sendable {
        package var wire = WireClientConfiguration()
        package var breaker: BreakerPolicy
        package let logger: Logger
        /// Whether a node of this process is called without a socket.
        package var callsInProcess = true

        package init(breaker: BreakerPolicy = BreakerPolicy(), logger: Logger) {
            self.breaker = breaker
            self.logger = logger
        }
    }

    /// The node's id as it stands in registry keys.
    let key: String
    package let node: NodeRecord
    let version: String
    let endpoints: [EndpointRecord]?
    private let target: WireAddress
    let settings: Settings
    private let madeWire = AtomicLazyReference<WireClient>()

    private let calls = Atomic<Int>(0)
    /// When the node may be tried again, in nanoseconds of `NIODeadline`; 0 while its breaker is closed.
    private let blockedUntil = Atomic<UInt64>(0)
    /// Until when the node is out because others do better; 0 while it isn't.
    private let ejectedUntil = Atomic<UInt64>(0)
    private let badAnswers = Atomic<Int>(0)
    private let window = Window()
    let local = LocalPath()
    private let health = Mutex(Health())

    private struct Health {
        var breaker = CircuitBreaker()
        /// How often in a row the node was put out.
        var ejections = 0
    }

    /// What happened since nodes were compared last.
    private final class Window: Sendable {
        let answered = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
        let nanoseconds = Atomic<UInt64>(0)
    }

    /// - Throws: ``MicroError`` when the address can't be read.
    package init(_ node: NodeRecord, version: String, endpoints: [EndpointRecord]?, _ settings: Settings) throws {
        self.key = RegistryKey.part(node.id)
        self.node = node
        self.version = version
        self.endpoints = endpoints.flatMap { $0.isEmpty ? nil : $0 }
        self.target = try WireAddress(registered: node.address)
        self.settings = settings
    }

    deinit {
        guard let wire = self.madeWire.load() else { return }
        Task { await wire.close() }
    }

    /// Whether the channel is one to this node, and nothing about it has changed.
    func isTo(_ record: ServiceRecord, _ node: NodeRecord) -> Bool {
        self.node == node && self.version == record.version
            && self.endpoints == record.endpoints.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The connections to the node; none is made before the first call.
    func wire() throws -> WireClient {
        if let wire = self.madeWire.load() { return wire }
        var configuration = self.settings.wire
        if configuration.tls == nil, self.node.isSecure { configuration.tls = WireClientTLS() }
        let made: WireClient
        do {
            made = try WireClient(self.target, configuration: configuration, logger: self.settings.logger)
        } catch {
            throw MicroError(
                .internalServerError, "the client's certificates can't be used: \(error)", id: MicroError.clientID)
        }
        return self.madeWire.storeIfNil(made)
    }

    /// Closes the connections, if there are any.
    func close() async {
        await self.madeWire.load()?.close()
        await self.local.close()
    }

    /// The node's weight as its metadata says it; 1 where it says nothing that is a number.
    var weight: Double {
        guard let text = self.node.metadata?["weight"], let weight = Double(text), weight.isFinite, weight >= 0 else {
            return 1
        }
        return weight
    }

    /// Calls under way.
    package var outstanding: Int { self.calls.load(ordering: .relaxed) }

    // MARK: Whether to call it

    /// Whether the node may be chosen now. Costs two loads while the node is well.
    package func isUsable(_ nowNanoseconds: UInt64) -> Bool {
        self.blockedUntil.load(ordering: .relaxed) <= nowNanoseconds
            && self.ejectedUntil.load(ordering: .relaxed) <= nowNanoseconds
    }

    /// Takes the right to call a node that was chosen. `false` when another call is just trying whether it is back.
    func claim(_ nowNanoseconds: UInt64) -> Bool {
        if self.blockedUntil.load(ordering: .relaxed) == 0 { return true }
        return self.changeBreaker { $0.admits(self.settings.breaker, nowNanoseconds: nowNanoseconds) }
    }

    // MARK: What calls find out

    /// A call goes out to the node.
    package func begin() { self.calls.add(1, ordering: .relaxed) }

    /// A call has ended that ``begin()`` counted.
    ///
    /// - Parameter outcome: `answered` with a latency of zero is one that has none, a stream's for example.
    package func end(_ outcome: NodeOutcome, nowNanoseconds now: UInt64) {
        self.calls.subtract(1, ordering: .relaxed)
        switch outcome {
        case .answered(let latency):
            if latency > .zero {
                self.window.answered.add(1, ordering: .relaxed)
                self.window.nanoseconds.add(latency.nanosecondCount, ordering: .relaxed)
            }
            let isTroubled =
                self.blockedUntil.load(ordering: .relaxed) != 0 || self.badAnswers.load(ordering: .relaxed) != 0
            if isTroubled { self.changeBreaker { $0.answeredWell() } }
        case .failed:
            self.window.failed.add(1, ordering: .relaxed)
            self.changeBreaker {
                $0.answeredBadly(self.settings.breaker, nowNanoseconds: now, unit: .random(in: 0..<1))
            }
        case .unreachable:
            self.window.failed.add(1, ordering: .relaxed)
            self.changeBreaker {
                $0.lostConnection(self.settings.breaker, nowNanoseconds: now, unit: .random(in: 0..<1))
            }
        case .abandoned:
            break
        }
    }

    @discardableResult
    private func changeBreaker<Result: Sendable>(_ change: (inout CircuitBreaker) -> Result) -> Result {
        self.health.withLock { health in
            let result = change(&health.breaker)
            self.blockedUntil.store(health.breaker.blockedUntilNanoseconds, ordering: .relaxed)
            self.badAnswers.store(health.breaker.failures, ordering: .relaxed)
            return result
        }
    }

    /// What happened since the last time this was asked.
    func takeSample(_ nowNanoseconds: UInt64) -> OutlierEjection.Sample {
        let answered = self.window.answered.exchange(0, ordering: .relaxed)
        let failed = self.window.failed.exchange(0, ordering: .relaxed)
        let nanoseconds = self.window.nanoseconds.exchange(0, ordering: .relaxed)
        return OutlierEjection.Sample(
            calls: answered + failed, failures: failed, meanNanoseconds: nanoseconds / UInt64(max(answered, 1)),
            isEjected: self.ejectedUntil.load(ordering: .relaxed) > nowNanoseconds)
    }

    /// Leaves the node out for a while.
    func eject(_ policy: EjectionPolicy, nowNanoseconds: UInt64) {
        let times = self.health.withLock { health in
            health.ejections += 1
            return health.ejections
        }
        self.ejectedUntil.store(
            nowNanoseconds &+ OutlierEjection.nanoseconds(policy, times: times), ordering: .relaxed)
    }

    /// The node did as well as the others.
    func wasUnremarkable() {
        guard self.ejectedUntil.load(ordering: .relaxed) != 0 else { return }
        self.ejectedUntil.store(0, ordering: .relaxed)
        self.health.withLock { $0.ejections = 0 }
    }
}
