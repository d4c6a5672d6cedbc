// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session

/// Why a request to etcd failed.
public struct EtcdError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        private init(_ description: String) { self.description = description }

        /// The revision asked for, or watched from, was compacted away.
        public static let compacted = Code("compacted")
        /// The revision asked for doesn't exist yet.
        public static let futureRevision = Code("futureRevision")
        /// The lease doesn't exist, or no longer.
        public static let leaseNotFound = Code("leaseNotFound")
        /// A lease with this id exists already.
        public static let leaseExists = Code("leaseExists")
        /// No endpoint could be reached, or the connection broke while the request was under way.
        public static let unavailable = Code("unavailable")
        /// No answer came in time.
        public static let timeout = Code("timeout")
        /// The request is larger than the server takes.
        public static let tooLarge = Code("tooLarge")
        /// The store is full.
        public static let noSpace = Code("noSpace")
        /// Who asks may not do this, or isn't known.
        public static let denied = Code("denied")
        /// The client is closed.
        public static let closed = Code("closed")
        /// The request is wrong in another way; the message says how.
        public static let invalidRequest = Code("invalidRequest")
        /// Anything else; the message is the server's.
        public static let other = Code("other")
    }

    public let code: Code
    /// What happened: the server's text where there is one.
    public let message: String
    /// With ``Code/compacted``, the oldest revision that is left, if the server told it.
    public let compactRevision: Int64?
    /// Whether the request provably did nothing, so that it may be sent again.
    public let wasNotExecuted: Bool

    init(_ code: Code, _ message: String, compactRevision: Int64? = nil, wasNotExecuted: Bool = false) {
        self.code = code
        self.message = message
        self.compactRevision = compactRevision
        self.wasNotExecuted = wasNotExecuted
    }

    public var description: String { "\(self.code): \(self.message)" }
}

extension EtcdError {
    /// What the wire's status means. etcd's own clients tell failures apart by their text, and so does this.
    init(_ status: GRPCStatus) {
        let code: Code =
            switch (status.code, status.message) {
            case (_, "etcdserver: mvcc: required revision has been compacted"): .compacted
            case (_, "etcdserver: mvcc: required revision is a future revision"): .futureRevision
            case (_, "etcdserver: requested lease not found"): .leaseNotFound
            case (_, "etcdserver: lease already exists"): .leaseExists
            case (_, "etcdserver: request is too large"): .tooLarge
            case (_, "etcdserver: mvcc: database space exceeded"): .noSpace
            case (.unavailable, _): .unavailable
            // Said by no server: the stream was reset, or the connection ended before a status came.
            case (.internalError, _) where !status.isTheServers, (.cancelled, _) where !status.isTheServers:
                .unavailable
            case (.deadlineExceeded, _): .timeout
            case (.permissionDenied, _), (.unauthenticated, _): .denied
            case (.invalidArgument, _), (.failedPrecondition, _), (.outOfRange, _), (.notFound, _): .invalidRequest
            default: .other
            }
        self.init(code, status.message, wasNotExecuted: status.wasNotProcessed)
    }
}

extension GRPCStatus {
    /// Whether the server sent this status; the wire makes up one for calls that end without.
    fileprivate var isTheServers: Bool { self.trailers.contains("grpc-status") }
}
