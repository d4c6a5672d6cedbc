// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session
internal import NIOCore
internal import Synchronization

/// A service that runs in this process, as clients of the same process reach it without a socket.
///
/// There are two ways in. A call of one message each way whose handler runs anywhere is answered directly: no frames,
/// no headers' compression, no event loop. All other calls speak the whole protocol with the service's own server
/// through a pipe in memory.
final class LocalNode: Sendable {
    private struct State {
        var exchanges: [UInt64: LocalExchange] = [:]
        var nextNumber: UInt64 = 0
        var isDraining = false
        var drained: CheckedContinuation<Void, Never>?
    }

    /// The node as it is registered.
    let record: NodeRecord
    /// Where the service's server listens for this process.
    let pipe: WireAddress
    private let service: LocalService
    private let state = Mutex(State())

    init(_ record: NodeRecord, pipe: WireAddress, _ service: LocalService) {
        self.record = record
        self.pipe = pipe
        self.service = service
    }

    /// Whether ``unary(_:)`` answers calls of a path.
    func canAnswer(_ path: String) -> Bool { self.service.canAnswer(path) }

    /// Answers a call that ``canAnswer(_:)``; as on the wire, whoever gives up gets its answer at once, whatever the
    /// handler does.
    ///
    /// - Throws: ``GRPCStatus``, as it would come over the wire.
    func unary(_ request: LocalRequest) async throws -> WireReply {
        let exchange = LocalExchange()
        guard let number = self.begin(exchange) else {
            var refusal = GRPCStatus(.unavailable, Self.goingAway)
            refusal.wasNotProcessed = true
            throw refusal
        }
        defer { self.ended(number) }
        return try await exchange.run(self.service, request)
    }

    private static let goingAway = "server is shutting down"

    private func begin(_ exchange: LocalExchange) -> UInt64? {
        self.state.withLock { state in
            guard !state.isDraining else { return nil }
            state.nextNumber += 1
            state.exchanges[state.nextNumber] = exchange
            return state.nextNumber
        }
    }

    private func ended(_ number: UInt64) {
        let drained = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.exchanges[number] = nil
            guard state.exchanges.isEmpty else { return nil }
            defer { state.drained = nil }
            return state.drained
        }
        drained?.resume()
    }

    /// Refuses further calls, and waits for those under way; what is left after `limit` is answered with status 14 and
    /// cancelled.
    func drain(limit: Duration) async {
        // First of all: a call that begins now may outlive the timer.
        self.state.withLock { $0.isDraining = true }
        let timer = Task {
            try await Task.sleep(for: limit.sleepable)
            let rest = self.state.withLock { Array($0.exchanges.values) }
            for exchange in rest { exchange.giveUp(GRPCStatus(.unavailable, Self.goingAway)) }
        }
        await withCheckedContinuation { drained in
            let isEmpty = self.state.withLock { state in
                if !state.exchanges.isEmpty { state.drained = drained }
                return state.exchanges.isEmpty
            }
            if isEmpty { drained.resume() }
        }
        timer.cancel()
    }
}
