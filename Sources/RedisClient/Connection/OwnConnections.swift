// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// Connections that one caller has at a time: for commands that wait, for sessions and for subscriptions.
final class OwnConnections: Sendable {
    /// Connections that are kept for the next caller.
    private static let keptConnections = 8

    private struct State {
        var kept: [RedisWire] = []
        var inUse: [ObjectIdentifier: RedisWire] = [:]
        /// In use, and being made.
        var count = 0
        var attempt = 0
        var isClosed = false
    }

    private let connector: RedisConnector
    private let limit: Int
    private let state = Mutex(State())

    init(_ connector: RedisConnector, limit: Int) {
        self.connector = connector
        self.limit = limit
    }

    /// A connection that is nobody else's until `giveBack`.
    func take(until deadline: NIODeadline) async throws -> RedisWire {
        enum Step { case use(RedisWire), make, full, closed }
        let step = state.withLock { state -> Step in
            if state.isClosed { return .closed }
            while let wire = state.kept.popLast() {
                guard wire.isOpen else { continue }
                state.count += 1
                state.inUse[ObjectIdentifier(wire)] = wire
                return .use(wire)
            }
            guard state.count < limit else { return .full }
            state.count += 1
            return .make
        }
        switch step {
        case .use(let wire): return wire
        case .make: break
        case .closed: throw RedisError.closed
        case .full:
            throw RedisError(.overloaded, "\(limit) connections of their own are in use", wasNotExecuted: true)
        }
        do {
            let wire = try await make(until: deadline)
            let isWanted = state.withLock { state in
                if !state.isClosed { state.inUse[ObjectIdentifier(wire)] = wire }
                return !state.isClosed
            }
            guard isWanted else {
                await wire.close()
                throw RedisError.closed
            }
            return wire
        } catch {
            state.withLock { $0.count -= 1 }
            throw error
        }
    }

    private func make(until deadline: NIODeadline) async throws -> RedisWire {
        var failures = 0
        while true {
            let attempt = state.withLock { $0.attempt }
            do {
                try Task.checkCancellation()
                return try await connector.connect(attempt: attempt)
            } catch let error as RedisError {
                failures += 1
                let isClosed = state.withLock { state in
                    state.attempt += 1
                    return state.isClosed
                }
                if isClosed { throw RedisError.closed }
                let isFinal = error.isFinalRefusal
                let pause = connector.pause(afterFailures: failures)
                let isOver = NIODeadline.now() + TimeAmount(pause) >= deadline
                if isOver || isFinal && failures >= connector.addresses.count {
                    throw RedisError(error.code, error.message, prefix: error.prefix, wasNotExecuted: true)
                }
                if pause > .zero { try await Task.sleep(for: pause) }
            }
        }
    }

    /// Ends a caller's use of a connection.
    ///
    /// - Parameter isClean: whether it is as it was: no reply is owed, and nothing was changed about it.
    func giveBack(_ wire: RedisWire, isClean: Bool) async {
        let isKept = state.withLock { state in
            state.count -= 1
            state.inUse[ObjectIdentifier(wire)] = nil
            guard isClean, wire.isOpen, !state.isClosed, state.kept.count < Self.keptConnections else { return false }
            state.kept.append(wire)
            return true
        }
        if !isKept { await wire.close() }
    }

    func close() async {
        let wires = state.withLock { state in
            state.isClosed = true
            defer { state.kept = [] }
            return state.kept + state.inUse.values
        }
        for wire in wires { await wire.close() }
    }
}
