// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletRESPCodec

/// Commands of one client that are to be carried out in order.
package struct CommandRequest: Sendable {
    package var client: UInt64
    /// Who asks, if a user of the auth service: asked again when a command is carried out.
    package var user: AuthName?
    package var database: Int
    package var isRESP3: Bool
    /// A reader that takes what this member has, late or not.
    package var allowsLateReads: Bool
    /// Commands that wait stand last.
    package var commands: CommandBatch
    /// Places in `commands`, and what they are.
    package var items: [(command: Int, entry: CommandEntry)] = []

    package init(client: UInt64, database: Int, isRESP3: Bool, allowsLateReads: Bool, commands: CommandBatch) {
        self.client = client
        self.database = database
        self.isRESP3 = isRESP3
        self.allowsLateReads = allowsLateReads
        self.commands = commands
    }
}

/// What became of commands that were handed over.
package enum CommandAnswer: Hashable, Sendable {
    /// All replies are written.
    case complete
    /// What is written may be sent; the rest comes later, see `CommandReply`.
    case later
}

/// Replies to commands that were answered `later`.
package struct CommandReply: Sendable {
    /// Commands of a transaction that are no matter of the keyspace: their replies are missing at these offsets.
    package typealias Gap = (offset: Int, command: Int)

    package var client: UInt64
    package var bytes: [UInt8]
    /// Whether no more replies come.
    package var isLast = true
    package var gaps: [Gap] = []
    /// Of errors among the replies, by the commands' numbers.
    package var failures: [ReplyFailure] = []

    package init(client: UInt64, bytes: [UInt8], isLast: Bool = true, gaps: [Gap] = []) {
        self.client = client
        self.bytes = bytes
        self.isLast = isLast
        self.gaps = gaps
    }

    /// What a writer holds.
    package init(client: UInt64, _ reply: ReplyWriter, isLast: Bool = true, gaps: [Gap] = []) {
        self.init(client: client, bytes: reply.bytes, isLast: isLast, gaps: gaps)
        failures = reply.failures
    }
}

/// A command of a client that was let in, and refused where it was to be carried out.
package struct CommandRefusal: Hashable, Sendable {
    package var client: UInt64
    package var user: AuthName
    package var command: String
    package var denial: AccessDenial

    package init(client: UInt64, user: AuthName, command: String, denial: AccessDenial) {
        self.client = client
        self.user = user
        self.command = command
        self.denial = denial
    }
}
