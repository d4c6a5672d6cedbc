// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
import MartletRESPCodec

extension Session {
    static let wrongPassword: StaticString = "WRONGPASS invalid username-password pair or user is disabled."

    mutating func auth(
        _ arguments: Arguments, _ access: AccessControl, _ environment: Environment, _ reply: inout ReplyWriter
    ) {
        if arguments.count > 3 { return reply.error("ERR syntax error") }
        let isDefaultFree =
            environment.password == nil && access.listUser(named: AccessUser.defaultName)?.needsNoPassword == true
        if arguments.count == 2, isDefaultFree {
            return reply.error(
                """
                ERR AUTH <password> called without any password configured for the default user. Are you sure your \
                configuration is correct?
                """)
        }
        let user = arguments.count == 3 ? arguments.array(1) : AccessUser.defaultName
        if authenticate(user, arguments.array(arguments.count - 1), access, environment) {
            reply.ok()
        } else {
            reply.error(Self.wrongPassword)
        }
    }

    /// A server's own password is asked for where the default user has none.
    mutating func authenticate(
        _ name: [UInt8], _ password: [UInt8], _ access: AccessControl, _ environment: Environment
    ) -> Bool {
        if let verdict, authenticate(verdict, name, password) { return true }
        guard isTrue(password, of: name, access, environment) else {
            refusals.append(Refusal(user: name, denial: nil, isInTransaction: transaction != nil))
            return false
        }
        enter(as: .list(name))
        return true
    }

    private func isTrue(
        _ password: [UInt8], of name: [UInt8], _ access: AccessControl, _ environment: Environment
    ) -> Bool {
        guard let user = access.listUser(named: name), user.isOn else { return false }
        if user.needsNoPassword {
            guard name == AccessUser.defaultName else { return true }
            guard let expected = environment.password else { return access.letsStrangersIn }
            return Self.isSame(expected, password)
        }
        return user.hasPassword(password)
    }

    /// Takes as long for any password of one length.
    private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// Whether a new connection is the default user's.
    static func isKnownAtOnce(_ environment: Environment, _ access: AccessControl) -> Bool {
        environment.password == nil && access.letsStrangersIn
    }

    // MARK: What may be done

    /// Whether nobody need ask what this user may do, as long as the list of users has this version.
    public func isUnrestricted(at version: AccessControl.Version) -> Bool { version == knownAccess && mayAll }

    /// Looks the user up, where the list has changed.
    ///
    /// - Returns: `false` where there is no such user any more.
    public mutating func refreshAccess(_ access: AccessControl) -> Bool {
        if knownAccess == access.version { return true }
        guard access.isKnown(self) else { return false }
        knownAccess = access.version
        mayAll = access.isUnrestricted(user)
        return true
    }

    /// Why this user may not run a command, which is then noted for the server's log.
    mutating func denial(
        _ entry: CommandEntry, _ arguments: Arguments, _ access: AccessControl
    ) -> String? {
        if entry.flags.contains(.noAuth) || mayAll { return nil }
        guard let denial = access.denial(of: user, entry, arguments) else { return nil }
        refusals.append(Refusal(user: userName, denial: denial, isInTransaction: transaction != nil))
        return denial.text(of: userName)
    }
}

/// What a client was refused, until the server has noted it.
public struct Refusal: Hashable, Sendable {
    public var user: [UInt8]
    /// `nil`: the user or the password is wrong.
    public var denial: AccessDenial?
    public var isInTransaction: Bool
    /// A command before any login: nothing that anybody may do or not. `denial` is `nil`.
    public var isStrangers = false

    public init(user: [UInt8], denial: AccessDenial?, isInTransaction: Bool, isStrangers: Bool = false) {
        self.user = user
        self.denial = denial
        self.isInTransaction = isInTransaction
        self.isStrangers = isStrangers
    }
}

extension Refusal {
    /// As an audit tells of it.
    public func audit(peer: String, command: String) -> AuditRecord {
        var record = AuditRecord(user: nil, peer: peer, wire: .redis, request: command, reason: "not logged in")
        if isStrangers { return record }
        guard let denial else {
            record.claimedUser = user
            record.reason = "wrong user or password"
            return record
        }
        record.user = user
        switch denial {
        case .command: record.reason = "no permission for the command"
        case .key(let key): (record.key, record.reason) = (key, "no permission for the key")
        case .channel(let channel): (record.key, record.reason) = (channel, "no permission for the channel")
        }
        return record
    }
}
