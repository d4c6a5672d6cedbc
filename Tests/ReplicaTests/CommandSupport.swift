// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletReplica
import Testing

extension TestMember {
    /// Hands over commands of one client; what is answered at once joins `commandReplies`.
    @discardableResult
    mutating func ask(_ client: UInt64, _ lines: String...) -> CommandAnswer { ask(client, lines: lines) }

    @discardableResult
    mutating func ask(_ client: UInt64, as user: AuthName? = nil, lines: [String]) -> CommandAnswer {
        var batch = CommandBatch()
        var entries: [CommandEntry] = []
        for line in lines {
            batch.append(line.split(separator: " ").map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(batch[batch.count - 1]) else {
                Issue.record("no command: \(line)")
                continue
            }
            entries.append(entry)
        }
        var request = CommandRequest(
            client: client, database: 0, isRESP3: false, allowsLateReads: false, commands: batch)
        request.user = user
        request.items = entries.enumerated().map { ($0.offset, $0.element) }
        var reply = ReplyWriter()
        let answer = replica.run(request, &reply, at: moment, into: &effects)
        note(reply, client, answer)
        return answer
    }

    /// Hands over a transaction.
    @discardableResult
    mutating func exec(
        _ client: UInt64, as user: AuthName? = nil, _ lines: [String], watching keys: [String] = []
    ) -> CommandAnswer {
        var transaction = Transaction()
        transaction.user = user
        for line in lines {
            let arguments = Arguments(line.split(separator: " ").map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(arguments) else {
                Issue.record("no command: \(line)")
                continue
            }
            transaction.append(arguments, entry, database: 0)
        }
        for key in keys.map({ Array($0.utf8) }) {
            let version = replica.keyspace.version(of: key, in: 0, now: replica.commandTime(at: moment))
            transaction.watched.append(WatchedKey(database: 0, name: key, version: version))
        }
        var reply = ReplyWriter()
        let answer = replica.run(
            transaction, client: client, &reply, at: moment, into: &effects,
            outside: { _, reply in reply.simple("outside") })
        note(reply, client, answer)
        return answer
    }

    private mutating func note(_ reply: ReplyWriter, _ client: UInt64, _ answer: CommandAnswer) {
        if answer == .complete || !reply.bytes.isEmpty {
            commandReplies.append(CommandReply(client: client, bytes: reply.bytes, isLast: answer == .complete))
        }
    }

    /// All that a client was told since the last call; line ends are bars.
    mutating func told(_ client: UInt64) -> String {
        var bytes: [UInt8] = []
        for reply in commandReplies where reply.client == client { bytes += reply.bytes }
        commandReplies.removeAll { $0.client == client }
        var text = String(decoding: bytes, as: UTF8.self)
        text = String(text.split(separator: "\r\n", omittingEmptySubsequences: false).joined(separator: "|"))
        return text.hasSuffix("|") ? String(text.dropLast()) : text
    }

    /// What a client is told of commands that are carried out by themselves.
    mutating func result(_ client: UInt64, as user: AuthName? = nil, _ lines: String...) -> String {
        ask(client, as: user, lines: lines)
        step(.turnEnded)
        settle()
        return told(client)
    }
}
