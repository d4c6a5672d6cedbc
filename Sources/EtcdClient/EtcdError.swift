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
        /// The servers don't ask who their clients are.
        public static let authenticationDisabled = Code("authenticationDisabled")
        /// There is no such user, role, permission or member.
        public static let notFound = Code("notFound")
        /// There is such a user, role or member already.
        public static let alreadyExists = Code("alreadyExists")
        /// The server has more to do than it can keep up with, and refused this.
        public static let overloaded = Code("overloaded")
        /// The server is too old for this request.
        public static let notSupported = Code("notSupported")
        /// The session's lease is gone, and with it all that lived by it.
        public static let sessionLost = Code("sessionLost")
        /// A lock is no longer held: its key is gone.
        public static let lockLost = Code("lockLost")
        /// Who asks is no longer the leader of an election: its key is gone.
        public static let notLeader = Code("notLeader")
        /// Others changed the same keys every time a software transaction was tried.
        public static let conflict = Code("conflict")
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

    package init(_ code: Code, _ message: String, compactRevision: Int64? = nil, wasNotExecuted: Bool = false) {
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
            switch status.code {
            case _ where Self.codesByText[status.message] != nil: Self.codesByText[status.message] ?? .other
            case .unavailable: .unavailable
            // Said by no server: the stream was reset, or the connection ended before a status came.
            case .internalError where !status.isTheServers, .cancelled where !status.isTheServers: .unavailable
            case .deadlineExceeded: .timeout
            case .permissionDenied, .unauthenticated: .denied
            case .unimplemented: .notSupported
            case .invalidArgument, .failedPrecondition, .outOfRange, .notFound: .invalidRequest
            default: .other
            }
        self.init(
            code, status.message,
            wasNotExecuted: status.wasNotProcessed || Self.refusals.contains(status.message))
    }

    /// Why a server ended a watch: a text only, before 3.6 with the status as Go prints it.
    init(watchReason reason: String) {
        var text = reason
        if reason.hasPrefix("rpc error: "), let description = reason.firstRange(of: " desc = ") {
            text = String(reason[description.upperBound...])
        }
        self.init(Self.codesByText[text] ?? .invalidRequest, text.isEmpty ? "watch canceled" : text)
    }

    /// The texts that mean more than their status. Source: etcd's table of errors.
    private static let codesByText: [String: Code] = [
        "etcdserver: mvcc: required revision has been compacted": .compacted,
        "etcdserver: mvcc: required revision is a future revision": .futureRevision,
        "etcdserver: requested lease not found": .leaseNotFound,
        "etcdserver: lease already exists": .leaseExists,
        "etcdserver: request is too large": .tooLarge,
        "etcdserver: mvcc: database space exceeded": .noSpace,
        "etcdserver: too many requests": .overloaded,
        "etcdserver: permission denied": .denied,
        "etcdserver: authentication failed, invalid user ID or password": .denied,
        Self.invalidToken: .denied,
        Self.oldAuthRevision: .denied,
        "auth: permission denied": .denied,
        "etcdserver: authentication is not enabled": .authenticationDisabled,
        "etcdserver: user name not found": .notFound,
        "etcdserver: role name not found": .notFound,
        "etcdserver: role is not granted to the user": .notFound,
        "etcdserver: permission is not granted to the role": .notFound,
        "etcdserver: member not found": .notFound,
        "etcdserver: user name already exists": .alreadyExists,
        "etcdserver: role name already exists": .alreadyExists,
        "etcdserver: member ID already exist": .alreadyExists,
        "etcdserver: Peer URLs already exists": .alreadyExists,
    ]

    /// What a server says before it has done anything: the request may be sent again, also a write.
    private static let refusals: Set<String> = [
        "etcdserver: no leader", "etcdserver: too many requests", "etcdserver: rpc not supported for learner",
    ]

    private static let invalidToken = "etcdserver: invalid auth token"
    private static let oldAuthRevision = "etcdserver: revision of auth store is old"

    /// What a request without a token gets; both as etcd's services for keys and as its maintenance say it.
    private static let noToken: Set<String> = ["etcdserver: user name is empty", "auth: user name is empty"]

    /// Whether a new token may help.
    var concernsToken: Bool {
        self.message == Self.invalidToken || self.message == Self.oldAuthRevision
            || Self.noToken.contains(self.message)
    }
}

extension GRPCStatus {
    /// Whether the server sent this status; the wire makes up one for calls that end without.
    fileprivate var isTheServers: Bool { self.trailers.contains("grpc-status") }
}
