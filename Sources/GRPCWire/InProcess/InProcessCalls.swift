// SPDX-License-Identifier: Apache-2.0

package import MartletHTTP2Session
import MartletInProcess
package import NIOCore

/// Answers unary calls of clients in the same process: message in, message out, without frames between.
///
/// Everything else of such a client, and every method that isn't known here, goes through a pipe as over a socket. What
/// a caller can see is the same on both ways.
package protocol InProcessCalls: Sendable {
    /// - Parameter deadline: when the call ends with status 4, answered or not.
    /// - Returns: the answer; nil where the method isn't known: nothing was done then.
    /// - Throws: ``GRPCStatus``; of status 1 when the task is cancelled.
    func unary(
        _ path: String, _ message: [UInt8], metadata: HeaderBlock, deadline: NIODeadline?
    ) async throws(GRPCStatus) -> [UInt8]?
}

extension WireClient {
    /// The answer to a call of a server in this process that takes calls without frames; nil where it must go through a
    /// pipe.
    func inProcessUnary(
        _ path: String, _ message: [UInt8], _ options: WireCallOptions, deadline: NIODeadline?
    ) async throws(GRPCStatus) -> WireReply? {
        guard case .inProcess(let name) = self.target.kind, self.connectivity != .shutdown,
            let server = InProcessListeners.listener(name) as? WireServer, let calls = server.inProcessCalls,
            let answer = try await calls.unary(path, message, metadata: options.metadata, deadline: deadline)
        else { return nil }
        let limit = options.maximumMessageBytes ?? self.configuration.maximumMessageBytes
        guard answer.count <= limit else {
            throw GRPCStatus(
                .resourceExhausted, "grpc: received message larger than max (\(answer.count) vs. \(limit))")
        }
        return WireReply(message: answer, metadata: HeaderBlock(), trailers: HeaderBlock())
    }
}
