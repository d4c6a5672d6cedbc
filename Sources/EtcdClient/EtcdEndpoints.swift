// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import Synchronization

/// The connections to the servers of one cluster, and which of them is in use.
///
/// The client and its lease stream share it: if the stream's task held the client itself, a client that nobody closes
/// would never end.
final class EtcdEndpoints: Sendable {
    private struct State {
        /// Counts upward; the endpoint in use is this modulo the number of endpoints.
        var current = 0
        var isClosed = false
    }

    private let connections: [WireClient]
    private let state = Mutex(State())

    /// - Parameter connections: One an endpoint, at least one.
    init(_ connections: [WireClient]) { self.connections = connections }

    var count: Int { self.connections.count }

    /// The connection in use, and the number to leave it by.
    ///
    /// - Throws: ``EtcdError/Code/closed``, nothing else.
    func connection() throws(EtcdError) -> (WireClient, Int) {
        let current = self.state.withLock { $0.isClosed ? nil : $0.current }
        guard let current else { throw Self.closed }
        return (self.connections[current % self.connections.count], current)
    }

    /// Goes on to the next endpoint, unless somebody already has.
    func leave(_ endpoint: Int) {
        self.state.withLock { state in
            if state.current == endpoint { state.current += 1 }
        }
    }

    /// Opens a stream on the endpoint in use, and leaves that endpoint if it can't be done in time.
    ///
    /// The stream itself has no deadline: it may live as long as the client.
    ///
    /// - Throws: ``EtcdError``, or `CancellationError` when the task is cancelled.
    func openStream(
        _ path: String, _ options: WireCallOptions = WireCallOptions(), until end: ContinuousClock.Instant
    ) async throws -> (ClientStream, Int) {
        let (connection, endpoint) = try self.connection()
        let opening = Task { try await connection.openStream(path, options: options) }
        let limit = Task {
            try await Task.sleep(until: end, clock: .continuous)
            opening.cancel()
        }
        defer { limit.cancel() }
        do {
            let stream = try await withTaskCancellationHandler {
                try await opening.value
            } onCancel: {
                opening.cancel()
            }
            return (stream, endpoint)
        } catch {
            let error = try self.error(for: error)
            self.leave(endpoint)
            throw ContinuousClock.now < end ? error : EtcdError(.timeout, "no connection in time", wasNotExecuted: true)
        }
    }

    /// What to tell of a failure on the wire.
    ///
    /// - Throws: `CancellationError` when the caller's task is cancelled, ``EtcdError/Code/closed`` when the client is:
    ///   then the wire reports no more than the consequences.
    func error(for error: any Error) throws -> EtcdError {
        if error is CancellationError || Task.isCancelled { throw CancellationError() }
        _ = try self.connection()
        return switch error {
        case let error as EtcdError: error
        case let status as GRPCStatus: EtcdError(status)
        default: EtcdError(.other, "\(error)")
        }
    }

    /// Opens nothing from now on; what is under way goes on.
    func refuse() { self.state.withLock { $0.isClosed = true } }

    func close() async {
        self.refuse()
        for connection in self.connections { await connection.close() }
    }

    static var closed: EtcdError { EtcdError(.closed, "the client is closed") }
}
