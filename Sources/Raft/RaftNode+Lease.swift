// SPDX-License-Identifier: Apache-2.0

/// Reads that wait for no round, where `RaftSettings.lease` is set. Source: Raft thesis §6.4.1.
///
///     leader   | sends round r ......................... r's promise counts until here |
///     member          | answers, and keeps its promise ..................................... until here |
///
/// A member that answers a heartbeat promises that for `electionTicks` of its ticks it helps nobody to another term but
/// by leave of the leader: it neither votes nor stands. It says how long that is at least: a tick less, for the first
/// may follow at once. The leader counts it from when it *sent* the round that is answered, and only so much of it as
/// other clocks' rates leave sure. While a majority's promises hold, nobody else leads; so what this leader has
/// committed when its clock says so is all that anybody has been told of, and its reads are in order at that moment.
///
/// What could come between, and why it doesn't:
///
/// - *Terms.* A promise outlasts whatever term its member is brought to meanwhile.
/// - *Restarts.* A member may have promised in an earlier life: it keeps quiet for as long after each start, unless it
///   is known to be new. A leader that restarts leads no more.
/// - *Transfers.* Whoever was told to stand at once is voted for in spite of promises. So there is no lease in a term
///   from then on: neither that message nor those votes need ever have come.
/// - *Changes of members.* Promises count by the configuration that the leader has applied; who stands counts by one
///   that is at most one step before or behind it, and majorities of such share a voter. An only voter that was one of
///   two a moment ago waits, too.
/// - *Word that the leader has ended*, which may be wrong: it shortens the wait to the promise, no further.
/// - *Members that promise nothing*, by their settings: they don't count. Others' intervals may differ, each says its
///   own.
///
/// What is taken for granted: a member's monotonic clock goes on while the member doesn't run, and no clock measures
/// less of the same time than another by more than `LeaseSettings.clockDriftPercent`. A machine that is suspended, or
/// moved while its clock stands still, breaks that as a leader; as any other it only keeps its promise for longer.
extension RaftNode {
    /// Whether a promise keeps this member from helping a candidate.
    public var isBound: Bool { settings.lease != nil && promiseElapsed < settings.electionTicks }

    /// What it says with each answer.
    var promise: Duration? { settings.lease.map { $0.tick * (settings.electionTicks - 1) } }

    /// Whether no other member can lead, as sure as clocks are.
    ///
    /// - Parameter now: what the monotonic clock says, as `takeOrders` has it.
    public func holdsLease(at now: Duration) -> Bool {
        guard settings.lease != nil, role == .leader, hasCommittedInTerm, !reads.hasSuccessor else { return false }
        return configuration.hasMajority { member in
            if member == id { return true }
            guard let until = progress(of: member)?.promisedUntil else { return false }
            return now < until
        }
    }

    /// Answers all reads that wait, of whatever round.
    mutating func serveByLease(at now: Duration) {
        guard !reads.waiting.isEmpty, holdsLease(at: now) else { return }
        for read in reads.waiting { answer(read.context, for: read.from, read.index) }
        reads.waiting.removeAll(keepingCapacity: true)
    }

    /// It is time for heartbeats. They are sent with the next orders where it matters when they leave.
    mutating func beat() {
        if settings.lease == nil { sendHeartbeats() } else { reads.isBeatDue = true }
    }

    /// Beginnings that are kept, half a tick apart: answers that take longer than sixteen ticks count for nothing.
    private static let begunMax = 32

    /// Of rounds that follow each other closely only the first is noted: it began no later than they.
    mutating func noteRound(at now: Duration) {
        guard let lease = settings.lease else { return }
        if let last = reads.begun.last, now - last.at < lease.tick / 2 { return }
        if reads.begun.count == Self.begunMax { reads.begun.removeFirst() }
        reads.begun.append((reads.round, now))
    }

    /// A voter, or who may come to be one, has answered a round of this term.
    mutating func note(_ promise: Duration, of peer: Int, for round: ReadRound) {
        guard let lease = settings.lease, let begun = reads.begun.last(where: { $0.round <= round }) else { return }
        let until = begun.at + lease.counted(promise)
        peers[peer].promisedUntil = max(peers[peer].promisedUntil ?? until, until)
    }
}
