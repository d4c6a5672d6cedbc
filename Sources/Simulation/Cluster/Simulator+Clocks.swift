// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica

/// Wall clocks: what they do to stamps, where most of them are right.
extension Simulator {
    /// How far a clock may be from simulated time and count as right.
    private static let rightMilliseconds = 250
    /// How far a stamp may be: the error that a leader allows its own clock, that of a right one, that of a reading on
    /// a slow network, and the turn in which it is given.
    private static let stampErrorMilliseconds = 2_000
    /// How far it may be behind: a record may wait for the end of an attempt to hand leadership over, or of a pause.
    private static let stampAgeMilliseconds = 10_000
    /// What a member learnt of a clock is of the time since it was set.
    private static let readingMicroseconds = 15_000_000

    /// What is stamped in a turn is in the log when that ends; a pause may come between.
    private static let turnMicroseconds = 3_200_000

    func noteClocks(_ life: Life) {
        guard hosts.count > 1 else { return }
        let count = life.replica.cluster.members.count { !$0.isLearner }
        if count != life.memberCount.count { life.memberCount = (count, now) }
        let known = Self.membersOfKnownClocks(of: &life.replica)
        for member in life.knownClocks.keys.sorted() where !known.contains(member) { life.knownClocks[member] = nil }
        for member in known where life.knownClocks[member] == nil { life.knownClocks[member] = now }
    }

    /// Asked after each step: lent, as in `termLed`.
    private static func membersOfKnownClocks(of replica: inout Replica) -> [MemberID] {
        replica.membersOfKnownClocks
    }

    /// Whether a fault may set the clock. Where one is wrong from the beginning it is the one.
    func mayTouchClock(of host: Host) -> Bool {
        conditions.wrongClock.map { $0.place == host.place } ?? true
    }

    private func isRight(_ host: Host) -> Bool { abs(host.wallOffset - Host.rightOffset) <= Self.rightMilliseconds }

    /// A leader that knows the clocks of so many members that those which are right are most of all of them stamps
    /// nothing far from what these say, but what must not be below earlier stamps.
    func checkStamp(of entry: Entry, _ life: Life) throws(Violation) {
        guard hosts.count > 1, entry.kind == .normal, !entry.data.isEmpty, let record = try? LogRecord(entry.data)
        else { return }
        guard Self.termLed(by: &life.replica) == entry.term else { return }
        guard goesByOthers(life, at: now) else { return }
        if !isRight(life.host) { counts.correctedStamps += 1 }
        let (stamp, time) = (Int(clamping: record.stamp), Host.rightOffset + now / 1_000)
        // Others need bear none.
        if case .keyspace = record.request, stamp < time - Self.stampAgeMilliseconds - Self.stampErrorMilliseconds {
            throw Violation("\(life.host.id) stamps \(entry.id) \(time - stamp) ms too early")
        }
        if stamp > time + Self.stampErrorMilliseconds, record.stamp > Self.highestStamp(before: entry.index, life) {
            // By its own clock it gave the stamp then: it may have waited since, as above, and have known less.
            let given = (stamp - life.host.wallOffset) * 1_000
            guard goesByOthers(life, at: min(given, now)) else { return }
            throw Violation("\(life.host.id) stamps \(entry.id) \(stamp - time) ms too late")
        }
    }

    /// Whether a member knew the clocks of so many others for a while that those which are right are most of all.
    private func goesByOthers(_ life: Life, at time: Int) -> Bool {
        let right = hosts.count { host in
            guard isRight(host) else { return false }
            if host === life.host { return true }
            guard let since = life.knownClocks[host.id] else { return false }
            return since + Self.turnMicroseconds < time && host.clockSet + Self.readingMicroseconds <= time
        }
        let (count, since) = life.memberCount
        return right * 2 > count && since + Self.turnMicroseconds < time
    }

    /// Of all that the member's log has held: those behind must not be earlier.
    private static func highestStamp(before end: LogIndex, _ life: Life) -> UInt64 {
        var highest = life.replica.cluster.stamp
        var index = life.replica.applied.index + 1
        while index < end {
            let entry = life.replica.node.log[index]
            if entry.kind == .normal, !entry.data.isEmpty, let record = try? LogRecord(entry.data) {
                highest = max(highest, record.stamp)
            }
            index = index + 1
        }
        return highest
    }
}
