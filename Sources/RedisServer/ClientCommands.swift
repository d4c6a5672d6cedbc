// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

extension ClientHub {
    func clientList(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        var listed = connectionsInOrder
        if arguments.count > 2 {
            if arguments.count == 4, arguments.matches(2, "TYPE") {
                guard let type = ClientType(arguments.text(3)) else {
                    return reply.error("ERR Unknown client type '\(arguments.text(3))'")
                }
                listed.removeAll { $0.type != type }
            } else if arguments.count > 3, arguments.matches(2, "ID") {
                let ids = (3..<arguments.count).compactMap { arguments.integer($0) }
                if ids.count < arguments.count - 3 { return reply.error("ERR Invalid client ID") }
                listed.removeAll { !ids.contains(Int64($0.session.id)) }
            } else {
                return reply.error("ERR syntax error")
            }
        }
        reply.verbatim(listed.map { $0.line(self) + "\n" }.joined())
    }

    func clientKill(_ arguments: Arguments, _ connection: RESPConnection, _ reply: inout ReplyWriter) {
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
                guard let type = ClientType(value) else { return reply.error("ERR Unknown client type '\(value)'") }
                victims.removeAll { $0.type != type }
            } else if arguments.matches(index, "SKIPME") {
                guard arguments.matches(index + 1, "YES") || arguments.matches(index + 1, "NO") else {
                    return reply.error("ERR syntax error")
                }
                sparesItself = arguments.matches(index + 1, "YES")
            } else if arguments.matches(index, "USER") {
                let name = arguments.array(index + 1)
                guard engine.access.knows(name) else { return reply.error("ERR No such user '\(value)'") }
                victims.removeAll { $0.session.userName != name }
            } else if arguments.matches(index, "MAXAGE") {
                guard let seconds = arguments.integer(index + 1), seconds > 0 else {
                    return reply.error("ERR maxage is not an integer or out of range")
                }
                victims.removeAll { $0.age(.now()) < seconds }
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

    func clientUnblock(_ arguments: Arguments, _ reply: inout ReplyWriter) {
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

/// Kinds of clients, as commands name them.
enum ClientType {
    case normal, pubsub
    /// There are none here.
    case master, replica

    init?(_ name: String) {
        switch name.lowercased() {
        case "normal": self = .normal
        case "pubsub": self = .pubsub
        case "master": self = .master
        case "slave", "replica": self = .replica
        default: return nil
        }
    }
}

extension RESPConnection {
    var type: ClientType { session.isSubscriber ? .pubsub : .normal }

    /// Seconds since it came.
    func age(_ now: NIODeadline) -> Int64 { (now - createdAt).nanoseconds / 1_000_000_000 }

    private var flags: String {
        var flags = ""
        if session.isMonitor { flags += "O" }
        if session.isSubscriber { flags += "P" }
        if session.transaction != nil { flags += "x" }
        if isWaiting { flags += "b" }
        return flags.isEmpty ? "N" : flags
    }

    /// What CLIENT LIST says about it. Source: Redis 8, in its order; what only its own threads and buffers have is 0.
    func line(_ hub: ClientHub) -> String {
        func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
        let now = NIODeadline.now()
        let (query, replies, unread) = (queryBytes, reply.bytes.count, unreadBytes)
        let queued = session.transaction?.byteCount ?? 0
        let fields: [(String, String)] = [
            ("id", "\(session.id)"), ("addr", address), ("laddr", localAddress), ("fd", "\(session.id)"),
            ("name", text(session.name)), ("age", "\(age(now))"),
            ("idle", "\((now - lastActive).nanoseconds / 1_000_000_000)"), ("flags", flags),
            ("db", "\(session.database)"), ("sub", "\(session.channels.count)"),
            ("psub", "\(session.patterns.count)"), ("ssub", "0"),
            ("multi", "\(session.transaction?.items.count ?? -1)"), ("watch", "\(session.watched.count)"),
            ("qbuf", "\(query.used)"), ("qbuf-free", "\(query.free)"), ("argv-mem", "0"), ("multi-mem", "\(queued)"),
            ("rbs", "\(reply.bytes.capacity)"), ("rbp", "\(reply.bytes.capacity)"), ("obl", "\(replies)"),
            ("oll", "0"), ("omem", "\(unread)"),
            ("tot-mem", "\(query.used + query.free + queued + reply.bytes.capacity + unread)"),
            ("events", unread > 0 ? "rw" : "r"), ("cmd", session.lastCommand.isEmpty ? "NULL" : session.lastCommand),
            ("user", text(session.userName)), ("redir", "-1"), ("resp", session.isRESP3 ? "3" : "2"),
            ("lib-name", text(session.libraryName)), ("lib-ver", text(session.libraryVersion)), ("io-thread", "0"),
            ("tot-net-in", "\(inputBytes)"), ("tot-net-out", "\(outputBytes)"), ("tot-cmds", "\(commandCount)"),
        ]
        return fields.map { "\($0)=\($1)" }.joined(separator: " ")
    }
}
