// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore
internal import SwiftProtobuf
internal import Synchronization

extension EtcdClient {
    /// The pause after all endpoints have failed in turn, doubled each time up to the limit below.
    static let firstPause = Duration.milliseconds(20)
    /// The longest pause: well below any time limit, so that a server that is back is found at once.
    static let longestPause = Duration.milliseconds(500)

    /// Whether a request may be sent again after its connection broke.
    enum Repeatability {
        /// It changes nothing, or the same however often it runs.
        case always
        /// Only if it provably did not run.
        case ifNotExecuted
    }

    /// Sends a request and reads its response, on one endpoint after the other while that is safe and time is left.
    func request<Request: Message, Response: Message>(
        _ path: String, _ request: Request, _ repeatability: Repeatability, timeout: Duration? = nil
    ) async throws -> Response {
        let deadline = NIODeadline.now() + TimeAmount(timeout ?? self.configuration.timeout)
        var options = WireCallOptions()
        options.deadline = deadline
        options.maximumMessageBytes = self.configuration.maximumMessageBytes
        let bytes: [UInt8] = try request.serializedBytes()
        var pause = Self.firstPause
        var attempts = 0
        while true {
            let (connection, endpoint) = try self.connection()
            do {
                let reply = try await connection.unary(path, bytes, options: options)
                return try Response(serializedBytes: reply.message)
            } catch let status as GRPCStatus {
                if status.code == .cancelled, Task.isCancelled { throw CancellationError() }
                guard status.code == .unavailable || status.code == .deadlineExceeded || status.wasNotProcessed else {
                    throw EtcdError(status)
                }
                self.leave(endpoint)
                let mayRepeat = status.wasNotProcessed || (repeatability == .always && status.code == .unavailable)
                guard mayRepeat, NIODeadline.now() + TimeAmount(pause) < deadline else { throw EtcdError(status) }
                attempts += 1
                if attempts % self.connections.count == 0 {
                    try await Task.sleep(for: pause)
                    pause = min(pause * 2, Self.longestPause)
                }
            } catch let error as SwiftProtobufError {
                throw EtcdError(.other, "malformed response: \(error)")
            }
        }
    }

    /// The connection in use, and the number to leave it by.
    func connection() throws -> (WireClient, Int) {
        try self.state.withLock { state in
            guard !state.isClosed else { throw EtcdError(.closed, "the client is closed") }
            return (self.connections[state.endpoint % self.connections.count], state.endpoint)
        }
    }

    /// Goes on to the next endpoint, unless somebody already has.
    func leave(_ endpoint: Int) {
        self.state.withLock { state in
            if state.endpoint == endpoint { state.endpoint += 1 }
        }
    }
}
