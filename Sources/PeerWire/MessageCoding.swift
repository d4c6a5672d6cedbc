// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletRaft

/// Raft's messages as bytes: a batch is messages back to back.
///
/// A message is its kind (one byte), its term, and what its body has, in the order in which `Message.Body` names it.
/// Numbers are `Varint`s, a truth value is 0 or 1, an entry's identity is index and term. Entries have their kind (one
/// byte), term, length and bytes: their indices follow that of `previous`. Sender and receiver are the stream's.
package enum MessageCoding {
    /// Stand on the wire: never give one another meaning.
    enum Kind: UInt8 {
        case append = 1
        case appendAccepted, appendRejected, heartbeat, heartbeatAnswer, preVote, preVoteAnswer, vote, voteAnswer
        case snapshot, committed, staleTerm, proposal, readIndex, readIndexAnswer, transferLeadership, timeoutNow
        // For those alone who read `KeyspaceRecord.Format.clocks`.
        case clockQuestion, clockAnswer
        // For those alone who read `KeyspaceRecord.Format.replacements`.
        case committedQuestion, jointSnapshot
        // Of members that read by lease; those that don't need not read it, but have to know it.
        case heartbeatPromise
    }

    package static func append(_ message: Message, to bytes: inout [UInt8]) {
        switch message.body {
        case .append(let previous, let entries, let commit):
            reserve(entries, &bytes)
            begin(.append, message, &bytes)
            append(previous, &bytes)
            Varint.append(UInt64(entries.count), to: &bytes)
            for entry in entries {
                bytes.append(entry.kind.rawValue)
                Varint.append(entry.term.rawValue, to: &bytes)
                append(entry.data, &bytes)
            }
            Varint.append(commit.rawValue, to: &bytes)
        case .appendAccepted(let match):
            begin(.appendAccepted, message, &bytes)
            Varint.append(match.rawValue, to: &bytes)
        case .appendRejected(let rejected, let hint):
            begin(.appendRejected, message, &bytes)
            Varint.append(rejected.rawValue, to: &bytes)
            append(hint, &bytes)
        case .heartbeat(let commit, let round):
            begin(.heartbeat, message, &bytes)
            Varint.append(commit.rawValue, to: &bytes)
            Varint.append(round.rawValue, to: &bytes)
        case .heartbeatAnswer(let round, let promise):
            begin(promise == nil ? .heartbeatAnswer : .heartbeatPromise, message, &bytes)
            Varint.append(round.rawValue, to: &bytes)
            if let promise { Varint.append(milliseconds(promise), to: &bytes) }
        case .preVote(let last):
            begin(.preVote, message, &bytes)
            append(last, &bytes)
        case .preVoteAnswer(let isGranted):
            begin(.preVoteAnswer, message, &bytes)
            bytes.append(isGranted ? 1 : 0)
        case .vote(let last, let isTransfer):
            begin(.vote, message, &bytes)
            append(last, &bytes)
            bytes.append(isTransfer ? 1 : 0)
        case .voteAnswer(let isGranted):
            begin(.voteAnswer, message, &bytes)
            bytes.append(isGranted ? 1 : 0)
        case .snapshot(let mark):
            begin(mark.configuration.isJoint ? .jointSnapshot : .snapshot, message, &bytes)
            append(mark, to: &bytes)
        case .committed(let entry):
            begin(.committed, message, &bytes)
            append(entry, &bytes)
        case .committedQuestion:
            begin(.committedQuestion, message, &bytes)
        case .staleTerm:
            begin(.staleTerm, message, &bytes)
        case .proposal(let proposals):
            begin(.proposal, message, &bytes)
            Varint.append(UInt64(proposals.count), to: &bytes)
            for proposal in proposals {
                bytes.append(proposal.kind.rawValue)
                append(proposal.data, &bytes)
            }
        case .readIndex(let context):
            begin(.readIndex, message, &bytes)
            Varint.append(context.rawValue, to: &bytes)
        case .readIndexAnswer(let context, let index):
            begin(.readIndexAnswer, message, &bytes)
            Varint.append(context.rawValue, to: &bytes)
            Varint.append(index.rawValue, to: &bytes)
        case .transferLeadership(let target):
            begin(.transferLeadership, message, &bytes)
            Varint.append(target.rawValue, to: &bytes)
        case .timeoutNow:
            begin(.timeoutNow, message, &bytes)
        case .clockQuestion(let round):
            begin(.clockQuestion, message, &bytes)
            Varint.append(round, to: &bytes)
        case .clockAnswer(let round, let milliseconds):
            begin(.clockAnswer, message, &bytes)
            Varint.append(round, to: &bytes)
            Varint.append(milliseconds, to: &bytes)
        }
    }

    /// Last entry, then voters and learners, of a joint configuration outgoing voters and next learners as well, each
    /// with their number before them.
    private static func append(_ mark: SnapshotMark, to bytes: inout [UInt8]) {
        append(mark.last, &bytes)
        let configuration = mark.configuration
        var groups = [configuration.voters, configuration.learners]
        if configuration.isJoint { groups += [configuration.outgoing, configuration.nextLearners] }
        for members in groups {
            Varint.append(UInt64(members.count), to: &bytes)
            for member in members { Varint.append(member.rawValue, to: &bytes) }
        }
    }

    /// Makes room at once where much comes: memory that grows step by step is new, and is copied, with each step.
    private static func reserve(_ entries: [Entry], _ bytes: inout [UInt8]) {
        let size = entries.reduce(0) { $0 + $1.data.count }
        if size > reservedBytes { bytes.reserveCapacity(bytes.count + size + (entries.count + 4) * headBytesMax) }
    }

    private static let reservedBytes = 64 << 10
    /// Kind, term and length of an entry.
    private static let headBytesMax = 21

    /// Whole ones: a promise may become shorter on its way, never longer.
    private static func milliseconds(_ duration: Duration) -> UInt64 {
        let (seconds, attoseconds) = duration.components
        return UInt64(max(seconds, 0)) * 1000 + UInt64(max(attoseconds, 0)) / 1_000_000_000_000_000
    }

    private static func begin(_ kind: Kind, _ message: Message, _ bytes: inout [UInt8]) {
        bytes.append(kind.rawValue)
        Varint.append(message.term.rawValue, to: &bytes)
    }

    private static func append(_ entry: EntryID, _ bytes: inout [UInt8]) {
        Varint.append(entry.index.rawValue, to: &bytes)
        Varint.append(entry.term.rawValue, to: &bytes)
    }

    private static func append(_ data: [UInt8], _ bytes: inout [UInt8]) {
        Varint.append(UInt64(data.count), to: &bytes)
        bytes.append(contentsOf: data)
    }
}
