// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import Synchronization

/// The connections to the servers of one cluster, which of them is in use, and the token that they know the client by.
///
/// The client and its lease stream share it: if the stream's task held the client itself, a client that nobody closes
/// would never end.
final class EtcdEndpoints: Sendable {
    private struct State {
        /// At least one.
        var connections: [WireClient]
        /// Counts upward; the endpoint in use is this modulo the number of endpoints.
        var current = 0
        var isClosed = false
    }

    let connector: EtcdConnector
    /// `nil` for a client without credentials.
    let tokens: EtcdTokens?
    private let state: Mutex<State>

    /// - Parameter endpoints: At least one.
    init(_ connector: EtcdConnector, _ endpoints: [String]) throws(EtcdError) {
        self.connector = connector
        self.tokens = connector.credentials.map { EtcdTokens($0) }
        var connections: [WireClient] = []
        for endpoint in endpoints { connections.append(try connector.connection(to: endpoint)) }
        self.state = Mutex(State(connections: connections))
    }

    var count: Int { self.state.withLock { $0.connections.count } }

    /// The connection in use, and the number to leave it by.
    ///
    /// - Throws: ``EtcdError/Code/closed``, nothing else.
    func connection() throws(EtcdError) -> (WireClient, Int) {
        let found = self.state.withLock { state in
            state.isClosed ? nil : (state.connections[state.current % state.connections.count], state.current)
        }
        guard let found else { throw Self.closed }
        return found
    }

    /// The connection to one server, which must be an endpoint of this client.
    func connection(to endpoint: String) throws(EtcdError) -> WireClient {
        _ = try self.connection()
        let (address, _) = try EtcdConnector.address(endpoint)
        let found = self.state.withLock { state in state.connections.first { $0.target == address } }
        guard let found else {
            throw EtcdError(.invalidRequest, "\"\(endpoint)\" is no endpoint of this client", wasNotExecuted: true)
        }
        return found
    }

    /// Goes on to the next endpoint, unless somebody already has.
    func leave(_ endpoint: Int) {
        self.state.withLock { state in
            if state.current == endpoint { state.current += 1 }
        }
    }

    /// Uses other endpoints from now on. Connections to endpoints that stay are kept; the others end once their calls
    /// have.
    ///
    /// - Parameter endpoints: At least one.
    func replace(with endpoints: [String]) async throws(EtcdError) {
        var made: [WireClient] = []
        for endpoint in endpoints { made.append(try self.connector.connection(to: endpoint)) }
        let unused: [WireClient] = self.state.withLock { state in
            guard !state.isClosed else { return made }
            let inUse = state.connections[state.current % state.connections.count].target
            var unused: [WireClient] = []
            let kept = made.map { new in
                guard let old = state.connections.first(where: { $0.target == new.target }) else { return new }
                unused.append(new)
                return old
            }
            unused += state.connections.filter { old in !kept.contains { $0 === old } }
            state.connections = kept
            // Whoever still holds a number from before must not leave an endpoint that is new.
            let index = kept.firstIndex { $0.target == inUse } ?? 0
            state.current += kept.count - state.current % kept.count + index
            return unused
        }
        for connection in unused { await connection.close() }
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
        let connections = self.state.withLock { state in
            state.isClosed = true
            return state.connections
        }
        for connection in connections { await connection.close() }
    }

    static var closed: EtcdError { EtcdError(.closed, "the client is closed") }
}
