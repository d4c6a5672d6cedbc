// SPDX-License-Identifier: Apache-2.0

package import MartletHTTP2Session

/// A gRPC status code. Source: gRPC, doc/statuscodes.
package struct GRPCStatusCode: RawRepresentable, Hashable, Sendable {
    package var rawValue: Int

    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let ok = Self(rawValue: 0)
    package static let cancelled = Self(rawValue: 1)
    package static let unknown = Self(rawValue: 2)
    package static let invalidArgument = Self(rawValue: 3)
    package static let deadlineExceeded = Self(rawValue: 4)
    package static let notFound = Self(rawValue: 5)
    package static let alreadyExists = Self(rawValue: 6)
    package static let permissionDenied = Self(rawValue: 7)
    package static let resourceExhausted = Self(rawValue: 8)
    package static let failedPrecondition = Self(rawValue: 9)
    package static let aborted = Self(rawValue: 10)
    package static let outOfRange = Self(rawValue: 11)
    package static let unimplemented = Self(rawValue: 12)
    package static let internalError = Self(rawValue: 13)
    package static let unavailable = Self(rawValue: 14)
    package static let dataLoss = Self(rawValue: 15)
    package static let unauthenticated = Self(rawValue: 16)
}

/// How a call ended. Thrown by handlers to answer with a status, and by clients that received one.
package struct GRPCStatus: Error, Sendable {
    package var code: GRPCStatusCode
    package var message: String
    /// Trailing metadata beside the status, `grpc-status-details-bin` included.
    package var trailers: HeaderBlock
    /// On a client: the server provably did not start the call, so that trying again elsewhere is always safe.
    package var wasNotProcessed = false
    /// On a client: no connection to this target could be made, or the one there was broke before the call went out.
    package var isConnectFailure = false
    /// On a client: the target's machine answered that nobody listens there.
    package var isConnectRefused = false

    package init(_ code: GRPCStatusCode, _ message: String = "", trailers: HeaderBlock = HeaderBlock()) {
        self.code = code
        self.message = message
        self.trailers = trailers
    }

    package static let ok = GRPCStatus(.ok)
    /// The text that go-micro and etcd clients compare.
    package static let deadlineExceeded = GRPCStatus(.deadlineExceeded, "context deadline exceeded")
    package static let cancelled = GRPCStatus(.cancelled, "context canceled")

    /// What a handler's error means on the wire: a status is itself, cancellation is 1, all else is 2 with its text.
    package init(describing error: any Error) {
        switch error {
        case let status as GRPCStatus: self = status
        case is CancellationError: self = .cancelled
        default: self.init(.unknown, "\(error)")
        }
    }
}

extension GRPCStatus: CustomStringConvertible {
    package var description: String { "status \(self.code.rawValue): \(self.message)" }
}
