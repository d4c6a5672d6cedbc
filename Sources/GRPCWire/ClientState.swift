// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Which connections a client has, and what to do for the next call. No I/O.
struct ClientState {
    struct Member {
        var connection: ClientConnection
        var openCalls = 0
        var maximumStreams: Int
    }

    enum Attempt {
        case none
        case running
        /// The last attempt failed; the next may begin at `until`.
        case failed(until: NIODeadline, reason: GRPCStatus)
    }

    private(set) var connections: [ObjectIdentifier: Member] = [:]
    /// Ready and not draining, in the order in which they were made.
    private var usable: [ObjectIdentifier] = []
    private var attempt = Attempt.none
    private var waiters: [ConnectionWaiter] = []
    private var failures = 0
    private var isShutDown = false
    /// The connection that the one being made is to replace, because of its age.
    private var replaced: ObjectIdentifier?
    private let maximumConnections: Int

    init(maximumConnections: Int) {
        self.maximumConnections = maximumConnections
    }

    enum Choice {
        case use(ClientConnection)
        /// The waiter was queued; if so said, an attempt to connect is to be made.
        case wait(mustConnect: Bool)
        case fail(GRPCStatus)
    }

    var connectivity: ConnectivityState {
        if self.isShutDown { return .shutdown }
        if !self.usable.isEmpty { return .ready }
        switch self.attempt {
        case .running: return .connecting
        case .failed: return .transientFailure
        case .none: return .idle
        }
    }

    /// A connection with room, counted as used by one more call; the least used one when all are full and there can be
    /// no other, or as `evenIfFull` says: its calls wait for a stream then.
    mutating func pick(evenIfFull: Bool = false) -> ClientConnection? {
        var best: ObjectIdentifier?
        for id in self.usable {
            guard let member = self.connections[id] else { continue }
            if member.openCalls < member.maximumStreams {
                best = id
                break
            }
        }
        if best == nil, evenIfFull || self.connections.count >= self.maximumConnections {
            best = self.usable.min { self.openCalls($0) < self.openCalls($1) }
        }
        guard let best, let connection = self.connections[best]?.connection else { return nil }
        self.connections[best]?.openCalls += 1
        return connection
    }

    private func openCalls(_ id: ObjectIdentifier) -> Int { self.connections[id]?.openCalls ?? 0 }

    /// Picks, or queues `waiter`.
    mutating func choose(_ waiter: ConnectionWaiter, waitForReady: Bool, now: NIODeadline) -> Choice {
        if self.isShutDown { return .fail(GRPCStatus(.cancelled, "grpc: the client connection is closing")) }
        if let connection = self.pick() { return .use(connection) }
        switch self.attempt {
        case .running:
            self.waiters.append(waiter)
            return .wait(mustConnect: false)
        case .failed(let until, let reason) where until > now:
            if let connection = self.pick(evenIfFull: true) { return .use(connection) }
            guard waitForReady else { return .fail(reason) }
            self.waiters.append(waiter)
            return .wait(mustConnect: false)
        case .failed, .none:
            self.attempt = .running
            self.waiters.append(waiter)
            return .wait(mustConnect: true)
        }
    }

    /// A pause has ended. Returns whether to connect: only when somebody waits for it.
    mutating func retry() -> Bool {
        guard case .failed = self.attempt, !self.waiters.isEmpty, !self.isShutDown else { return false }
        self.attempt = .running
        return true
    }

    /// What a connection that is up leads to.
    struct ReadyOutcome {
        /// Each is already counted.
        var served: [(ConnectionWaiter, ClientConnection)] = []
        /// Others still wait.
        var mustConnect = false
        var mustClose = false
        /// The connection that this one replaces: it is to be drained.
        var retired: ClientConnection?
    }

    /// What to do with a connection that is too old.
    enum AgeOutcome {
        /// Nobody uses it: drain it.
        case retire
        /// Connect; the new one takes its place.
        case replace
        /// No connection can be made now: ask again.
        case later
    }

    mutating func aged(_ connection: ClientConnection, isUnused: Bool) -> AgeOutcome {
        if isUnused, self.retireIfUnused(connection) { return .retire }
        guard self.replaced == nil, !self.isShutDown else { return .later }
        switch self.attempt {
        case .running, .failed: return .later
        case .none:
            self.attempt = .running
            self.replaced = ObjectIdentifier(connection)
            return .replace
        }
    }

    /// A connection is up.
    mutating func ready(
        _ connection: ClientConnection, maximumStreams: Int
    ) -> ReadyOutcome {
        self.attempt = .none
        self.failures = 0
        if self.isShutDown { return ReadyOutcome(mustClose: true) }
        let id = ObjectIdentifier(connection)
        self.connections[id] = Member(connection: connection, maximumStreams: max(maximumStreams, 1))
        self.usable.append(id)
        var served: [(ConnectionWaiter, ClientConnection)] = []
        var index = 0
        while index < self.waiters.count, let connection = self.pick() {
            served.append((self.waiters[index], connection))
            index += 1
        }
        self.waiters.removeFirst(index)
        let mustConnect = !self.waiters.isEmpty
        if mustConnect { self.attempt = .running }
        let retired = self.replaced.flatMap { self.connections[$0]?.connection }
        self.replaced = nil
        if let retired { self.draining(retired) }
        return ReadyOutcome(served: served, mustConnect: mustConnect, retired: retired)
    }

    struct FailedOutcome {
        /// Waiters that an open connection serves all the same.
        var served: [(ConnectionWaiter, ClientConnection)]
        /// Those that fail with the attempt.
        var failed: [ConnectionWaiter]
        /// Before the next attempt.
        var pause: TimeAmount
        /// A connection that stays, though it is too old.
        var notReplaced: ClientConnection?
    }

    /// An attempt failed.
    mutating func failed(
        _ reason: GRPCStatus, backoff: ReconnectBackoff, unit: Double, now: NIODeadline
    ) -> FailedOutcome {
        self.failures += 1
        let pause = backoff.pause(failures: self.failures, unit: unit)
        self.attempt = .failed(until: now + pause, reason: reason)
        var served: [(ConnectionWaiter, ClientConnection)] = []
        while served.count < self.waiters.count, let connection = self.pick(evenIfFull: true) {
            served.append((self.waiters[served.count], connection))
        }
        self.waiters.removeFirst(served.count)
        let failed = self.waiters.filter { !$0.waitsForReady }
        self.waiters.removeAll { !$0.waitsForReady }
        let old = self.replaced.flatMap { self.connections[$0]?.connection }
        self.replaced = nil
        return FailedOutcome(served: served, failed: failed, pause: pause, notReplaced: old)
    }

    /// Takes a waiter out that gave up. Returns whether it was still there.
    mutating func remove(_ waiter: ConnectionWaiter) -> Bool {
        guard let index = self.waiters.firstIndex(where: { $0 === waiter }) else { return false }
        self.waiters.remove(at: index)
        return true
    }

    mutating func callEnded(_ connection: ClientConnection) {
        self.connections[ObjectIdentifier(connection)]?.openCalls -= 1
    }

    /// Takes an idle connection out of use, unless a call has just been given it.
    mutating func retireIfUnused(_ connection: ClientConnection) -> Bool {
        guard self.connections[ObjectIdentifier(connection)]?.openCalls == 0 else { return false }
        self.draining(connection)
        return true
    }

    mutating func draining(_ connection: ClientConnection) {
        self.usable.removeAll { $0 == ObjectIdentifier(connection) }
    }

    mutating func closed(_ connection: ClientConnection) {
        self.draining(connection)
        self.connections[ObjectIdentifier(connection)] = nil
        if self.replaced == ObjectIdentifier(connection) { self.replaced = nil }
    }

    mutating func shutDown() -> ([ClientConnection], [ConnectionWaiter]) {
        self.isShutDown = true
        defer { self.waiters = [] }
        return (self.connections.values.map(\.connection), self.waiters)
    }
}

/// A call that waits for a connection.
final class ConnectionWaiter: Sendable {
    private let continuation: Mutex<UnsafeContinuation<ClientConnection, any Error>?>
    let waitsForReady: Bool

    init(_ continuation: UnsafeContinuation<ClientConnection, any Error>, waitsForReady: Bool) {
        self.continuation = Mutex(continuation)
        self.waitsForReady = waitsForReady
    }

    func serve(_ connection: ClientConnection) {
        self.take()?.resume(returning: connection)
    }

    func fail(_ status: GRPCStatus) {
        var status = status
        status.wasNotProcessed = true
        self.take()?.resume(throwing: status)
    }

    private func take() -> UnsafeContinuation<ClientConnection, any Error>? {
        self.continuation.withLock { continuation in
            defer { continuation = nil }
            return continuation
        }
    }
}
