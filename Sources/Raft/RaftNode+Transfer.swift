// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension RaftNode {
    /// Hands leadership to `target`: proposals are refused until it has caught up and taken over, or an election
    /// timeout has passed. Asking a follower passes the request on. A target that can't lead, or not for long, or
    /// already does, is left alone.
    ///
    /// Source: Raft thesis §3.10.
    public mutating func transferLeadership(to target: MemberID) throws(RequestError) {
        guard role == .leader else {
            guard let leader else { throw .noLeader }
            send(.transferLeadership(target: target), to: leader)
            return
        }
        beginTransfer(to: target)
    }

    mutating func takeForwardedTransfer(to target: MemberID) {
        guard role == .leader else {
            counters.unserved += 1
            return
        }
        beginTransfer(to: target)
    }

    private mutating func beginTransfer(to target: MemberID) {
        guard configuration.staysVoter(target), let peer = peerOffset(target) else {
            if target != id { counters.unknownMember += 1 }
            return
        }
        guard transferTarget != target else { return }
        transferTarget = target
        // It has one election timeout from now.
        electionElapsed = 0
        if peers[peer].match == log.last {
            sendTimeoutNow(to: target)
        } else {
            sendAppends(to: peer, isForced: true)
        }
    }

    /// Called when a peer has acknowledged more.
    mutating func finishTransfer(to peer: Int) {
        guard transferTarget == peers[peer].id, peers[peer].match == log.last else { return }
        sendTimeoutNow(to: peers[peer].id)
    }

    /// From here on promises count for nothing in this term: whoever stands by leave of the leader is helped in spite
    /// of them, and the leave, and what the candidate then says, may be under way for any time.
    private mutating func sendTimeoutNow(to target: MemberID) {
        reads.hasSuccessor = true
        send(.timeoutNow, to: target)
    }

    /// No pre-vote: the leader wants this election.
    mutating func takeTimeoutNow() {
        guard canCampaign else {
            counters.unserved += 1
            return
        }
        becomeCandidate(isTransfer: true)
    }
}
