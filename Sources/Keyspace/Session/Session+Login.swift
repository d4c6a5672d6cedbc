// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletRESPCodec

/// A password to be checked against a hash of the auth service's: by bcrypt, which takes a good part of a second.
public struct Login: Hashable, Sendable {
    public let user: AuthName
    public let password: [UInt8]
    /// `nil`: nobody has it. It is to take as long as if somebody had, so that the time doesn't tell who is there.
    public let hash: [UInt8]?
}

/// What came of a login.
struct LoginVerdict: Hashable, Sendable {
    let login: Login
    let isRight: Bool
}

extension Session {
    /// The login that a command asks for, if its name may be one of the auth service's.
    func login(_ entry: CommandEntry, _ arguments: Arguments, _ access: AccessControl) -> Login? {
        guard access.service.isEnabled, entry.flags.contains(.noAuth) else { return nil }
        var place: Int?
        if entry.name == "auth" {
            // A password alone is the default user's.
            if arguments.count == 3 { place = 1 }
        } else if entry.name == "hello" {
            place = Self.loginPlace(arguments)
        }
        guard let place else { return nil }
        let name = arguments.array(place)
        if access.listUser(named: name) != nil { return nil }
        return Login(
            user: AuthName(bytes: name), password: arguments.array(place + 1),
            hash: Self.hash(of: AuthName(bytes: name), access))
    }

    private static func hash(of name: AuthName, _ access: AccessControl) -> [UInt8]? {
        guard let user = access.service.user(name), !user.hasNoPassword else { return nil }
        return user.passwordHash
    }

    /// The first name that HELLO logs in with, read as `hello` reads its words.
    private static func loginPlace(_ arguments: Arguments) -> Int? {
        var index = 2
        while index < arguments.count {
            if arguments.matches(index, "AUTH"), index + 2 < arguments.count { return index + 1 }
            guard arguments.matches(index, "SETNAME"), index + 1 < arguments.count else { return nil }
            index += 2
        }
        return nil
    }

    /// Answers the command that asked for a login, now that its password was checked.
    ///
    /// - Returns: another login that is to be done first: the user's password was changed meanwhile.
    public mutating func endLogin(
        _ login: Login, isRight: Bool, _ entry: CommandEntry, _ arguments: Arguments, _ access: AccessControl,
        _ environment: Environment, _ reply: inout ReplyWriter
    ) -> Login? {
        let hash = access.service.isEnabled ? Self.hash(of: login.user, access) : nil
        if hash != login.hash, hash != nil { return Login(user: login.user, password: login.password, hash: hash) }
        verdict = LoginVerdict(login: login, isRight: isRight && hash != nil)
        reply.isRESP3 = isRESP3
        _ = answer(entry, arguments, access, environment, &reply)
        verdict = nil
        return nil
    }

    /// As `endLogin`, where the password couldn't be checked.
    public mutating func refuseLogin(_ reply: inout ReplyWriter) {
        reply.isRESP3 = isRESP3
        reply.error("TRYAGAIN too many logins wait")
    }

    /// Logs in with what came of a login; whether it did.
    mutating func authenticate(_ verdict: LoginVerdict, _ name: [UInt8], _ password: [UInt8]) -> Bool {
        let login = verdict.login
        guard verdict.isRight, login.user.bytes == name, login.password == password, let hash = login.hash else {
            return false
        }
        enter(as: .service(login.user))
        shownHash = hash
        return true
    }

    /// Notes whom the client's certificate names, before its first command. While authentication is on the connection
    /// is that user, if there is one, until it says who else it is.
    public mutating func certify(_ name: AuthName, _ access: AccessControl) {
        certifiedName = name
        enterAsCertified(access)
    }

    mutating func enterAsCertified(_ access: AccessControl) {
        guard let certifiedName, access.isServiceUser(certifiedName.bytes) else { return }
        enter(as: .service(certifiedName))
        isCertified = true
    }

    mutating func enter(as user: ClientUser) {
        isAuthenticated = true
        isStranger = false
        isCertified = false
        shownHash = []
        self.user = user
        knownAccess = nil
    }
}
