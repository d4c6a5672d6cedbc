// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

extension ClientHub {
    /// Seconds that DEBUG SLEEP takes at most.
    private static let longestSleep = 3600.0

    /// DEBUG, for tests, where the configuration allows it.
    func debug(
        _ entry: CommandEntry, _ arguments: Arguments, _ connection: RESPConnection, _ reply: inout ReplyWriter
    ) {
        guard configuration.allowsDebugging else {
            return reply.error(
                """
                ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it \
                from a local connection, otherwise you need to set this option in the configuration file, and then \
                restart the server.
                """)
        }
        switch entry.name {
        case "debug|sleep":
            guard let seconds = Double(arguments.text(2)), seconds >= 0 else {
                return reply.error("ERR value is not a valid float")
            }
            // The client waits, nobody else does.
            connection.wait(for: .nanoseconds(Int64(min(seconds, Self.longestSleep) * 1e9)))
        case "debug|object":
            var question = CommandBatch()
            question.append([Array("OBJECT".utf8), Array("ENCODING".utf8), arguments.array(2)])
            var told = ReplyWriter()
            guard let container = CommandTable.shared.entry(named: "object"),
                let encoding = container.subcommands.first(where: { $0.name == "object|encoding" })
            else { preconditionFailure("OBJECT ENCODING is gone") }
            let call = Call(question[0], database: connection.session.database, now: engine.now)
            _ = engine.keyspace.read(encoding, call, &told)
            let lines = String(decoding: told.bytes, as: UTF8.self).split(separator: "\r\n")
            guard lines.count == 2 else { return reply.error("ERR no such key") }
            reply.simple("Value at:0x0 refcount:1 encoding:\(lines[1]) serializedlength:0 lru:0 lru_seconds_idle:0")
        case "debug|help": CommandHelp.write(entry, &reply)
        // All is in the log, and what is read from there is what is in memory.
        default: reply.ok()
        }
    }

    /// MEMORY STATS. Complexity: O(keys).
    func memoryStats(_ reply: inout ReplyWriter) {
        let keyspace = engine.keyspace
        let bytes = keyspace.memoryBytes()
        let keys = (0..<Keyspace.databaseCount).reduce(0) { $0 + keyspace.counts(of: $1).keys }
        let stats = [
            ("total.allocated", bytes), ("dataset.bytes", bytes), ("keys.count", keys),
            ("keys.bytes-per-key", keys == 0 ? 0 : bytes / keys),
        ]
        reply.map(stats.count)
        for (name, number) in stats {
            reply.bulk(name)
            reply.integer(number)
        }
    }
}
