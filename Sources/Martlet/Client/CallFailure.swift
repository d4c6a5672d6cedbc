// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session

/// Turns what the wire says about a failed call into what the caller is told.
package enum CallFailure {
    /// Why an attempt failed.
    ///
    /// - Parameter isAttemptTimeout: The attempt had less time than the call, and that time is over.
    static func kind(of status: GRPCStatus, isAttemptTimeout: Bool) -> RetryDecision.Failure {
        if status.isConnectFailure { return .notConnected }
        if status.wasNotProcessed { return .notExecuted }
        if isAttemptTimeout { return .attemptTimedOut }
        return status.code == .unavailable ? .connectionLost : .answered
    }

    /// What a failure says about the node.
    ///
    /// - Parameter error: What the caller would be told.
    static func outcome(of status: GRPCStatus, _ error: any Error, latency: Duration) -> NodeOutcome {
        if status.isConnectFailure { return .unreachable }
        // The node refused because it is full or going away; its own news come through the connection.
        if status.wasNotProcessed { return .abandoned }
        guard let error = error as? MicroError else { return .abandoned }
        switch status.code {
        case .cancelled: return .abandoned
        case .unavailable where error.id == MicroError.clientID: return .unreachable
        case .deadlineExceeded: return .failed
        default:
            let isOfTheServer = error.code.rawValue >= 500 && error.code != .notImplemented
            return isOfTheServer ? .failed : .answered(after: latency)
        }
    }

    /// The error that the caller gets: a ``MicroError``, or `CancellationError` when its own task was cancelled.
    package static func error(for error: any Error) -> any Error {
        switch error {
        case let error as MicroError: return error
        case let status as GRPCStatus: return self.error(for: status)
        case let error as UnsupportedCodec:
            return MicroError(.internalServerError, error.message, id: MicroError.clientID)
        case let error as MalformedMessage:
            return MicroError(.internalServerError, error.text, id: MicroError.clientID)
        case is CancellationError: return error
        default: return MicroError(.internalServerError, "\(error)", id: MicroError.clientID)
        }
    }

    private static func error(for status: GRPCStatus) -> any Error {
        if status.code == .cancelled, Task.isCancelled { return CancellationError() }
        let detail = status.trailers.binary("grpc-status-details-bin").flatMap { MicroError(statusDetail: $0) }
        let error = MicroError(grpcStatusCode: status.code.rawValue, message: status.message, detail: detail)
        // The client's own deadline and the server's report of it read the same.
        if status.code == .deadlineExceeded, error.id == MicroError.clientID { return MicroError.deadlineExceeded }
        return error
    }

    /// Runs `body` and throws what a caller may see of its error.
    static func mapped<Result>(_ body: () throws -> Result) throws -> Result {
        do { return try body() } catch { throw self.error(for: error) }
    }
}
