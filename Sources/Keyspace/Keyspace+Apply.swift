// SPDX-License-Identifier: Apache-2.0

public import MartletRESPCodec

/// What became of a command.
public enum CommandOutcome: Hashable, Sendable {
    /// The reply is written.
    case replied
    /// The reply is an error, and is written.
    case failed
    /// Nothing is written: there is nothing to answer with, and the command waits. See `Keyspace.waiter`.
    case waits
}

extension Keyspace {
    /// Carries out a command that changes the state, or reads it.
    ///
    /// A pure function of state and call: every member that applies the same records has the same state and, whoever
    /// asks, the same replies.
    @discardableResult
    public mutating func apply(_ entry: CommandEntry, _ call: Call, _ reply: inout ReplyWriter) -> CommandOutcome {
        let begin = reply.bytes.count
        do throws(CommandError) {
            switch entry.handler {
            case .write(let body): try body(&self, call, &reply)
            case .read(let body): try body(self, call, &reply)
            case .keys: throw .noKeyValueStore
            case .outside: preconditionFailure("\(entry.name) is not a matter of the keyspace")
            }
            return .replied
        } catch {
            return Self.end(entry, error, begin, &reply)
        }
    }

    /// Carries out a command that only reads.
    public func read(_ entry: CommandEntry, _ call: Call, _ reply: inout ReplyWriter) -> CommandOutcome {
        let begin = reply.bytes.count
        do throws(CommandError) {
            switch entry.handler {
            case .read(let body): try body(self, call, &reply)
            case .keys: throw .noKeyValueStore
            case .write, .outside: preconditionFailure("\(entry.name) may change the state")
            }
            return .replied
        } catch {
            return Self.end(entry, error, begin, &reply)
        }
    }

    /// Answers a command that may wait and change the state, where it changes nothing now: so it needs no record.
    ///
    /// Mutating only because streams are lent: see `ask`.
    ///
    /// - Returns: `nil`: it is to be carried out.
    public mutating func vainOutcome(
        _ entry: CommandEntry, _ call: Call, _ reply: inout ReplyWriter
    ) -> CommandOutcome? {
        let begin = reply.bytes.count
        do throws(CommandError) {
            switch entry.name {
            case "xreadgroup": return try vainGroupRead(call, &reply)
            case "blpop", "brpop": return try vainPop(call)
            case "blmove", "brpoplpush": return try vainMove(call)
            default: return nil
            }
        } catch {
            return Self.end(entry, error, begin, &reply)
        }
    }

    static func end(
        _ entry: CommandEntry, _ error: CommandError, _ begin: Int, _ reply: inout ReplyWriter
    ) -> CommandOutcome {
        reply.truncate(to: begin)
        if case .waits = error { return .waits }
        error.write(into: &reply)
        reply.noteFailure(of: entry.number, at: begin)
        return .failed
    }
}

extension ReplyWriter {
    /// Answers a command with an error without carrying it out.
    ///
    /// - Parameter mayTakeEffect: it is somewhere where nobody knows what becomes of it, so that it has failed.
    public mutating func refuse(_ entry: CommandEntry, _ text: StaticString, mayTakeEffect: Bool = false) {
        let begin = bytes.count
        error(text)
        noteFailure(of: entry.number, at: begin, isRejected: !mayTakeEffect)
    }

    @_disfavoredOverload
    public mutating func refuse(_ entry: CommandEntry, _ text: String) {
        let begin = bytes.count
        error(text)
        noteFailure(of: entry.number, at: begin, isRejected: true)
    }
}
