// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletRESPCodec

/// Who may do what by Redis's protocol: users of `ACL SETUSER` and, while authentication is on, those of the auth
/// service, whose roles' key ranges hold for Redis's keys as they do for etcd's.
///
///     a connection is    nobody        until it logs in, if the default user lets nobody in
///                        a list user   with rules of the list, see `AccessRules`
///                        a service user  with the ranges of its roles, see `AuthStore.denial`; so is one whose
///                                        client's certificate names it, without a login
///
/// A name stands for one user: neither list takes a name that the other has. Where one came in both nevertheless, out
/// of a snapshot, the auth service's counts while authentication is on.
public struct AccessControl: Sendable {
    /// The users of `ACL SETUSER`: a part of the keyspace.
    public internal(set) var list = AccessList()
    /// The auth service as of the same record: not a part of the keyspace, but beside it. Whoever holds both keeps it
    /// up to date.
    public var service = AuthStore()

    public init(_ list: AccessList = AccessList(), service: AuthStore = AuthStore()) {
        self.list = list
        self.service = service
    }

    /// Changes with every change of what anybody may do.
    public struct Version: Hashable, Sendable {
        var list: UInt64
        /// 0 while authentication is off.
        var service: UInt64

        public init(list: UInt64 = 0, service: UInt64 = 0) {
            self.list = list
            self.service = service
        }
    }

    public var version: Version {
        Version(list: list.version, service: service.isEnabled ? service.revision : 0)
    }

    /// Whether connections are the default user's as soon as they are made. While authentication is on a default user
    /// that may do everything without a password, as it is at first, lets nobody in.
    public var letsStrangersIn: Bool { list.letsStrangersIn && !needsLogin }

    /// Whether the default user's having no password doesn't count.
    var needsLogin: Bool { service.isEnabled && list.isUnrestricted(AccessUser.defaultName) }

    /// Whether a name is one of the auth service's, on or off: then `ACL SETUSER` doesn't take it.
    public func isServiceName(_ name: [UInt8]) -> Bool { service.user(AuthName(bytes: name)) != nil }

    /// Whether a name is that of a user whom the auth service knows, while it is asked.
    func isServiceUser(_ name: [UInt8]) -> Bool { service.isEnabled && isServiceName(name) }

    /// A user of the list, whose place no user of the auth service has taken.
    func listUser(named name: [UInt8]) -> AccessUser? { isServiceUser(name) ? nil : list.user(named: name) }

    func clientUser(named name: [UInt8]) -> ClientUser {
        isServiceUser(name) ? .service(AuthName(bytes: name)) : .list(name)
    }

    /// Whether there is a user of the name.
    public func knows(_ name: [UInt8]) -> Bool { shownUser(named: name) != nil }

    /// As ACL tells of a user of either kind.
    func shownUser(named name: [UInt8]) -> AccessUser? {
        guard service.isEnabled, let user = service.user(AuthName(bytes: name)) else { return list.user(named: name) }
        return AccessUser(user, in: service)
    }

    /// All of them, in byte order of names.
    var shownUsers: [AccessUser] {
        guard service.isEnabled else { return list.users }
        let shown = service.userNames.compactMap { shownUser(named: $0.bytes) }
        return (list.users.filter { !isServiceUser($0.name) } + shown)
            .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }

    /// Why a client may not run a command; `nil`: it may. Someone who isn't there may nothing.
    public func denial(
        of client: ClientUser, _ entry: CommandEntry, _ arguments: Arguments
    ) -> AccessDenial? {
        switch client {
        case .list(let name):
            guard let user = listUser(named: name) else { return .command(entry.name) }
            return user.denial(entry, arguments)
        case .service(let name): return service.denial(of: name, entry, arguments)
        }
    }

    /// Whether a user may do anything, so that nobody need ask.
    func isUnrestricted(_ user: ClientUser) -> Bool {
        switch user {
        case .list(let name): listUser(named: name)?.isUnrestricted == true
        case .service(let name): service.permissions(of: name)?.isRoot == true
        }
    }

    /// Whether a connection may stay: its user is there, with the password if it showed one, and may still hear all
    /// that it has asked for.
    public func allows(_ session: Session) -> Bool {
        guard isKnown(session) else { return false }
        switch session.user {
        case .list(let name):
            guard let user = listUser(named: name) else { return false }
            let rules = [user.root] + user.selectors
            return [session.channels, session.shardChannels].joined().allSatisfy { channel in
                rules.contains { $0.allows(channel: channel[...], isPattern: false) }
            }
                && session.patterns.allSatisfy { pattern in
                    rules.contains { $0.allows(channel: pattern[...], isPattern: true) }
                }
        case .service(let name):
            guard let permissions = service.permissions(of: name) else { return false }
            if permissions.isRoot { return true }
            return !session.isMonitor
                && [session.channels, session.shardChannels].joined().allSatisfy { permissions.allowsReading($0) }
                && session.patterns.allSatisfy { permissions.allowsReading(matching: $0[...]) }
        }
    }

    /// Whether a connection's user is who it was when it logged in.
    func isKnown(_ session: Session) -> Bool {
        switch session.user {
        case .list(let name):
            listUser(named: name) != nil && (!session.isStranger || letsStrangersIn || !service.isEnabled)
        case .service(let name):
            isServiceUser(name.bytes)
                && (session.isCertified || service.user(name)?.passwordHash == session.shownHash)
        }
    }
}

/// Who a connection is.
public enum ClientUser: Hashable, Sendable {
    case list([UInt8])
    case service(AuthName)

    public var name: [UInt8] {
        switch self {
        case .list(let name): name
        case .service(let name): name.bytes
        }
    }

    /// `nil`: the list's.
    public var serviceName: AuthName? { if case .service(let name) = self { name } else { nil } }
}
