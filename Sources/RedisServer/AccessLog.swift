// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletKeyspace
import MartletRESPCodec
import NIOCore

/// What users were refused lately, at this server: newest first.
struct AccessLog {
    struct Entry {
        var id: UInt64
        var count = 1
        var reason: String
        var context: String
        var object: [UInt8]
        var user: [UInt8]
        var client: String
        /// Milliseconds of the Unix clock.
        var createdAt: Int64
        var updatedAt: Int64
    }

    private(set) var entries: [Entry] = []
    private var nextID: UInt64 = 0

    /// Source: Redis's `acllog-max-len`.
    private static let maximumEntries = 128
    /// Of a key or a user's name: a log of names, not of values.
    private static let maximumObjectBytes = 512
    /// Milliseconds within which the same again is counted. Source: Redis.
    private static let groupingTime: Int64 = 60_000

    mutating func note(_ refusal: Refusal, command: String, client: String, now: Int64) {
        let entry = Entry(
            id: nextID, reason: refusal.denial?.reason ?? "auth",
            context: refusal.isInTransaction ? "multi" : "toplevel",
            object: Array((refusal.denial?.object ?? Array(command.utf8)).prefix(Self.maximumObjectBytes)),
            user: Array(refusal.user.prefix(Self.maximumObjectBytes)), client: client, createdAt: now,
            updatedAt: now)
        if let place = entries.firstIndex(where: { Self.isSame($0, entry) && now - $0.updatedAt <= Self.groupingTime })
        {
            var known = entries.remove(at: place)
            (known.count, known.updatedAt, known.client) = (known.count + 1, now, client)
            entries.insert(known, at: 0)
            return
        }
        nextID += 1
        entries.insert(entry, at: 0)
        if entries.count > Self.maximumEntries { entries.removeLast() }
    }

    private static func isSame(_ left: Entry, _ right: Entry) -> Bool {
        left.reason == right.reason && left.context == right.context && left.object == right.object
            && left.user == right.user
    }

    mutating func removeAll() { entries = [] }
}

extension ClientHub {
    /// ACL LOG.
    func tellRefusals(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.count > 3 { return reply.error("ERR wrong number of arguments for 'acl|log' command") }
        var count = 10
        if arguments.count == 3 {
            if arguments.matches(2, "RESET") {
                accessLog.removeAll()
                return reply.ok()
            }
            guard let number = arguments.integer(2) else {
                return reply.error("ERR value is not an integer or out of range")
            }
            count = Int(clamping: max(number, 0))
        }
        let now = engine.now
        let told = accessLog.entries.prefix(count)
        reply.array(told.count)
        for entry in told {
            reply.map(10)
            reply.bulk("count")
            reply.integer(entry.count)
            for (name, value) in [
                ("reason", Array(entry.reason.utf8)), ("context", Array(entry.context.utf8)), ("object", entry.object),
                ("username", entry.user),
            ] {
                reply.bulk(name)
                reply.bulk(value)
            }
            reply.bulk("age-seconds")
            reply.double(Double(max(now - entry.createdAt, 0)) / 1000)
            reply.bulk("client-info")
            reply.bulk(entry.client)
            reply.bulk("entry-id")
            reply.integer(Int64(entry.id))
            reply.bulk("timestamp-created")
            reply.integer(entry.createdAt)
            reply.bulk("timestamp-last-updated")
            reply.integer(entry.updatedAt)
        }
    }

    /// ACL GENPASS.
    func generatePassword(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        if arguments.count > 3 { return reply.error("ERR wrong number of arguments for 'acl|genpass' command") }
        var bits: Int64 = 256
        if arguments.count == 3 {
            guard let number = arguments.integer(2) else {
                return reply.error("ERR value is not an integer or out of range")
            }
            guard 1...4096 ~= number else {
                return reply.error(
                    """
                    ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up \
                    to 4096
                    """)
            }
            bits = number
        }
        var random = SystemRandomNumberGenerator()
        reply.bulk((0..<(bits + 3) / 4).map { _ in String(random.next(upperBound: 16 as UInt64), radix: 16) }.joined())
    }

    /// Takes note of what a client was refused.
    func noteRefusals(_ connection: RESPConnection) {
        if connection.session.refusals.isEmpty { return }
        let client = connection.line(self)
        let command = connection.session.lastCommand
        for refusal in connection.session.refusals {
            engine.note(refusal.audit(peer: connection.address, command: command))
            if refusal.isStrangers { continue }
            accessLog.note(refusal, command: command, client: client, now: engine.now)
        }
        connection.session.refusals = []
    }

    /// As `noteRefusals`, of a command that had been let in.
    func note(_ refusal: CommandRefusal) {
        let connection = connections[refusal.client]
        let noted = Refusal(user: refusal.user.bytes, denial: refusal.denial, isInTransaction: false)
        engine.note(noted.audit(peer: connection?.address ?? "", command: refusal.command))
        accessLog.note(noted, command: refusal.command, client: connection?.line(self) ?? "", now: engine.now)
    }

    func rightsHaveChanged() { checkUsers() }

    /// Sends clients away whose users were removed, or who hear what they may not any more. To be
    /// called when users may have changed.
    func checkUsers() {
        let version = engine.accessVersion
        if version == knownAccess { return }
        knownAccess = version
        let access = engine.access
        for connection in connectionsInOrder
        where connection.session.isAuthenticated && !access.allows(connection.session) {
            // One that removes itself gets its reply first.
            let bound = NIOLoopBound(connection, eventLoop: loop)
            loop.execute {
                bound.value.flush()
                bound.value.end()
            }
        }
    }
}
