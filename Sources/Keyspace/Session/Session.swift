// SPDX-License-Identifier: Apache-2.0

import MartletAuth
public import MartletRESPCodec

/// What a connection is to do about a command.
public enum SessionStep: Sendable {
    /// The reply is written, if one is due.
    case answered
    /// A command of the keyspace is to be run.
    case run(CommandEntry)
    case transaction(Transaction)
    /// A command that needs to know more than this connection.
    case server(CommandEntry)
    /// The reply is written; the connection is to be closed once it is sent.
    case close
    /// A password is to be checked, which takes long: `endLogin` then writes the reply. Nothing else of the connection
    /// is carried out meanwhile.
    case login(Login)
}

/// What one client has said about itself.
public struct Session: Sendable {
    public enum Replies: Hashable, Sendable {
        case on, off
        /// Off for the next command, or for this one.
        case skipsNext, skipsThis
    }

    /// What all connections of a server share.
    public struct Environment: Hashable, Sendable {
        /// `nil`: nobody is asked who they are.
        public var password: [UInt8]?
        /// Source: the release whose behaviour we follow.
        public var redisVersion = "8.8.0"

        public init() {}
    }

    public let id: UInt64
    public var database = 0
    public var isRESP3 = false
    public var name: [UInt8] = []
    public var libraryName: [UInt8] = []
    public var libraryVersion: [UInt8] = []
    public var isAuthenticated: Bool
    public internal(set) var user = ClientUser.list(AccessUser.defaultName)
    public var userName: [UInt8] { user.name }
    /// Whether the connection is the default user's without having shown a password.
    var isStranger = false
    /// Of a user of the auth service: the hash that its password was checked against. Another one ends the connection.
    var shownHash: [UInt8] = []
    /// Whom the client's certificate names; `nil`: it showed none, or none is asked for.
    var certifiedName: AuthName?
    /// Whether the connection is that user without having shown a password.
    var isCertified = false
    /// While a login is being answered: what came of it.
    var verdict: LoginVerdict?
    /// The version of all users in which this one was looked up, and whether they may do anything there.
    var knownAccess: AccessControl.Version?
    var mayAll = false
    /// What was refused and not noted.
    public var refusals: [Refusal] = []
    public var allowsLateReads = false
    public var replies = Replies.on
    public internal(set) var transaction: Transaction?
    /// A command of the transaction was refused: it can't be carried out.
    var isTransactionRefused = false
    /// Whether the last command was turned away.
    public private(set) var hasRefused = false
    /// The database of the transaction's next command.
    var queuedDatabase = 0
    public private(set) var watched: [WatchedKey] = []
    /// Of `watched`, by database. Only searched.
    private var watchedNames: [Int: Set<[UInt8]>] = [:]
    /// Channels and patterns, in the order in which they were asked for.
    public var channels = NamesInOrder()
    public var patterns = NamesInOrder()
    /// A namespace of their own.
    public var shardChannels = NamesInOrder()
    public var isMonitor = false
    public var lastCommand = ""

    public init(id: UInt64, environment: Environment = Environment(), access: AccessControl = AccessControl()) {
        self.id = id
        isAuthenticated = Self.isKnownAtOnce(environment, access)
        isStranger = isAuthenticated
    }

    public var isSubscriber: Bool { !channels.isEmpty || !patterns.isEmpty || !shardChannels.isEmpty }

    /// Keys that a client may watch at once, so that EXEC's record stays short.
    public static let maximumWatchedKeys = 10_000

    /// Whether nothing stands between a command of the keyspace and its being run: `step` would say `run`.
    ///
    /// Mutating only because a session that stands in a class would be copied for it otherwise.
    public mutating func runsAtOnce() -> Bool {
        isAuthenticated && transaction == nil && replies == .on && (isRESP3 || !isSubscriber)
    }

    /// Takes a command: does what is a matter of this connection alone, and says what else is to be done.
    ///
    /// - Parameter finding: what `CommandTable.find` says about it.
    public mutating func step(
        _ finding: CommandTable.Finding, _ arguments: Arguments, _ keyspace: Keyspace, now: Int64,
        environment: Environment,
        _ reply: inout ReplyWriter
    ) -> SessionStep {
        reply.isRESP3 = isRESP3
        hasRefused = false
        let entry: CommandEntry
        switch finding {
        case .found(let found): entry = found
        case .refused(let error):
            if !isAuthenticated, CommandTable.shared.entry(arguments)?.flags.contains(.noAuth) != true {
                return refuseStranger("", &reply)
            }
            return refuse(error, &reply)
        }
        lastCommand = entry.name
        // Who was nobody's certificate before may be somebody's by now.
        if !isAuthenticated { enterAsCertified(keyspace.access) }
        if !isAuthenticated, !entry.flags.contains(.noAuth) {
            return refuseStranger(entry.name, &reply)
        }
        // Who was removed is sent away.
        if isAuthenticated {
            guard refreshAccess(keyspace.access) else { return .close }
            if let denial = denial(entry, arguments, keyspace.access) { return refuse(denial, &reply) }
        }
        if isSubscriber, !isRESP3, !Self.allowedWhileSubscribed(entry) {
            return refuse(
                "ERR Can't execute '\(entry.name)': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are "
                    + "allowed in this context", &reply)
        }
        if entry.flags.contains(.secret), let error = AccessList.passwordInSelector(arguments) {
            return refuse(error, &reply)
        }
        if let login = login(entry, arguments, keyspace.access) {
            if transaction != nil { return refuse("ERR Command not allowed inside a transaction", &reply) }
            return .login(login)
        }
        if transaction != nil, !entry.flags.contains(.notQueued) {
            return queue(arguments, entry, &reply)
        }
        guard entry.isOutside else { return .run(entry) }
        return outside(entry, arguments, keyspace, now: now, environment, &reply)
    }

    private static func allowedWhileSubscribed(_ entry: CommandEntry) -> Bool {
        entry.flags.contains(.pubSub) && !entry.name.hasSuffix("publish") && !entry.name.hasPrefix("pubsub")
            || ["ping", "quit", "reset"].contains(entry.name)
    }

    private mutating func refuseStranger(_ command: String, _ reply: inout ReplyWriter) -> SessionStep {
        lastCommand = command
        refusals.append(
            Refusal(user: [], denial: nil, isInTransaction: false, isStrangers: true))
        return refuse("NOAUTH Authentication required.", &reply)
    }

    private mutating func refuse(_ error: String, _ reply: inout ReplyWriter) -> SessionStep {
        refuse(.message(error), &reply)
    }

    private mutating func refuse(_ error: CommandError, _ reply: inout ReplyWriter) -> SessionStep {
        if transaction != nil { isTransactionRefused = true }
        hasRefused = true
        error.write(into: &reply)
        return .answered
    }

    // MARK: Transactions

    private mutating func queue(
        _ arguments: Arguments, _ entry: CommandEntry, _ reply: inout ReplyWriter
    ) -> SessionStep {
        if entry.name.hasSuffix("subscribe") || ["monitor", "debug|sleep"].contains(entry.name) {
            return refuse("ERR Command not allowed inside a transaction", &reply)
        }
        if transaction!.byteCount + arguments.packedRange(from: 0).count > Transaction.maximumBytes {
            return refuse("ERR transaction too large", &reply)
        }
        transaction!.append(
            entry.flags.contains(.secret) ? AccessList.withoutPasswords(arguments) : arguments, entry,
            database: queuedDatabase)
        if entry.name == "select", let chosen = try? Keyspace.databaseIndex(arguments, 1) { queuedDatabase = chosen }
        reply.simple("QUEUED")
        return .answered
    }

    mutating func beginTransaction(_ reply: inout ReplyWriter) {
        if transaction != nil { return reply.error("ERR MULTI calls can not be nested") }
        transaction = Transaction()
        isTransactionRefused = false
        queuedDatabase = database
        reply.ok()
    }

    mutating func endTransaction(_ access: AccessControl, _ reply: inout ReplyWriter) -> SessionStep {
        guard var transaction else {
            reply.error("ERR EXEC without MULTI")
            return .answered
        }
        transaction.watched = watched
        transaction.user = user.serviceName
        // What was allowed when it was queued may not be any more.
        for (index, item) in transaction.items.enumerated()
        where denial(item.entry, transaction.commands[index], access) != nil {
            isTransactionRefused = true
        }
        forgetTransaction()
        if isTransactionRefused {
            reply.error("EXECABORT Transaction discarded because of previous errors.")
            return .answered
        }
        return .transaction(transaction)
    }

    mutating func forgetTransaction() {
        transaction = nil
        forgetWatched()
    }

    mutating func forgetWatched() { (watched, watchedNames) = ([], [:]) }

    mutating func watch(_ arguments: Arguments, _ keyspace: Keyspace, now: Int64, _ reply: inout ReplyWriter) {
        if transaction != nil { return reply.error("ERR WATCH inside MULTI is not allowed") }
        for index in 1..<arguments.count {
            let name = arguments.array(index)
            if watchedNames[database]?.contains(name) == true { continue }
            guard watched.count < Self.maximumWatchedKeys else { return reply.error("ERR too many watched keys") }
            watchedNames[database, default: []].insert(name)
            watched.append(
                WatchedKey(
                    database: database, name: name, version: keyspace.version(of: name, in: database, now: now)))
        }
        reply.ok()
    }
}
