// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import NIOCore
internal import SwiftProtobuf

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
        _ path: String, _ request: Request, _ repeatability: Repeatability
    ) async throws -> Response {
        let deadline = NIODeadline.now() + TimeAmount(self.timeout)
        var options = WireCallOptions()
        options.deadline = deadline
        options.maximumMessageBytes = self.configuration.maximumMessageBytes
        let bytes: [UInt8] = try request.serializedBytes()
        var pause = Self.firstPause
        var attempts = 0
        while true {
            let (connection, endpoint) = try self.endpoints.connection()
            let failure: EtcdError
            do {
                return try EtcdError.decoded(try await connection.unary(path, bytes, options: options).message)
            } catch {
                failure = try self.endpoints.error(for: error)
            }
            guard failure.code == .unavailable || failure.code == .timeout || failure.wasNotExecuted else {
                throw failure
            }
            self.endpoints.leave(endpoint)
            let mayRepeat = failure.wasNotExecuted || (repeatability == .always && failure.code == .unavailable)
            guard mayRepeat, NIODeadline.now() + TimeAmount(pause) < deadline else { throw failure }
            attempts += 1
            if attempts % self.endpoints.count == 0 {
                try await Task.sleep(for: pause)
                pause = min(pause * 2, Self.longestPause)
            }
        }
    }
}

extension EtcdError {
    /// Reads a message of the server.
    ///
    /// - Throws: ``Code/other`` when the bytes are no such message.
    static func decoded<Response: Message>(_ bytes: [UInt8]) throws(EtcdError) -> Response {
        do {
            return try Response(serializedBytes: bytes)
        } catch {
            throw EtcdError(.other, "malformed response: \(error)")
        }
    }
}
