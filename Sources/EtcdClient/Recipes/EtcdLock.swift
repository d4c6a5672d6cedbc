// SPDX-License-Identifier: Apache-2.0

/// A lock that is held.
public struct EtcdLock: Sendable {
    public let name: String
    private let place: EtcdPlace

    init(_ name: String, _ place: EtcdPlace) {
        self.name = name
        self.place = place
    }

    /// The session that the lock is held by.
    public var session: EtcdSession { self.place.session }
    /// The key that stands for this holder.
    public var key: [UInt8] { self.place.key }
    /// A number that is greater for every later holder. What the lock guards can refuse writes with a smaller one than
    /// it has seen: they come from a holder that was held up for so long that it lost the lock.
    public var fencingToken: Int64 { self.place.createRevision }
    /// Holds in a transaction for as long as the lock is held: a write to the same store that depends on it can't come
    /// too late.
    public var condition: EtcdComparison { self.place.condition }
}

extension EtcdSession {
    /// Waits for a lock, does some work, and unlocks.
    ///
    /// Who came first gets it first; who holds it and asks again waits for itself. When the lock is lost, because the
    /// session is or because somebody deleted its key, the work's task is cancelled.
    ///
    /// The keys below `name/` are the line, as etcd's own clients have it: any other key there is waited for.
    ///
    /// - Throws: ``EtcdError/Code/lockLost`` or ``EtcdError/Code/sessionLost`` when that happened while the work went
    ///   on; else what the work throws, and `CancellationError` for a task cancelled while it waits.
    public func withLock<Result: Sendable>(
        _ name: String, _ body: @escaping @Sendable (EtcdLock) async throws -> Result
    ) async throws -> Result {
        let place = try await EtcdPlace.join(name, value: [], session: self)
        return try await place.whileFirst(lost: .lockLost) { try await body(EtcdLock(name, place)) }
    }

    /// Does some work under a lock if nobody holds or awaits it.
    ///
    /// - Returns: `nil` when somebody does.
    /// - Throws: As ``withLock(_:_:)``.
    public func withLockIfFree<Result: Sendable>(
        _ name: String, _ body: @escaping @Sendable (EtcdLock) async throws -> Result
    ) async throws -> Result? {
        let place = try await EtcdPlace.join(name, value: [], session: self)
        do {
            guard try await place.predecessor().key == nil else {
                await place.leave()
                return nil
            }
        } catch {
            await place.leave()
            throw error
        }
        return try await place.whileFirst(lost: .lockLost) { try await body(EtcdLock(name, place)) }
    }
}

extension EtcdClient {
    /// Waits for a lock, does some work, and unlocks; with a session of its own.
    ///
    /// - Parameters:
    ///   - ttlSeconds: How long others wait for a holder that has gone without a word.
    /// - Throws: As ``EtcdSession/withLock(_:_:)``.
    public func withLock<Result: Sendable>(
        _ name: String, ttlSeconds: Int64 = EtcdClient.defaultSessionSeconds,
        _ body: @escaping @Sendable (EtcdLock) async throws -> Result
    ) async throws -> Result {
        try await self.withSession(ttlSeconds: ttlSeconds) { try await $0.withLock(name, body) }
    }
}
