// SPDX-License-Identifier: Apache-2.0

/// How a member behaves. Time is counted in ticks; how long a tick is, its driver decides.
public struct RaftSettings: Sendable {
    /// Without a sign of its leader for this long, a member asks for an election; the actual time is drawn anew each
    /// time from this to just below twice this, so that members seldom ask together (Raft §5.2). For this long after a
    /// sign of its leader, a member helps nobody to depose it.
    public var electionTicks: Int
    /// Between two signs of life of a leader. Below `electionTicks`, with room for a lost one.
    public var heartbeatTicks: Int
    /// Ask whether an election could be won before starting one: a member that was cut off doesn't depose a working
    /// leader when it comes back. Source: Raft thesis §9.6.
    public var usesPreVote: Bool
    /// A leader that hears no majority for `electionTicks` steps down, and followers of a living leader ignore
    /// candidates. Source: Raft thesis §6.2, §4.2.3.
    public var checksQuorum: Bool
    /// Lets a leader answer reads without a round while a majority has promised not to depose it; `nil`: no promises
    /// are made, none are counted. See RaftNode+Lease.swift for what it takes for granted.
    public var lease: LeaseSettings?
    public var limits: RaftLimits

    public init(
        electionTicks: Int = 10, heartbeatTicks: Int = 1, usesPreVote: Bool = true, checksQuorum: Bool = true,
        limits: RaftLimits = RaftLimits()
    ) {
        self.electionTicks = electionTicks
        self.heartbeatTicks = heartbeatTicks
        self.usesPreVote = usesPreVote
        self.checksQuorum = checksQuorum
        self.limits = limits
    }

    /// Traps on settings that can't work: they are the program's own.
    func validate() {
        precondition(heartbeatTicks > 0, "heartbeatTicks must be positive: \(self)")
        precondition(electionTicks > heartbeatTicks, "electionTicks must exceed heartbeatTicks: \(self)")
        precondition(limits.appendBytesMax > 0 && limits.inflightMessagesMax > 0, "limits must be positive: \(self)")
        precondition(limits.inflightBytesMax >= limits.appendBytesMax, "one append must fit in flight: \(self)")
        precondition(limits.uncommittedBytesMax > 0 && limits.applyingBytesMax > 0, "limits must be positive: \(self)")
        precondition(limits.pendingReadsMax > 0, "limits must be positive: \(self)")
        if let lease {
            precondition(lease.tick > .zero && 0..<100 ~= lease.clockDriftPercent, "no lease can be such: \(self)")
        }
    }
}

/// Source: Raft thesis §6.4.1.
public struct LeaseSettings: Sendable {
    /// The least time between two ticks of this member, by its monotonic clock.
    public var tick: Duration
    /// How much less of a while one member's monotonic clock may measure than another's: so much of each promise a
    /// leader does not count on. Clocks of machines err by some hundredths of a percent, but while they are being set
    /// right they run up to 8.4 % too fast or too slow (chrony's `maxslewrate`). A heartbeat's time would be enough of
    /// a lease, so this costs nothing.
    public var clockDriftPercent = 20

    public init(tick: Duration) {
        self.tick = tick
    }

    /// How long a promise surely holds, by another's clock.
    func counted(_ promise: Duration) -> Duration { promise * (100 - clockDriftPercent) / 100 }
}

/// Bytes are those of entries' data. Each limit lets a first entry pass, however large it is.
public struct RaftLimits: Sendable {
    /// In one append message: a slow link must not be blocked for long by one message (etcd's value).
    public var appendBytesMax = 1 << 20
    /// Appends that one follower has not answered: bounds what a slow follower makes us hold (etcd's value).
    public var inflightMessagesMax = 512
    /// The same in bytes.
    public var inflightBytesMax = 64 << 20
    /// Proposed but not committed. Above it proposals are refused: a leader without a majority must not fill its
    /// memory.
    public var uncommittedBytesMax = 64 << 20
    /// Handed out for applying but not reported applied: bounds one bundle of orders and what a slow state machine
    /// piles up.
    public var applyingBytesMax = 64 << 20
    /// Reads that wait for a round or for a leader's first commit. Each costs some tens of bytes.
    public var pendingReadsMax = 1 << 16

    public init() {}
}
