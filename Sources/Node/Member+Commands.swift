// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
package import MartletKeyspace
package import MartletRESPCodec
import MartletReplica
import NIOCore

/// Those who ask a member's keyspace: on its loop.
package protocol CommandClients: AnyObject {
    /// In the order of the replies.
    func take(_ replies: [CommandReply])
    func take(_ events: [KeyEvent])
    func take(_ refusals: [CommandRefusal])
    /// What clients of another member have published.
    func take(_ messages: [ChannelMessage])
    /// Somebody may do more or less than before.
    func rightsHaveChanged()
}

extension Member {
    /// Carries out commands of a client: at once where they change nothing; otherwise their replies come to
    /// `commandClients` in a later turn, when what they changed is durable.
    package func run(_ request: CommandRequest, _ reply: inout ReplyWriter) -> CommandAnswer {
        let answer = replica.run(request, &reply, at: now, into: &effects)
        if answer == .later { awaitCommands() }
        return answer
    }

    /// As above, for commands that are carried out together; see `Replica.run`.
    package func run(
        _ transaction: Transaction, client: UInt64, _ reply: inout ReplyWriter,
        outside: (Int, inout ReplyWriter) -> Void
    ) -> CommandAnswer {
        let answer = replica.run(
            transaction, client: client, &reply, at: now, into: &effects, outside: outside)
        if answer == .later { awaitCommands() }
        return answer
    }

    /// Ends a client's wait; whether it waited.
    package func unblock(_ client: UInt64, _ unblocking: WaitingKeyspace.Unblocking) -> Bool {
        guard replica.unblock(client, unblocking, into: &effects) else { return false }
        endTurnSoon()
        return true
    }

    /// Forgets a client that has gone.
    package func forget(client: UInt64) { replica.forget(client: client) }

    /// The databases as of the last applied record.
    package var keyspace: Keyspace {
        _read { yield replica.keyspace }
    }

    /// See `AccessControl`. Asked with each batch, so without a look at the whole keyspace.
    package var accessVersion: AccessControl.Version { replica.accessVersion() }

    /// Tells those who ask the keyspace what was refused, and that somebody's rights have changed: by whichever
    /// protocol, at whichever member.
    func tellOfRights() {
        guard let commandClients else { return }
        let refusals = replica.takeCommandRefusals()
        if !refusals.isEmpty { commandClients.take(refusals) }
        let version = replica.accessVersion()
        guard version != knownAccess else { return }
        knownAccess = version
        commandClients.rightsHaveChanged()
    }

    /// What commands take for the time. Milliseconds of the Unix clock.
    package var commandTime: Int64 { replica.commandTime(at: now) }

    /// The last record of the log that the keyspace holds.
    package var commandOffset: Int64 { Int64(clamping: status.applied.index.rawValue) }

    /// Whether what is answered is on disk.
    package var isDurable: Bool { data != nil }

    /// Members that vote, this one among them.
    package var voterCount: Int { replica.cluster.members.count { !$0.isLearner } }
    package var isLeading: Bool { replica.isLeader }

    /// Clients that wait for what isn't there, and where.
    package var blockedCounts: BlockedReaders.Counts { replica.blockedCounts }

    package var isNotifyingKeyEvents: Bool {
        get { replica.isNotifyingKeyEvents }
        set { replica.isNotifyingKeyEvents = newValue }
    }

    private func awaitCommands() {
        endTurnSoon()
        scheduleCommands()
    }

    /// Sees to it that the replica hears when it is time for what waits in the keyspace.
    func scheduleCommands() {
        guard replica.mayHaveCommandsDue(), case .running = phase else { return }
        let moment = now
        guard let due = replica.commandsDue(at: moment) else { return }
        if let commandTimer, commandTimer.at <= due { return }
        commandTimer?.scheduled.cancel()
        let delay = min(max(due - moment.monotonic, .zero), Self.longestCommandSleep)
        let scheduled = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
            self.commandTimer = nil
            self.step(.commandsDue)
        }
        commandTimer = (scheduled, due)
    }

    /// Whatever is due later is looked at again then.
    private static let longestCommandSleep = Duration.seconds(3600)
}
