// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// A lease that is kept alive for as long as some work goes on: what locks, leaderships and registrations live by.
///
/// A session is lost when its lease is: revoked by somebody, or ended because no renewal came through in time. The
/// client notices by its own clock, which runs out no later than the server's, so that a session is never taken for
/// alive after the server has given its keys to others; but for the time that a process is held up between a look at
/// ``isAlive`` and what it does then. Where even that matters, make the write depend on the key that is held
/// (``EtcdLock/condition``), or send along the ``EtcdLock/fencingToken``.
public final class EtcdSession: Sendable {
    private struct State {
        var pace: LeasePace
        var loss: EtcdError?
        var isOver = false
        var lastPlace = 0
    }

    /// The least time for a renewal: below that a healthy server across a slow network would be left.
    private static let shortestAttempt = Duration.milliseconds(500)

    public let client: EtcdClient
    public let lease: EtcdLease
    private let state: Mutex<State>

    /// The lease; keys put with it go when the session ends or is lost.
    public var leaseID: EtcdLeaseID { self.lease.id }

    private init(_ client: EtcdClient, _ lease: EtcdLease, _ pace: LeasePace) {
        self.client = client
        self.lease = lease
        self.state = Mutex(State(pace: pace))
    }

    /// Grants the lease of a new session, which nobody renews yet.
    static func start(_ client: EtcdClient, ttlSeconds: Int64) async throws -> EtcdSession {
        var pace = LeasePace()
        let sent = ContinuousClock.now
        let lease = try await client.grantLease(ttlSeconds: ttlSeconds)
        _ = pace.renewed(ttlSeconds: lease.ttlSeconds, at: sent)
        return EtcdSession(client, lease, pace)
    }

    /// Whether the lease is certain to be there still.
    public var isAlive: Bool {
        self.state.withLock { state in
            state.loss == nil && !state.isOver && state.pace.end.map { ContinuousClock.now < $0 } ?? false
        }
    }

    /// Throws once the session is lost, or over.
    public func checkAlive() throws(EtcdError) {
        guard !self.isAlive else { return }
        throw self.state.withLock { $0.loss } ?? Self.lost("its time ran out")
    }

    /// A number that no other key of this session has.
    func makePlaceNumber() -> Int {
        self.state.withLock { state in
            state.lastPlace += 1
            return state.lastPlace
        }
    }

    /// Renews the lease until it is lost.
    ///
    /// - Returns: Why it is.
    /// - Throws: `CancellationError`, nothing else.
    func renewUntilLost() async throws -> EtcdError {
        var pause = LeasePace.pause(ttlSeconds: self.lease.ttlSeconds)
        while true {
            try await Task.sleep(for: pause)
            let sent = ContinuousClock.now
            let left = self.state.withLock { $0.pace.end }.map { sent.duration(to: $0) } ?? .zero
            do {
                guard left > .zero else { return self.lose(Self.lost("no renewal came through in time")) }
                // As long as the pause between two renewals; then another server is tried.
                let limit = max(LeasePace.pause(ttlSeconds: self.lease.ttlSeconds), Self.shortestAttempt)
                let ttlSeconds = try await self.client.keepAliveOnce(self.lease.id, within: min(left, limit))
                pause = self.state.withLock { $0.pace.renewed(ttlSeconds: ttlSeconds, at: sent) }
            } catch let error as EtcdError where error.code == .unavailable || error.code == .timeout {
                let retry = self.state.withLock { $0.pace.failed(at: .now) }
                guard let retry else {
                    return self.lose(Self.lost("no server could be reached in time: \(error.message)"))
                }
                pause = min(retry, max(left, .zero))
            } catch let error as EtcdError {
                return self.lose(Self.lost(error.message))
            }
        }
    }

    private static func lost(_ reason: String) -> EtcdError {
        EtcdError(.sessionLost, "the session was lost: \(reason)")
    }

    private func lose(_ error: EtcdError) -> EtcdError {
        self.state.withLock { $0.loss = $0.loss ?? error }
        return error
    }

    /// Ends the session: revokes its lease, and with it all keys that live by it, also for a cancelled task.
    func end() async {
        let isLost = self.state.withLock { state in
            state.isOver = true
            return state.loss != nil
        }
        // Of a lease that is gone there is nothing to revoke, and one that can't be reached ends by itself.
        guard !isLost else { return }
        await Task { try? await self.client.revokeLease(self.lease.id) }.value
    }
}

extension EtcdClient {
    /// How long sessions outlive a client that has gone without a word.
    public static let defaultSessionSeconds: Int64 = 10

    /// Runs some work with a session.
    ///
    /// When the session is lost the work's task is cancelled. When the work ends, its lease is revoked.
    ///
    /// - Parameters:
    ///   - ttlSeconds: How long the session's keys outlive a client that has gone without a word. The server may raise
    ///     it.
    ///   - body: The work.
    /// - Throws: ``EtcdError/Code/sessionLost`` when the session was lost while the work went on, whatever the work
    ///   made of its cancellation; else what the work throws.
    public func withSession<Result: Sendable>(
        ttlSeconds: Int64 = EtcdClient.defaultSessionSeconds,
        _ body: @escaping @Sendable (EtcdSession) async throws -> Result
    ) async throws -> Result {
        let session = try await EtcdSession.start(self, ttlSeconds: ttlSeconds)
        do {
            let result = try await either {
                try await body(session)
            } orFailsWith: {
                try await session.renewUntilLost()
            }
            await session.end()
            return result
        } catch {
            await session.end()
            throw error
        }
    }
}

/// Runs some work beside a look-out. When the look-out returns an error first, the work is cancelled, and once it has
/// ended the error is thrown. The look-out is cancelled when the work ends.
func either<Result: Sendable>(
    _ work: @escaping @Sendable () async throws -> Result,
    orFailsWith lookOut: @escaping @Sendable () async throws -> EtcdError
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result?.self) { group in
        group.addTask { try await work() }
        group.addTask {
            do {
                throw try await lookOut()
            } catch is CancellationError {
                return nil
            }
        }
        defer { group.cancelAll() }
        while let ended = try await group.next() {
            if let result = ended { return result }
        }
        throw CancellationError()
    }
}
