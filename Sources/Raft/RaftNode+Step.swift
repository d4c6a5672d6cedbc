// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension RaftNode {
    /// Takes in a message from another member. Nothing that a message says can trap, except a leader that overwrites
    /// committed entries: then two histories exist, and going on would hide it.
    public mutating func step(_ message: Message) {
        guard message.to == id, message.from != id, message.isWellFormed else {
            counters.malformed += 1
            return
        }
        if !message.isTermless, !settleTerm(with: message) { return }
        switch message.body {
        case .append(let previous, let entries, let commit):
            guard followLeader(message.from) else { return }
            takeAppend(from: message.from, after: previous, entries, commit: commit)
        case .heartbeat(let commit, let round):
            guard followLeader(message.from) else { return }
            takeHeartbeat(from: message.from, commit: commit, round: round)
        case .snapshot(let mark):
            guard followLeader(message.from) else { return }
            takeSnapshot(from: message.from, mark)
        case .appendAccepted(let match):
            takeAccepted(from: message.from, match)
        case .appendRejected(let rejected, let hint):
            takeRejected(from: message.from, rejected, hint: hint)
        case .heartbeatAnswer(let round, let promise):
            takeHeartbeatAnswer(from: message.from, round, promise)
        case .preVote(let last):
            answerPreVote(from: message.from, term: message.term, last: last)
        case .vote(let last, let isTransfer):
            answerVote(from: message.from, last: last, isTransfer: isTransfer)
        case .preVoteAnswer(let isGranted):
            takePreVoteAnswer(from: message.from, term: message.term, isGranted)
        case .voteAnswer(let isGranted):
            takeVoteAnswer(from: message.from, isGranted)
        case .committed(let entry):
            takeCommitted(entry)
        case .committedQuestion:
            tellCommitted(to: message.from)
        case .staleTerm:
            // Its term, now ours at least, was all it had to say.
            return
        case .proposal(let proposals):
            takeForwarded(proposals)
        case .readIndex(let context):
            takeForwardedRead(context, from: message.from)
        case .readIndexAnswer(let context, let index):
            readStates.append(ReadState(context: context, index: index))
        case .transferLeadership(let target):
            takeForwardedTransfer(to: target)
        case .timeoutNow:
            takeTimeoutNow()
        case .clockQuestion, .clockAnswer:
            // The driver keeps them to itself.
            counters.malformed += 1
        }
    }

    /// Brings this member to the message's term if that is later.
    ///
    /// - Returns: whether the message still says something to it.
    /// Source: Raft §5.1; thesis §4.2.3 and §9.6.
    private mutating func settleTerm(with message: Message) -> Bool {
        if message.term < term {
            answerStale(message)
            return false
        }
        guard message.term > term else { return true }
        switch message.body {
        case .preVote, .vote(_, isTransfer: false):
            if hearsLeader || isBound {
                counters.leaderHeard += 1
                return false
            }
        default:
            break
        }
        switch message.body {
        case .preVote, .preVoteAnswer(isGranted: true):
            // These speak of a term that nobody has entered.
            return true
        default:
            becomeFollower(term: message.term, leader: message.isFromLeader ? message.from : nil)
            return true
        }
    }

    /// A leader of an earlier term must learn that it isn't one, even if this member, cut off, is alone in its term: by
    /// leader stickiness nobody would hear this member's candidacy. A pre-candidate gets told the term for that reason.
    private mutating func answerStale(_ message: Message) {
        counters.staleTerm += 1
        if message.isFromLeader {
            send(.staleTerm, to: message.from)
        } else if case .preVote = message.body {
            send(.preVoteAnswer(isGranted: false), to: message.from)
        }
    }

    /// A leader of this very term has spoken.
    ///
    /// - Returns: `false` if this member is it, which no correct peer can bring about.
    private mutating func followLeader(_ sender: MemberID) -> Bool {
        switch role {
        case .leader:
            counters.malformed += 1
            return false
        case .candidate, .preCandidate:
            becomeFollower(term: term, leader: sender)
        case .follower:
            electionElapsed = 0
            leader = sender
        }
        promiseElapsed = 0
        return true
    }

    /// Leader stickiness. Source: Raft thesis §4.2.3.
    private var hearsLeader: Bool {
        settings.checksQuorum && leader != nil && electionElapsed < settings.electionTicks
    }
}

// MARK: - Sending

extension RaftNode {
    /// For what may leave before anything is durable.
    mutating func send(_ body: Message.Body, to member: MemberID, term: Term? = nil) {
        outbox.append(Message(from: id, to: member, term: term ?? self.term, body: body))
    }

    /// For what others will rely on: leaves when everything this member has decided so far is durable.
    mutating func sendWhenPersisted(_ body: Message.Body, to member: MemberID) {
        let message = Message(from: id, to: member, term: term, body: body)
        let write = hasUnwritten ? WriteNumber(lastWrite.rawValue + 1) : lastWrite
        if write > persistedWrite {
            held.append((write, message))
        } else {
            release(message)
        }
    }

    /// A message to itself is this candidate's own vote, or a single voter's.
    mutating func release(_ message: Message) {
        if message.to != id {
            outbox.append(message)
        } else if case .voteAnswer(let isGranted) = message.body {
            takeVoteAnswer(from: id, isGranted)
        }
    }

    /// Whether the next bundle will have to become durable.
    var hasUnwritten: Bool {
        log.written < log.last || snapshotToInstall != nil || hardState.mustBeSynced(after: writtenHardState)
            || log.awaitsCommitOnDisk
    }
}
