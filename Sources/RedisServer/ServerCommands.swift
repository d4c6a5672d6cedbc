// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

extension ClientHub {
    /// Carries out a command that needs to know more than its connection.
    func carryOut(
        _ entry: CommandEntry, _ arguments: Arguments, _ connection: RESPConnection, _ reply: inout ReplyWriter
    ) {
        switch entry.name {
        case "subscribe", "psubscribe":
            subscribe(arguments, connection, isPattern: entry.name == "psubscribe", &reply)
        case "unsubscribe", "punsubscribe":
            unsubscribe(arguments, connection, isPattern: entry.name == "punsubscribe", &reply)
        case "publish": reply.integer(publish(arguments.array(1), arguments.array(2)))
        case "pubsub|channels", "pubsub|numsub", "pubsub|numpat": pubsub(entry, arguments, &reply)
        case "client|info": reply.verbatim(connection.line(self) + "\n")
        case "client|list": clientList(arguments, &reply)
        case "client|kill": clientKill(arguments, connection, &reply)
        case "client|unblock": clientUnblock(arguments, &reply)
        case "reset":
            subscriptions.remove(connection.session.id)
            connection.session.reset(configuration.environment, engine.access)
            reply.isRESP3 = false
            reply.simple("RESET")
        case "monitor":
            addMonitor(connection)
            reply.ok()
        case "config|get": configGet(arguments, &reply)
        case "config|set": configSet(arguments, &reply)
        case "config|resetstat":
            statistics = ServerStatistics()
            calls = CommandStatistics()
            reply.ok()
        case "config|rewrite", "save": reply.ok()
        case "bgsave": reply.simple("Background saving started")
        case "bgrewriteaof": reply.simple("Background append only file rewriting started")
        case "lastsave": reply.integer(engine.now / 1000)
        case "time":
            reply.array(2)
            reply.bulk(engine.now / 1000)
            reply.bulk(engine.now % 1000 * 1000)
        case "role":
            // Every member takes writes: to clients that look for one who does, all are what they look for.
            reply.array(3)
            reply.bulk("master")
            reply.integer(engine.offset)
            reply.array(0)
        case "wait": waitForOthers(arguments, &reply)
        case "waitaof":
            waitForDisk(arguments, &reply)
        case "lolwut": reply.verbatim("Redis ver. \(configuration.environment.redisVersion)\n")
        case "info": info(arguments, &reply)
        case "shutdown": reply.error("ERR Errors trying to SHUTDOWN. Check logs.")
        case "acl|log": tellRefusals(arguments, &reply)
        case "acl|genpass": generatePassword(arguments, &reply)
        case "memory|stats": memoryStats(&reply)
        case "latency|histogram": tellLatencies(arguments, &reply)
        default:
            if entry.name.hasPrefix("debug|") { return debug(entry, arguments, connection, &reply) }
            reply.error("ERR '\(entry.name)' is not supported")
        }
    }

    /// WAIT: what was answered is with a majority. Whether with more isn't known, so nobody waits for that.
    private func waitForOthers(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        guard let others = arguments.integer(1), let timeout = arguments.integer(2) else {
            return reply.error("ERR value is not an integer or out of range")
        }
        if others < 0 { return reply.error("ERR value is out of range, must be positive") }
        if timeout < 0 { return reply.error("ERR timeout is negative") }
        reply.integer(engine.cluster.acknowledging)
    }

    /// WAITAOF: what was answered is on the disks of a majority.
    private func waitForDisk(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        guard let local = arguments.integer(1), let others = arguments.integer(2), arguments.integer(3) != nil else {
            return reply.error("ERR value is not an integer or out of range")
        }
        if local < 0 || local > 1 || others < 0 { return reply.error("ERR value is out of range, must be positive") }
        if local > 0, !engine.isDurable {
            return reply.error("ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.")
        }
        reply.array(2)
        reply.integer(engine.isDurable ? 1 : 0)
        reply.integer(engine.isDurable ? engine.cluster.acknowledging : 0)
    }

    // MARK: CLIENT

    private func clientList(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        var listed = connectionsInOrder
        if arguments.count > 2 {
            if arguments.count == 4, arguments.matches(2, "TYPE") {
                let isSubscriber = arguments.matches(3, "PUBSUB")
                if !isSubscriber, !arguments.matches(3, "NORMAL") { listed = [] }
                listed.removeAll { $0.session.isSubscriber != isSubscriber }
            } else if arguments.count > 3, arguments.matches(2, "ID") {
                let ids = (3..<arguments.count).compactMap { arguments.integer($0) }
                listed.removeAll { !ids.contains(Int64($0.session.id)) }
            } else {
                return reply.error("ERR syntax error")
            }
        }
        reply.verbatim(listed.map { $0.line(self) + "\n" }.joined())
    }

    private func clientKill(_ arguments: Arguments, _ connection: RESPConnection, _ reply: inout ReplyWriter) {
        if arguments.count == 3 {
            guard let victim = connectionsInOrder.first(where: { $0.address == arguments.text(2) }) else {
                return reply.error("ERR No such client")
            }
            kill(victim, connection)
            return reply.ok()
        }
        if arguments.count & 1 != 0 { return reply.error("ERR syntax error") }
        var victims = connectionsInOrder
        var sparesItself = true
        for index in stride(from: 2, to: arguments.count, by: 2) {
            let value = arguments.text(index + 1)
            if arguments.matches(index, "ID") {
                guard let id = arguments.integer(index + 1), id > 0 else {
                    return reply.error("ERR client-id should be greater than 0")
                }
                victims.removeAll { Int64($0.session.id) != id }
            } else if arguments.matches(index, "ADDR") {
                victims.removeAll { $0.address != value }
            } else if arguments.matches(index, "LADDR") {
                victims.removeAll { $0.localAddress != value }
            } else if arguments.matches(index, "TYPE") {
                victims.removeAll { ($0.session.isSubscriber ? "pubsub" : "normal") != value.lowercased() }
            } else if arguments.matches(index, "SKIPME") {
                sparesItself = !arguments.matches(index + 1, "NO")
            } else if arguments.matches(index, "USER") {
                victims.removeAll { $0.session.userName != arguments.array(index + 1) }
            } else {
                return reply.error("ERR syntax error")
            }
        }
        if sparesItself { victims.removeAll { $0 === connection } }
        for victim in victims { kill(victim, connection) }
        reply.integer(victims.count)
    }

    /// A client that ends itself gets its reply first.
    private func kill(_ victim: RESPConnection, _ killer: RESPConnection) {
        if victim !== killer { return victim.end() }
        let bound = NIOLoopBound(victim, eventLoop: loop)
        loop.execute {
            bound.value.flush()
            bound.value.end()
        }
    }

    private func clientUnblock(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        guard let id = arguments.integer(2) else {
            return reply.error("ERR value is not an integer or out of range")
        }
        var unblocking = WaitingKeyspace.Unblocking.timeout
        if arguments.count > 3 {
            guard arguments.count == 4, arguments.matches(3, "ERROR") || arguments.matches(3, "TIMEOUT") else {
                return reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
            }
            if arguments.matches(3, "ERROR") { unblocking = .error }
        }
        reply.integer(id > 0 && engine.unblock(UInt64(id), unblocking) ? 1 : 0)
    }
}

extension RESPConnection {
    /// What CLIENT LIST says about it.
    func line(_ hub: ClientHub) -> String {
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        func seconds(_ amount: Int64) -> Int64 { amount / 1_000_000_000 }
        let age = seconds((lastActive - createdAt).nanoseconds)
        var flags = ""
        if session.isMonitor { flags += "O" }
        if session.isSubscriber { flags += "P" }
        if isWaiting { flags += "b" }
        if session.transaction != nil { flags += "x" }
        if flags.isEmpty { flags = "N" }
        return "id=\(session.id) addr=\(address) laddr=\(localAddress) fd=\(session.id) name=\(text(session.name)) "
            + "age=\(age) idle=0 flags=\(flags) db=\(session.database) sub=\(session.channels.count) "
            + "psub=\(session.patterns.count) ssub=0 multi=\(session.transaction?.items.count ?? -1) "
            + "watch=\(session.watched.count) cmd=\(session.lastCommand.isEmpty ? "NULL" : session.lastCommand) "
            + "user=\(text(session.userName)) resp=\(session.isRESP3 ? 3 : 2) lib-name=\(text(session.libraryName)) "
            + "lib-ver=\(text(session.libraryVersion))"
    }
}
