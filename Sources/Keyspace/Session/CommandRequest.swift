// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletRESPCodec

/// Commands of one client that are to be carried out in order.
public struct CommandRequest: Sendable {
    public var client: UInt64
    /// Who asks, if a user of the auth service: asked again when a command is carried out.
    public var user: AuthName?
    public var database: Int
    public var isRESP3: Bool
    /// A reader that takes what this member has, late or not.
    public var allowsLateReads: Bool
    /// Commands that wait stand last.
    public var commands: CommandBatch
    /// Places in `commands`, and what they are.
    public var items: [(command: Int, entry: CommandEntry)] = []
    /// Behind so many bytes of replies no further reader begins: what tells much is read in pieces.
    public var replyBytes = Int.max

    public init(client: UInt64, database: Int, isRESP3: Bool, allowsLateReads: Bool, commands: CommandBatch) {
        self.client = client
        self.database = database
        self.isRESP3 = isRESP3
        self.allowsLateReads = allowsLateReads
        self.commands = commands
    }
}

/// What became of commands that were handed over.
public enum CommandAnswer: Hashable, Sendable {
    /// All replies are written.
    case complete
    /// What is written may be sent; the rest comes later, see `CommandReply`.
    case later
    /// So many of the commands are answered. The others are to be handed over again, once that is sent.
    case full(Int)
}

/// Replies to commands that were answered `later`.
public struct CommandReply: Sendable {
    /// Commands of a transaction that are no matter of the keyspace: their replies are missing at these offsets.
    public typealias Gap = (offset: Int, command: Int)

    public var client: UInt64
    public var bytes: [UInt8]
    /// Whether no more replies come.
    public var isLast = true
    public var gaps: [Gap] = []
    /// Of errors among the replies, by the commands' numbers.
    public var failures: [ReplyFailure] = []
    public var lookups = KeyLookups()
    /// How many of the commands, the last ones, were not carried out: see `CommandAnswer.full`.
    public var leftCount = 0

    public init(client: UInt64, bytes: [UInt8], isLast: Bool = true, gaps: [Gap] = []) {
        self.client = client
        self.bytes = bytes
        self.isLast = isLast
        self.gaps = gaps
    }

    /// What a writer holds.
    public init(client: UInt64, _ reply: ReplyWriter, isLast: Bool = true, gaps: [Gap] = []) {
        self.init(client: client, bytes: reply.bytes, isLast: isLast, gaps: gaps)
        failures = reply.failures
        lookups = reply.lookups
    }
}

/// A command of a client that was let in, and refused where it was to be carried out.
public struct CommandRefusal: Hashable, Sendable {
    public var client: UInt64
    public var user: AuthName
    public var command: String
    public var denial: AccessDenial

    public init(client: UInt64, user: AuthName, command: String, denial: AccessDenial) {
        self.client = client
        self.user = user
        self.command = command
        self.denial = denial
    }
}
