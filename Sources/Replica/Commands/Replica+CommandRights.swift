// SPDX-License-Identifier: Apache-2.0

import MartletAuth
public import MartletKeyspace
import MartletRESPCodec

// Users of the auth service are asked for their rights when their commands are carried out, by the state as it is then:
// a right that was taken away ends with the record that took it, for what is in the log behind it too.
extension Replica {
    /// Whether a command is refused to its user; then the error is written.
    mutating func refuses(_ entry: CommandEntry, _ call: Call, _ reply: inout ReplyWriter) -> Bool {
        guard let user = call.user, let denial = keyspace.denial(of: user, entry, call.arguments, store) else {
            return false
        }
        denial.write(of: user, into: &reply)
        note(CommandRefusal(client: call.client, user: user, command: entry.name, denial: denial))
        return true
    }

    /// Takes note of what of a transaction its user may not do: then nothing of it is done.
    mutating func noteRefusals(of transaction: Transaction, client: UInt64) {
        guard let user = transaction.user else { return }
        for (index, item) in transaction.items.enumerated() {
            guard let denial = keyspace.denial(of: user, item.entry, transaction.commands[index], store) else {
                continue
            }
            note(CommandRefusal(client: client, user: user, command: item.entry.name, denial: denial))
            return
        }
    }

    private mutating func note(_ refusal: CommandRefusal) {
        guard commands.refusals.count < Self.maximumRefusals else { return }
        commands.refusals.append(refusal)
    }

    /// Of one step. Rights seldom change under commands that are on their way; what is more is told by replies alone.
    private static let maximumRefusals = 1024

    /// What was refused since this was last asked.
    public mutating func takeCommandRefusals() -> [CommandRefusal] {
        if commands.refusals.isEmpty { return [] }
        defer { commands.refusals = [] }
        return commands.refusals
    }

    /// Lets the keyspace know what the auth service has become.
    mutating func showAuth() { keyspace.access.service = auth }
}
