// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletRaft

/// Reads what `MessageCoding` writes. Takes nothing on trust: a count is no reason to reserve memory, and what a number
/// may mean, Raft looks at.
package struct MessageReader: Sendable {
    private let bytes: [UInt8]
    private var offset = 0

    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    package var isAtEnd: Bool { offset == bytes.count }

    /// The next message of a batch.
    package mutating func message(from: MemberID, to: MemberID) throws(PeerFormatError) -> Message {
        let kind = try byte()
        guard let kind = MessageCoding.Kind(rawValue: kind) else { throw PeerFormatError("unknown message \(kind)") }
        let term = Term(try number())
        return Message(from: from, to: to, term: term, body: try body(kind))
    }

    private mutating func body(_ kind: MessageCoding.Kind) throws(PeerFormatError) -> Message.Body {
        switch kind {
        case .append:
            let previous = try entryID()
            return .append(previous: previous, entries: try entries(after: previous), commit: try index())
        case .appendAccepted: return .appendAccepted(match: try index())
        case .appendRejected: return .appendRejected(rejected: try index(), hint: try entryID())
        case .heartbeat: return .heartbeat(commit: try index(), round: ReadRound(try number()))
        case .heartbeatAnswer: return .heartbeatAnswer(round: ReadRound(try number()))
        case .heartbeatPromise:
            let round = ReadRound(try number())
            return .heartbeatAnswer(round: round, promise: .milliseconds(Int64(clamping: try number())))
        case .preVote: return .preVote(last: try entryID())
        case .preVoteAnswer: return .preVoteAnswer(isGranted: try truth())
        case .vote: return .vote(last: try entryID(), isTransfer: try truth())
        case .voteAnswer: return .voteAnswer(isGranted: try truth())
        case .snapshot: return .snapshot(try mark())
        case .jointSnapshot: return .snapshot(try mark(isJoint: true))
        case .committed: return .committed(try entryID())
        case .committedQuestion: return .committedQuestion
        case .staleTerm: return .staleTerm
        case .proposal: return .proposal(try proposals())
        case .readIndex: return .readIndex(ReadContext(try number()))
        case .readIndexAnswer: return .readIndexAnswer(ReadContext(try number()), try index())
        case .transferLeadership: return .transferLeadership(target: MemberID(try number()))
        case .timeoutNow: return .timeoutNow
        case .clockQuestion: return .clockQuestion(try number())
        case .clockAnswer: return .clockAnswer(try number(), milliseconds: try number())
        }
    }

    private mutating func mark(isJoint: Bool = false) throws(PeerFormatError) -> SnapshotMark {
        let last = try entryID()
        let (voters, learners) = (try members(), try members())
        guard isJoint else {
            return SnapshotMark(last: last, configuration: Configuration(voters: voters, learners: learners))
        }
        let configuration = Configuration(
            voters: voters, learners: learners, outgoing: try members(), nextLearners: try members())
        return SnapshotMark(last: last, configuration: configuration)
    }

    private mutating func members() throws(PeerFormatError) -> [MemberID] {
        var members: [MemberID] = []
        for _ in 0..<(try count()) { members.append(MemberID(try number())) }
        return members
    }

    private mutating func entries(after previous: EntryID) throws(PeerFormatError) -> [Entry] {
        let count = try count()
        guard previous.index < .limit else { throw PeerFormatError("an index out of range") }
        var entries: [Entry] = []
        var index = previous.index
        for _ in 0..<count {
            index = index + 1
            let kind = try entryKind()
            entries.append(Entry(term: Term(try number()), index: index, kind: kind, data: try data()))
        }
        return entries
    }

    private mutating func proposals() throws(PeerFormatError) -> [Proposal] {
        var proposals: [Proposal] = []
        for _ in 0..<(try count()) { proposals.append(Proposal(kind: try entryKind(), data: try data())) }
        return proposals
    }

    // MARK: Parts

    private mutating func entryID() throws(PeerFormatError) -> EntryID {
        EntryID(index: try index(), term: Term(try number()))
    }

    private mutating func index() throws(PeerFormatError) -> LogIndex { LogIndex(try number()) }

    private mutating func entryKind() throws(PeerFormatError) -> Entry.Kind {
        guard let kind = Entry.Kind(rawValue: try byte()) else { throw PeerFormatError("an entry of unknown kind") }
        return kind
    }

    private mutating func truth() throws(PeerFormatError) -> Bool {
        let byte = try byte()
        guard byte <= 1 else { throw PeerFormatError("neither true nor false") }
        return byte == 1
    }

    /// Of things that take a byte at least: more than there are bytes left is nonsense.
    private mutating func count() throws(PeerFormatError) -> Int {
        let count = try number()
        guard count <= UInt64(bytes.count - offset) else { throw PeerFormatError("a count beyond the end") }
        return Int(count)
    }

    private mutating func data() throws(PeerFormatError) -> [UInt8] {
        let count = try count()
        let begin = offset
        offset = begin + count
        return Array(bytes[begin..<offset])
    }

    private mutating func number() throws(PeerFormatError) -> UInt64 {
        var end = offset
        guard let number = Varint.read(bytes.span.bytes, at: &end) else {
            throw PeerFormatError("a number cut short")
        }
        offset = end
        return number
    }

    private mutating func byte() throws(PeerFormatError) -> UInt8 {
        guard offset < bytes.count else { throw PeerFormatError("a message cut short") }
        defer { offset += 1 }
        return bytes[offset]
    }
}
