// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

extension ClientHub {
    func clientList(_ arguments: Arguments, _ connection: RESPConnection, _ reply: inout ReplyWriter) {
        guard let listed = clients(arguments, for: .list, connection, &reply) else { return }
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
        guard let victims = clients(arguments, for: .kill, connection, &reply) else { return }
        for victim in victims { kill(victim, connection) }
        reply.integer(victims.count)
    }

    /// Those that a command's filter admits; nil: the reply says what is wrong with it.
    private func clients(
        _ arguments: Arguments, for purpose: ClientFilter.Purpose, _ connection: RESPConnection,
        _ reply: inout ReplyWriter
    ) -> [RESPConnection]? {
        do throws(ClientFilter.Malformed) {
            let filter = try ClientFilter(arguments, for: purpose, engine.access)
            let now = NIODeadline.now()
            return connectionsInOrder.filter { filter.admits($0, asker: connection, at: now) }
        } catch {
            reply.error(error.text)
            return nil
        }
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
            ("psub", "\(session.patterns.count)"), ("ssub", "\(session.shardChannels.count)"),
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
