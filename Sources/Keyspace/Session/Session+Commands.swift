// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec

extension Session {
    /// Commands that are a matter of the connection: of the others says that they are the server's.
    mutating func outside(
        _ entry: CommandEntry, _ arguments: Arguments, _ keyspace: Keyspace, now: Int64, _ environment: Environment,
        _ reply: inout ReplyWriter
    ) -> SessionStep {
        switch entry.name {
        case "multi": beginTransaction(&reply)
        case "exec": return endTransaction(keyspace.access, &reply)
        case "discard":
            if transaction == nil {
                reply.error("ERR DISCARD without MULTI")
            } else {
                forgetTransaction()
                reply.ok()
            }
        case "watch": watch(arguments, keyspace, now: now, &reply)
        case "quit":
            reply.ok()
            return .close
        default:
            return answer(entry, arguments, keyspace.access, environment, &reply) ? .answered : .server(entry)
        }
        return .answered
    }

    /// Carries out a command of the connection, in a transaction or by itself.
    ///
    /// - Returns: `false` where it is none.
    public mutating func answer(
        _ entry: CommandEntry, _ arguments: Arguments, _ access: AccessControl, _ environment: Environment,
        _ reply: inout ReplyWriter
    ) -> Bool {
        switch entry.name {
        case "ping": ping(arguments, &reply)
        case "echo": reply.bulk(arguments[1])
        case "select":
            do throws(CommandError) {
                database = try Keyspace.databaseIndex(arguments, 1)
                reply.ok()
            } catch {
                error.write(into: &reply)
            }
        case "unwatch":
            forgetWatched()
            reply.ok()
        case "hello": hello(arguments, access, environment, &reply)
        case "auth": auth(arguments, access, environment, &reply)
        case "readonly", "readwrite":
            allowsLateReads = entry.name == "readonly"
            reply.ok()
        case "client|id": reply.integer(Int64(id))
        case "client|getname": if name.isEmpty { reply.null() } else { reply.bulk(name) }
        case "client|setname": setName(arguments.array(2), &reply)
        case "client|setinfo": setInfo(arguments, &reply)
        case "client|no-evict", "client|no-touch":
            if arguments.matches(2, "ON") || arguments.matches(2, "OFF") {
                reply.ok()
            } else {
                reply.error("ERR syntax error")
            }
        case "client|reply": setReplies(arguments, &reply)
        case "command": CommandReplies.all(&reply)
        case "command|count": reply.integer(CommandTable.shared.entries.count)
        case "command|info": CommandReplies.info(arguments, &reply)
        case "command|docs": CommandReplies.docs(arguments, &reply)
        case "command|list": CommandReplies.list(arguments, &reply)
        case "command|getkeys": CommandReplies.keys(arguments, &reply)
        case "script|flush", "function|flush": flushScripts(entry, arguments, &reply)
        case "script|kill", "function|kill": reply.error("NOTBUSY No scripts in execution right now.")
        case "function|list", "module|list": reply.array(0)
        case "memory|purge": reply.ok()
        case "memory|malloc-stats": reply.verbatim("Stats not supported for the current allocator")
        case "script|exists":
            reply.array(arguments.count - 2)
            for _ in 2..<arguments.count { reply.integer(0) }
        case "acl|whoami": reply.bulk(userName)
        case "cluster", "asking": reply.error("ERR This instance has cluster support disabled")
        case "memory|doctor": reply.verbatim("Nothing to report.")
        case let name where name.hasSuffix("|help") && name != "debug|help": CommandHelp.write(entry, &reply)
        default:
            return AccessReplies.write(
                entry, arguments, of: access, asksPassword: environment.password != nil, &reply)
        }
        return true
    }

    private func flushScripts(_ entry: CommandEntry, _ arguments: Arguments, _ reply: inout ReplyWriter) {
        let isPlain = arguments.count == 2
        guard isPlain || arguments.count == 3 && (arguments.matches(2, "SYNC") || arguments.matches(2, "ASYNC")) else {
            let name = entry.name.split(separator: "|")[0].uppercased()
            let verb = name == "SCRIPT" ? "support" : "supports"
            return reply.error("ERR \(name) FLUSH only \(verb) SYNC|ASYNC option")
        }
        reply.ok()
    }

    private func ping(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.count > 2 { return reply.error("ERR wrong number of arguments for 'ping' command") }
        if isSubscriber, !isRESP3 {
            reply.array(2)
            reply.bulk("pong")
            if arguments.count == 2 { reply.bulk(arguments[1]) } else { reply.bulk("") }
        } else if arguments.count == 2 {
            reply.bulk(arguments[1])
        } else {
            reply.simple("PONG")
        }
    }

    // MARK: Who is there

    private mutating func hello(
        _ arguments: Arguments, _ access: AccessControl, _ environment: Environment, _ reply: inout ReplyWriter
    ) {
        var wantsRESP3 = isRESP3
        if arguments.count > 1 {
            guard let version = arguments.integer(1) else {
                return reply.error("ERR Protocol version is not an integer or out of range")
            }
            guard version == 2 || version == 3 else { return reply.error("NOPROTO unsupported protocol version") }
            wantsRESP3 = version == 3
        }
        var newName: [UInt8]?
        var index = 2
        while index < arguments.count {
            if arguments.matches(index, "AUTH"), index + 2 < arguments.count {
                let (user, password) = (arguments.array(index + 1), arguments.array(index + 2))
                guard authenticate(user, password, access, environment) else {
                    return reply.error(Self.wrongPassword)
                }
                index += 3
            } else if arguments.matches(index, "SETNAME"), index + 1 < arguments.count {
                newName = arguments.array(index + 1)
                index += 2
            } else {
                return reply.error("ERR Syntax error in HELLO option '\(arguments.text(index))'")
            }
        }
        guard isAuthenticated else {
            return reply.error(
                """
                NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
                <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
                the same time
                """)
        }
        if let newName {
            guard Self.isName(newName) else { return reply.error(Self.badName) }
            name = newName
        }
        isRESP3 = wantsRESP3
        reply.isRESP3 = isRESP3
        reply.map(7)
        reply.bulk("server")
        reply.bulk("redis")
        reply.bulk("version")
        reply.bulk(environment.redisVersion)
        reply.bulk("proto")
        reply.integer(isRESP3 ? 3 : 2)
        reply.bulk("id")
        reply.integer(Int64(id))
        reply.bulk("mode")
        reply.bulk("standalone")
        reply.bulk("role")
        reply.bulk("master")
        reply.bulk("modules")
        reply.array(0)
    }

    private static let badName: StaticString =
        "ERR Client names cannot contain spaces, newlines or special characters."

    private static func isName(_ name: [UInt8]) -> Bool { name.allSatisfy { 0x21 <= $0 && $0 <= 0x7E } }

    private mutating func setName(_ name: [UInt8], _ reply: inout ReplyWriter) {
        guard Self.isName(name) else { return reply.error(Self.badName) }
        self.name = name
        reply.ok()
    }

    private mutating func setInfo(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        let value = arguments.array(3)
        guard Self.isName(value) else {
            return reply.error("ERR \(arguments.text(2)) cannot contain spaces, newlines or special characters.")
        }
        if arguments.matches(2, "LIB-NAME") {
            libraryName = value
        } else if arguments.matches(2, "LIB-VER") {
            libraryVersion = value
        } else {
            return reply.error("ERR Unrecognized option '\(arguments.text(2))'")
        }
        reply.ok()
    }

    private mutating func setReplies(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.matches(2, "ON") {
            replies = .on
            reply.ok()
        } else if arguments.matches(2, "OFF") {
            replies = .off
        } else if arguments.matches(2, "SKIP") {
            if replies != .off { replies = .skipsNext }
        } else {
            reply.error("ERR syntax error")
        }
    }

    /// As a new connection: RESET.
    public mutating func reset(_ environment: Environment, _ access: AccessControl) {
        let name = certifiedName
        self = Session(id: id, environment: environment, access: access)
        if let name { certify(name, access) }
    }
}
