// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

extension Keyspace {
    /// ACL SETUSER: all of the modifiers, or none.
    mutating func setUser(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let name = call.arguments.array(2)
        if name.contains(where: { $0 == 0 || AccessList.isBlank($0) }) {
            throw .text("ERR Usernames can't contain spaces or null characters")
        }
        if access.isServiceName(name) {
            throw .message(
                "ERR User '\(String(decoding: name, as: UTF8.self))' is one of the auth service: change it there")
        }
        let known = access.list.user(named: name)
        var user = known ?? AccessUser(name: name)
        let words = try AccessList.modifiers(call.arguments)
        if words.count > AccessUser.maximumItems { throw Self.tooManyRules }
        for word in words {
            do throws(ModifierError) {
                try user.apply(word[...])
            } catch {
                throw .modifier(word, error)
            }
        }
        user.settle()
        guard user.isWithinLimits else { throw Self.tooManyRules }
        if known == nil, access.list.users.count >= AccessList.maximumUsers { throw .text("ERR too many users") }
        changeAccess { $0.put(user, version: $1) }
        reply.ok()
    }

    private static let tooManyRules = CommandError.text("ERR too many rules for one user")

    mutating func deleteUsers(_ call: Call, _ reply: inout ReplyWriter) throws(CommandError) {
        let names = (2..<call.count).map { call.arguments.array($0) }
        if names.contains(AccessUser.defaultName) { throw .text("ERR The 'default' user cannot be removed") }
        var count = 0
        if let name = names.first(where: { access.isServiceName($0) && !access.list.hasUser(named: $0) }) {
            throw .message(
                "ERR User '\(String(decoding: name, as: UTF8.self))' is one of the auth service: remove it there")
        }
        for name in names where access.list.hasUser(named: name) {
            changeAccess { if $0.remove(name, version: $1) { count += 1 } }
        }
        reply.integer(count)
    }

    private mutating func changeAccess(_ body: (inout AccessList, UInt64) -> Void) {
        changeCount += 1
        body(&access.list, changeCount)
        changes.isAccessChanged = true
    }
}
