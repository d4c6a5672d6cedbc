// SPDX-License-Identifier: Apache-2.0

/// Why a command failed.
public struct RedisError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        public let description: String

        private init(_ description: String) { self.description = description }

        /// No server could be reached, or the connection broke while the command was under way.
        public static let unavailable = Code("unavailable")
        /// No answer came in time.
        public static let timeout = Code("timeout")
        /// The client is closed.
        public static let closed = Code("closed")
        /// More is under way than the client's limits allow.
        public static let overloaded = Code("overloaded")
        /// The server's bytes are no replies, or exceed the client's limits.
        public static let protocolViolation = Code("protocolViolation")
        /// The reply isn't of the kind that the command has.
        public static let unexpectedReply = Code("unexpectedReply")
        /// The command, or a setting, is wrong; nothing was sent.
        public static let invalidRequest = Code("invalidRequest")

        /// There is no such group, or no such stream: `NOGROUP`.
        public static let noGroup = Code("noGroup")
        /// There is such a group already: `BUSYGROUP`.
        public static let groupExists = Code("groupExists")
        /// The key holds another kind of value: `WRONGTYPE`.
        public static let wrongType = Code("wrongType")
        /// Who asks may not do this, or isn't known: `NOAUTH`, `WRONGPASS`, `NOPERM`.
        public static let denied = Code("denied")
        /// The store is full: `OOM`.
        public static let noSpace = Code("noSpace")
        /// The server can't serve this now: it is loading, has lost its leader or its master, or is at its limits.
        public static let notReady = Code("notReady")
        /// The server doesn't know whether the command took effect: `UNCERTAIN`.
        public static let uncertain = Code("uncertain")
        /// The server doesn't have what is asked for; another system, or a newer version, has.
        public static let notSupported = Code("notSupported")
        /// A waiting command was ended by somebody: `UNBLOCKED`.
        public static let unblocked = Code("unblocked")
        /// A transaction was refused: `EXECABORT`.
        public static let aborted = Code("aborted")
        /// Any other error of the server: see ``RedisError/prefix`` and ``RedisError/message``.
        public static let server = Code("server")
    }

    public let code: Code
    /// What happened; of a server's error its exact text, with the prefix.
    public let message: String
    /// The word in capitals that a server's error begins with, such as `ERR`; `nil` where no server said it.
    public let prefix: String?
    /// Whether the command provably did nothing, so that it may be sent again.
    public let wasNotExecuted: Bool

    package init(_ code: Code, _ message: String, prefix: String? = nil, wasNotExecuted: Bool = false) {
        self.code = code
        self.message = message
        self.prefix = prefix
        self.wasNotExecuted = wasNotExecuted
    }

    public var description: String { "\(code): \(message)" }
}

extension RedisError {
    /// What a server's error means. Servers tell them apart by the first word.
    init(reply: String) {
        let word = String(reply.prefix { $0 != " " })
        let code = Self.codes[word] ?? .server
        // Refused before anything was done. An error of any other kind did nothing either, but would again.
        self.init(code, reply, prefix: word, wasNotExecuted: code == .notReady)
    }

    private static let codes: [String: Code] = [
        "NOGROUP": .noGroup, "BUSYGROUP": .groupExists, "WRONGTYPE": .wrongType, "NOAUTH": .denied,
        "WRONGPASS": .denied, "NOPERM": .denied, "OOM": .noSpace, "LOADING": .notReady, "BUSY": .notReady,
        "TRYAGAIN": .notReady, "MASTERDOWN": .notReady, "READONLY": .notReady, "CLUSTERDOWN": .notReady,
        "NOREPLICAS": .notReady, "MISCONF": .notReady, "UNCERTAIN": .uncertain, "UNBLOCKED": .unblocked,
        "EXECABORT": .aborted,
    ]

    /// Whether the server doesn't know the command, or a word of it: it is too old.
    package var isNotSupported: Bool {
        // Redis 6 begins the second with a capital.
        let texts = ["ERR unknown command", "ERR unknown subcommand", "ERR Unknown subcommand"]
        return code == .server && texts.contains { message.hasPrefix($0) }
    }

    /// Whether a server that said so to a greeting would say it again; or there is no such server in this process.
    var isFinalRefusal: Bool {
        switch code {
        case .denied, .protocolViolation, .invalidRequest: true
        // At its limit of connections it isn't for ever.
        case .server: !message.contains("max number of clients")
        default: false
        }
    }

    static func unexpected(_ command: String, _ value: RedisValue) -> RedisError {
        RedisError(.unexpectedReply, "\(command) was answered with \(String(describing: value).prefix(200))")
    }

    static var closed: RedisError { RedisError(.closed, "the client is closed", wasNotExecuted: true) }
}
