// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The leader's side.
extension RaftNode {
    /// What this leader knows of another member; `nil` of itself and of strangers.
    public func progress(of member: MemberID) -> Progress? {
        peers.first { $0.id == member }
    }

    func peerOffset(_ member: MemberID) -> Int? {
        peers.firstIndex { $0.id == member }
    }

    /// Sends every peer what it lacks, as far as its window allows.
    mutating func sendAppends() {
        for peer in peers.indices { sendAppends(to: peer, isForced: false) }
    }

    /// - Parameter isForced: send one message even if there is nothing new to say, or the window is full: its answer
    ///   tells where the peer stands.
    mutating func sendAppends(to peer: Int, isForced: Bool) {
        var isForced = isForced
        var allowance = catchUpBytes
        while true {
            let isLagging = lags(peers[peer])
            let isThrottled: Bool
            switch peers[peer].state {
            case .probe:
                guard !peers[peer].isProbeSent else { return }
                isThrottled = false
            case .replicate:
                isThrottled = peers[peer].inflights.isFull(settings.limits) || isLagging && allowance <= 0
            case .snapshot:
                return
            }
            let previous = peers[peer].next.predecessor
            guard let previousTerm = log.term(at: previous) else {
                orderSnapshot(for: peer)
                return
            }
            let bytesMax = settings.limits.appendBytesMax
            let (entries, bytes) =
                isThrottled
                ? ([], 0) : log.entries(from: previous + 1, bytesMax: isLagging ? min(bytesMax, allowance) : bytesMax)
            let last = previous + entries.count
            let tellableCommit = min(log.settled, last)
            guard isForced || !entries.isEmpty || peers[peer].toldCommit < tellableCommit else { return }
            let previousID = EntryID(index: previous, term: previousTerm)
            send(.append(previous: previousID, entries: entries, commit: log.settled), to: peers[peer].id)
            peers[peer].toldCommit = max(peers[peer].toldCommit, tellableCommit)
            isForced = false
            switch peers[peer].state {
            case .probe:
                peers[peer].isProbeSent = true
                return
            case .replicate:
                guard !entries.isEmpty else { return }
                if isLagging { allowance -= max(bytes, 1) }
                peers[peer].next = last + 1
                peers[peer].inflights.add(last: last, bytes: bytes)
            case .snapshot:
                return
            }
        }
    }

    /// Whether it lacks what earlier orders have brought to the own log already.
    func lags(_ peer: Progress) -> Bool { peer.next <= log.written }

    mutating func sendHeartbeats() {
        for peer in peers.indices {
            let commit = min(peers[peer].match, log.settled)
            send(.heartbeat(commit: commit, round: reads.round), to: peers[peer].id)
        }
    }

    // MARK: Answers

    /// The peer that sent an answer, if this member leads and knows it.
    private mutating func activePeer(_ sender: MemberID) -> Int? {
        guard role == .leader else {
            counters.staleAnswer += 1
            return nil
        }
        guard let peer = peerOffset(sender) else {
            counters.unknownMember += 1
            return nil
        }
        peers[peer].isActive = true
        return peer
    }

    mutating func takeAccepted(from sender: MemberID, _ match: LogIndex) {
        guard let peer = activePeer(sender) else { return }
        guard match <= log.last else {
            counters.malformed += 1
            return
        }
        let isNews = peers[peer].accept(match)
        switch peers[peer].state {
        case .probe:
            // An answer to an empty probe says that `match` still holds.
            guard isNews || match == peers[peer].match else { break }
            peers[peer].becomeReplicate()
        case .replicate:
            peers[peer].inflights.free(upTo: match)
        case .snapshot:
            if peers[peer].match >= log.base.index { peers[peer].becomeReplicate() }
        }
        guard isNews else { return }
        advanceCommit()
        finishTransfer(to: peer)
    }

    mutating func takeRejected(from sender: MemberID, _ rejected: LogIndex, hint: EntryID) {
        guard let peer = activePeer(sender) else { return }
        let probe = log.lastIndex(upTo: hint.index, termAtMost: hint.term)
        guard peers[peer].reject(rejected, probe: probe) else {
            counters.staleAnswer += 1
            return
        }
        sendAppends(to: peer, isForced: true)
    }

    mutating func takeHeartbeatAnswer(from sender: MemberID, _ round: ReadRound, _ promise: Duration?) {
        guard let peer = activePeer(sender) else { return }
        peers[peer].isProbeSent = false
        if peers[peer].match < log.last || peers[peer].state == .probe {
            sendAppends(to: peer, isForced: true)
        }
        guard round <= reads.round else {
            counters.malformed += 1
            return
        }
        if let promise { note(promise, of: peer, for: round) }
        if round > peers[peer].round {
            peers[peer].round = round
            releaseReads()
        }
    }

    /// The driver could not reach `member`: what was in flight may be lost, so ask before sending more.
    public mutating func unreachable(_ member: MemberID) {
        guard role == .leader, let peer = peerOffset(member), peers[peer].state == .replicate else { return }
        peers[peer].becomeProbe(next: peers[peer].match + 1)
    }

    /// Commits what a majority has durably, if it is of this term: a majority that has an entry of an earlier term does
    /// not keep it from being overwritten. This member counts for what its own log has synced.
    /// Source: Raft §5.3, §5.4.2; thesis §10.2.1 on counting oneself.
    mutating func advanceCommit() {
        guard role == .leader else { return }
        let agreed = configuration.agreedValue { member in
            if member == id { return log.synced.rawValue }
            return peerOffset(member).map { peers[$0].match.rawValue } ?? 0
        }
        let index = LogIndex(agreed)
        guard index > log.committed, log.term(at: index) == term else { return }
        let isFirst = !hasCommittedInTerm
        log.commit(upTo: index)
        if isFirst { admitEarlyReads() }
    }

    /// Source: Raft §8: before, a leader doesn't know how far its predecessors committed.
    var hasCommittedInTerm: Bool { log.term(at: log.committed) == term }
}
