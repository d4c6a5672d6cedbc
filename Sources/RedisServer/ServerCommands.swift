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
        case "subscribe", "psubscribe", "ssubscribe":
            subscribe(SubscriptionKind(of: entry), arguments, connection, &reply)
        case "unsubscribe", "punsubscribe", "sunsubscribe":
            unsubscribe(SubscriptionKind(of: entry), arguments, connection, &reply)
        case "publish", "spublish":
            let (channel, message, isShard) = (arguments.array(1), arguments.array(2), entry.name == "spublish")
            reply.integer(isShard ? publish(toShard: channel, message) : publish(channel, message))
            engine.publish(channel, message, isShard: isShard)
        case "pubsub|channels", "pubsub|numsub", "pubsub|numpat", "pubsub|shardchannels", "pubsub|shardnumsub":
            pubsub(entry, arguments, &reply)
        case "client|info": reply.verbatim(connection.line(self) + "\n")
        case "client|list": clientList(arguments, connection, &reply)
        case "client|kill": clientKill(arguments, connection, &reply)
        case "client|unblock": clientUnblock(arguments, &reply)
        case "reset":
            forgetSubscriptions(of: connection.session)
            removeMonitor(connection.session.id)
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
        case "latency|latest", "latency|history", "latency|graph", "latency|reset", "latency|doctor":
            tellLatency(entry, arguments, &reply)
        case "slowlog|get": tellSlow(arguments, &reply)
        case "slowlog|len": reply.integer(slowLog.entries.count)
        case "slowlog|reset":
            slowLog.removeAll()
            reply.ok()
        default:
            if entry.name.hasPrefix("debug|") { return debug(entry, arguments, connection, &reply) }
            reply.error("ERR '\(entry.name)' is not supported")
        }
    }

    /// WAIT: what was answered is with a majority. Whether with more isn't known, so nobody waits for that.
    private func waitForOthers(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        guard let others = arguments.integer(1) else {
            return reply.error("ERR value is not an integer or out of range")
        }
        guard let timeout = arguments.integer(2) else {
            return reply.error("ERR timeout is not an integer or out of range")
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
}
