// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session

/// Turns what the wire says about a failed call into what the caller is told.
package enum CallFailure {
    /// Why an attempt failed.
    static func kind(of status: GRPCStatus) -> RetryDecision.Failure {
        if status.wasNotProcessed { return .notExecuted }
        return status.code == .unavailable ? .connectionLost : .answered
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
}
