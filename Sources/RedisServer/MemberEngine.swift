// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletKeyspace
package import MartletNode
package import MartletRESPCodec

/// The keyspace of a member: changes go by way of its log, and are answered when they are durable.
package final class MemberEngine: KeyspaceEngine {
    private let member: Member
    package weak var clients: (any KeyspaceClients)?

    package init(_ member: Member) {
        self.member = member
        member.commandClients = self
    }

    package var keyspace: Keyspace { member.keyspace }
    package var access: AccessControl { member.keyspace.access }
    package var accessVersion: AccessControl.Version { member.accessVersion }
    package var now: Int64 { member.commandTime }
    package var blocked: BlockedReaders.Counts { member.blockedCounts }

    package var isDurable: Bool { member.isDurable }
    package var offset: Int64 { member.commandOffset }

    package var cluster: EngineCluster {
        EngineCluster(voters: member.voterCount, isLeader: member.isLeading)
    }

    package var isNotifying: Bool {
        get { member.isNotifyingKeyEvents }
        set { member.isNotifyingKeyEvents = newValue }
    }

    package func run(_ request: CommandRequest, _ reply: inout ReplyWriter) -> CommandAnswer {
        member.run(request, &reply)
    }

    package func run(
        _ transaction: Transaction, client: UInt64, _ reply: inout ReplyWriter,
        outside: (Int, inout ReplyWriter) -> Void
    ) -> CommandAnswer {
        member.run(transaction, client: client, &reply, outside: outside)
    }

    package func unblock(_ client: UInt64, _ unblocking: WaitingKeyspace.Unblocking) -> Bool {
        member.unblock(client, unblocking)
    }

    package func remove(_ client: UInt64) { member.forget(client: client) }

    package func check(_ login: Login, then answer: @escaping (Bool) -> Void) -> Bool {
        member.checkPassword(login.password, login.hash, answer)
    }

    package func publish(_ channel: [UInt8], _ message: [UInt8], isShard: Bool) {
        member.onPublish(ChannelMessage(channel: channel, text: message, isShard: isShard))
    }

    package var lostMessages: UInt64 { member.messageLosses.lost }
    package var unconfirmedMessages: UInt64 { member.messageLosses.unconfirmed }

    package func note(_ denied: AuditRecord) { member.audit.note(denied) }

    /// The member goes on without clients.
    package func stop() { member.commandClients = nil }
}

extension MemberEngine: CommandClients {
    package func take(_ replies: [CommandReply]) {
        for reply in replies { clients?.answer(reply) }
    }

    package func take(_ events: [KeyEvent]) { clients?.notify(events) }

    package func take(_ refusals: [CommandRefusal]) {
        for refusal in refusals { clients?.note(refusal) }
    }

    package func take(_ messages: [ChannelMessage]) {
        for message in messages { clients?.deliver(message.channel, message.text, isShard: message.isShard) }
    }

    package func rightsHaveChanged() { clients?.rightsHaveChanged() }
}
