// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// Replies of ACL's subcommands that only tell.
enum AccessReplies {
    /// Whether a command is one of them.
    ///
    /// - Parameter asksPassword: the server has a password of its own, in the place of the default user's none.
    static func write(
        _ entry: CommandEntry, _ arguments: Arguments, of access: AccessControl, asksPassword: Bool,
        _ reply: inout ReplyWriter
    ) -> Bool {
        let asksPassword = asksPassword || access.needsLogin
        switch entry.name {
        case "acl|users":
            let users = access.shownUsers
            reply.array(users.count)
            for user in users { reply.bulk(user.name) }
        case "acl|list":
            let users = access.shownUsers
            reply.array(users.count)
            for user in users {
                reply.bulk(Array("user ".utf8) + user.name + [32] + told(user, asksPassword).text)
            }
        case "acl|getuser":
            guard let user = access.shownUser(named: arguments.array(2)) else {
                reply.null()
                return true
            }
            write(told(user, asksPassword), &reply)
        case "acl|cat": CommandReplies.categories(arguments, &reply)
        case "acl|dryrun": dryRun(arguments, access, &reply)
        case "acl|load", "acl|save":
            reply.error(
                """
                ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the \
                ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file \
                set) in order to store users in the Redis configuration.
                """)
        default: return false
        }
        return true
    }

    private static func told(_ user: AccessUser, _ asksPassword: Bool) -> AccessUser {
        guard asksPassword, user.name == AccessUser.defaultName else { return user }
        var user = user
        user.needsNoPassword = false
        return user
    }

    private static func write(_ user: AccessUser, _ reply: inout ReplyWriter) {
        reply.map(6)
        reply.bulk("flags")
        reply.set(user.flags.count)
        for flag in user.flags { reply.bulk(flag) }
        reply.bulk("passwords")
        reply.array(user.passwords.count)
        for password in user.passwords { reply.bulk(password) }
        write(user.root, &reply)
        reply.bulk("selectors")
        reply.array(user.selectors.count)
        for selector in user.selectors {
            reply.map(3)
            write(selector, &reply)
        }
    }

    private static func write(_ rules: AccessRules, _ reply: inout ReplyWriter) {
        reply.bulk("commands")
        reply.bulk(rules.commandText)
        reply.bulk("keys")
        reply.bulk(rules.keyText)
        reply.bulk("channels")
        reply.bulk(rules.channelText(isWhole: false))
    }

    private static func dryRun(_ arguments: Arguments, _ access: AccessControl, _ reply: inout ReplyWriter) {
        let name = arguments.array(2)
        guard access.shownUser(named: name) != nil else {
            return reply.error("ERR User '\(arguments.text(2))' not found")
        }
        let command = arguments.dropping(3)
        switch CommandTable.shared.find(command) {
        case .refused(let error):
            if CommandTable.shared.entry(command) != nil { return reply.error(error) }
            reply.error("ERR Command '\(arguments.text(3))' not found")
        case .found(let entry):
            if let denial = access.denial(of: access.clientUser(named: name), entry, command) {
                return reply.bulk(denial.longText(of: name))
            }
            reply.ok()
        }
    }
}
