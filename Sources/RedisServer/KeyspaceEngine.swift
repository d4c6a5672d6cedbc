// SPDX-License-Identifier: Apache-2.0

package import MartletKeyspace
package import MartletRESPCodec

/// What became of commands that were handed to an engine.
package enum EngineAnswer: Hashable, Sendable {
    /// All replies are written.
    case complete
    /// What is written may be sent; the rest comes through `KeyspaceClients.answer`, once.
    case later
}

/// Commands of one client that are to be carried out in order.
package struct EngineRequest: Sendable {
    package var client: UInt64
    package var database: Int
    package var isRESP3: Bool
    /// A reader that takes what this member has, late or not.
    package var allowsLateReads: Bool
    /// Commands that wait stand last.
    package var commands: CommandBatch
    /// Places in `commands`, and what they are.
    package var items: [(command: Int, entry: CommandEntry)] = []
}

/// Those to whom an engine speaks unasked: on its loop.
package protocol KeyspaceClients: AnyObject {
    /// Replies to commands that were answered `later`.
    func answer(client: UInt64, _ bytes: [UInt8])
    func notify(_ events: [KeyEvent])
}

/// Carries out what clients ask of a keyspace, at once or by way of a log. Confined to one event loop.
///
/// A client hands over its next commands when those before are answered. So an engine may carry out one client's
/// commands together, as one record, and never has to keep several clients' in order.
package protocol KeyspaceEngine: AnyObject {
    /// The state as this member has it.
    var keyspace: Keyspace { get }
    var clients: (any KeyspaceClients)? { get set }
    /// Milliseconds of the Unix clock.
    var now: Int64 { get }
    /// Clients whose commands wait.
    var blockedCount: Int { get }
    /// Whether events are to be told.
    var isNotifying: Bool { get set }

    func run(_ request: EngineRequest, _ reply: inout ReplyWriter) -> EngineAnswer

    /// - Parameter outside: writes the reply of a command that is not a matter of the keyspace.
    func run(
        _ transaction: Transaction, client: UInt64, _ reply: inout ReplyWriter,
        outside: (Int, inout ReplyWriter) -> Void
    ) -> EngineAnswer

    /// Ends a client's wait; whether it waited.
    func unblock(_ client: UInt64, _ unblocking: WaitingKeyspace.Unblocking) -> Bool
    /// Forgets a client that has gone.
    func remove(_ client: UInt64)
    func stop()
}
