// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire

/// A stream to one of the endpoints, and what it was opened with.
struct EndpointStream: Sendable {
    let wire: ClientStream
    /// The number to leave the endpoint by; `nil` where only one server would do.
    let endpoint: Int?
    let token: EtcdTokens.Token?
}

extension EtcdEndpoints {
    /// Opens a stream, on the endpoint in use unless one is named, and leaves that if it can't be done in time.
    ///
    /// The stream itself has no deadline: it may live as long as the client.
    ///
    /// - Throws: ``EtcdError``, or `CancellationError` when the task is cancelled.
    func openStream(
        _ path: String, on named: String? = nil, needsLeader: Bool = true, until end: ContinuousClock.Instant
    ) async throws -> EndpointStream {
        let token = try await self.token(until: end)
        let (connection, number) = try named.map { (try self.connection(to: $0), nil) } ?? self.connection()
        var options = WireCallOptions()
        options.metadata = Self.metadata(token, needsLeader: needsLeader)
        options.maximumMessageBytes = self.connector.maximumMessageBytes
        let opening = Task { [options] in try await connection.openStream(path, options: options) }
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
            return EndpointStream(wire: stream, endpoint: number, token: token)
        } catch {
            let error = try self.error(for: error)
            if let number { self.leave(number) }
            throw ContinuousClock.now < end ? error : EtcdError(.timeout, "no connection in time", wasNotExecuted: true)
        }
    }

    /// Goes on to the next endpoint after a stream broke, unless somebody already has.
    func leave(_ stream: EndpointStream) {
        if let endpoint = stream.endpoint { self.leave(endpoint) }
    }
}
