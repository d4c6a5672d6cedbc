// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension RaftNode {
    /// One tick of time has passed.
    public mutating func tick() {
        electionElapsed += 1
        promiseElapsed += 1
        switch role {
        case .leader:
            tickLeader()
        case .follower, .preCandidate, .candidate:
            // For who can't stand time runs on: it must not seem to hear a leader that is long gone.
            if electionElapsed >= electionTimeout { campaign() }
        }
    }

    /// Word that `member` has ended. A follower of it need not wait out the time in which it would miss it; that the
    /// others agree, pre-vote asks them. The word may be wrong: the next sign of the leader takes it back.
    ///
    /// The others hear it at the same time, so each draws when it stands.
    public mutating func gone(_ member: MemberID) {
        unreachable(member)
        guard role == .follower, leader == member else { return }
        let wait = Int(random.next() % UInt64(min(settings.electionTicks, Self.goneTicks)))
        guard settings.lease == nil else {
            // What it was promised it may count on, whatever is said of it. Nobody waits longer than that, though.
            electionTimeout = min(electionTimeout, settings.electionTicks + wait)
            return
        }
        leader = nil
        electionElapsed = max(electionElapsed, electionTimeout - 1 - wait)
    }

    /// Over so many ticks the candidacies of those who heard that their leader has ended are spread. Elections take a
    /// few milliseconds, so of two who draw from these few meet.
    static let goneTicks = 4

    private mutating func tickLeader() {
        if electionElapsed >= settings.electionTicks {
            electionElapsed = 0
            // A target that didn't take over within this time won't: serve on. Source: Raft thesis §3.10.
            transferTarget = nil
            if settings.checksQuorum, !checkQuorum() { return }
        }
        heartbeatElapsed += 1
        if heartbeatElapsed >= settings.heartbeatTicks {
            heartbeatElapsed = 0
            beat()
        }
    }

    /// - Returns: `false` if this leader has heard no majority since the last check, and so has stepped down.
    /// Source: Raft thesis §6.2.
    private mutating func checkQuorum() -> Bool {
        let isHeard = configuration.hasMajority { member in
            member == id || peerOffset(member).map { peers[$0].isActive } == true
        }
        for peer in peers.indices { peers[peer].isActive = false }
        if !isHeard { becomeFollower(term: term, leader: nil) }
        return isHeard
    }

    mutating func drawElectionTimeout() {
        electionTimeout = settings.electionTicks + Int(random.next() % UInt64(settings.electionTicks))
    }
}
