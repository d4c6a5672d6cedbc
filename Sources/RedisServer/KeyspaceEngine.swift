// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletKeyspace
package import MartletRESPCodec

/// Those to whom an engine speaks unasked: on its loop.
package protocol KeyspaceClients: AnyObject {
    /// Replies to commands that were answered `later`.
    func answer(_ reply: CommandReply)
    func notify(_ events: [KeyEvent])
    /// What clients of another member have published.
    ///
    /// - Parameter isShard: to a shard channel.
    func deliver(_ channel: [UInt8], _ message: [UInt8], isShard: Bool)
    /// A command was refused though it had been let in.
    func note(_ refusal: CommandRefusal)
    /// Somebody may do more or less than before.
    func rightsHaveChanged()
}

/// The members behind an engine.
package struct EngineCluster: Hashable, Sendable {
    /// Those who vote.
    package var voters = 1
    package var isLeader = true

    package init(voters: Int = 1, isLeader: Bool = true) {
        self.voters = voters
        self.isLeader = isLeader
    }

    /// How many beside one have on disk, at least, what a client was told.
    package var acknowledging: Int { voters / 2 }
}

/// Carries out what clients ask of a keyspace, at once or by way of a log. Confined to one event loop.
///
/// A client hands over its next commands when those before are answered. So an engine may carry out one client's
/// commands together, as one record, and never has to keep several clients' in order.
package protocol KeyspaceEngine: AnyObject {
    /// The state as this member has it.
    var keyspace: Keyspace { get }
    /// Who may do what, as this member has it.
    var access: AccessControl { get }
    /// Of `access`.
    var accessVersion: AccessControl.Version { get }
    var clients: (any KeyspaceClients)? { get set }
    /// Milliseconds of the Unix clock.
    var now: Int64 { get }
    /// Clients whose commands wait, and where.
    var blocked: BlockedReaders.Counts { get }
    /// Whether what is answered is on disk.
    var isDurable: Bool { get }
    /// How far the state has come: rises with what changes it. Redis's replication offset.
    var offset: Int64 { get }
    /// Those who have the state, this member among them.
    var cluster: EngineCluster { get }
    /// Whether events are to be told.
    var isNotifying: Bool { get set }

    func run(_ request: CommandRequest, _ reply: inout ReplyWriter) -> CommandAnswer

    /// - Parameter outside: told of each command that is not a matter of the keyspace when its reply's turn has come.
    ///   It mustn't ask the engine, which is at work. If the answer is `later` it isn't called: see
    ///   `CommandReply.gaps`.
    func run(
        _ transaction: Transaction, client: UInt64, _ reply: inout ReplyWriter,
        outside: (Int, inout ReplyWriter) -> Void
    ) -> CommandAnswer

    /// Ends a client's wait; whether it waited.
    func unblock(_ client: UInt64, _ unblocking: WaitingKeyspace.Unblocking) -> Bool
    /// Forgets a client that has gone.
    func remove(_ client: UInt64)
    func stop()

    /// Has a password checked beside the loop; the answer comes on it.
    ///
    /// - Returns: false if too many wait: then no answer comes.
    func check(_ login: Login, then answer: @escaping (Bool) -> Void) -> Bool
    /// Hands on what was published here to other members, as far as that goes.
    func publish(_ channel: [UInt8], _ message: [UInt8], isShard: Bool)
    /// Messages that another member is known not to have got, each as often as members.
    var lostMessages: UInt64 { get }
    /// Messages that were sent to another member and not answered, likewise: it may have got them.
    var unconfirmedMessages: UInt64 { get }
    /// Writes down that a request was denied.
    func note(_ denied: AuditRecord)
}
