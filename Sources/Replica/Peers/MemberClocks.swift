// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
public import MartletRaft

/// What the members' wall clocks say, and what of the own one may go into the log.
///
/// Each member asks the others once a second, and sooner while it knows no majority's clocks. An answer counts if it
/// came soon: its clock was read about in the middle of the way there and back. From then on it is counted on by the
/// own monotonic clock.
///
/// The median is that of all voters, where one whose clock isn't known counts as if it said what the own one does. So
/// only a majority that is known to say otherwise outweighs the own clock: never one member of two, nor two of five.
/// Where the members are even in number both clocks in the middle are right, and what lies between them.
struct MemberClocks: Sendable {
    private struct Reading: Sendable {
        var member: MemberID
        var round: UInt64
        /// Milliseconds that its wall clock is ahead of the own monotonic clock.
        var lead: Int64
        /// In ticks.
        var taken: Int
    }

    /// Of a handful of members.
    private var readings: [Reading] = []
    /// The last question, and when it was asked.
    private(set) var round: UInt64
    private var asked = Duration.zero
    /// What the wall clock may say, as what it is ahead of the monotonic clock; `nil`: whatever it says.
    private var leastLead: Int64?
    private var mostLead: Int64?
    private var voterCount = 0
    private var limitMilliseconds: Int64 = 0
    /// Whether so many clocks are known that, with the own one, they are those of a majority.
    private(set) var isMajorityKnown = false
    /// When the own clock was last looked at.
    private var wasWrong = false

    /// The way there and back; half of it is how wrong a reading may be. Above it somebody was busy or far away, and
    /// there is a next question.
    static let roundTripMax = Duration.milliseconds(500)
    /// No clock says more: the year 100,000 and later.
    private static let millisecondsMax: UInt64 = 1 << 52

    /// - Parameter round: differs from those of earlier lives, whose answers may be under way.
    init(round: UInt64) {
        self.round = round
    }

    /// A question goes out now.
    mutating func ask(at moment: Moment) -> UInt64 {
        round &+= 1
        asked = moment.monotonic
        return round
    }

    /// Whether no answer to the last question counts any more.
    func mayAskAgain(at moment: Moment) -> Bool { moment.monotonic - asked >= Self.roundTripMax }

    /// - Returns: whether the answer counts: one to an earlier question doesn't, nor one that is late or comes again.
    mutating func take(
        _ milliseconds: UInt64, _ round: UInt64, of member: MemberID, at moment: Moment, tick: Int
    ) -> Bool {
        let way = moment.monotonic - asked
        guard round == self.round, way <= Self.roundTripMax, milliseconds <= Self.millisecondsMax else { return false }
        let place = readings.firstIndex { $0.member == member }
        if let place, readings[place].round == round { return false }
        let lead = Int64(milliseconds) + Self.milliseconds(way) / 2 - Self.milliseconds(moment.monotonic)
        let reading = Reading(member: member, round: round, lead: lead, taken: tick)
        if let place { readings[place] = reading } else { readings.append(reading) }
        return true
    }

    /// Works out what the own clock may say.
    ///
    /// - Parameters:
    ///   - members: those that vote: a learner has no say.
    ///   - limit: how far it may be from the median.
    ///   - oldest: when the oldest reading was taken that still counts, in ticks.
    mutating func judge(_ members: [MemberID], limit: Duration, oldest: Int) {
        readings.removeAll { $0.taken < oldest || !members.contains($0.member) }
        let leads = readings.map(\.lead).sorted()
        // Of all clocks in their order the two in the middle are at these places. As many as are not known say what the
        // own one does: it is the highest of the known ones in front of the middle, or the lowest behind, that bounds
        // it, wherever it stands.
        let unknown = members.count - leads.count
        let (lower, upper) = ((members.count - 1) / 2 - unknown, members.count / 2)
        let error = Self.milliseconds(limit)
        leastLead = lower >= 0 && lower < leads.count ? leads[lower] - error : nil
        mostLead = upper < leads.count ? leads[upper] + error : nil
        (voterCount, limitMilliseconds) = (members.count, error)
        isMajorityKnown = !members.isEmpty && leads.count + 1 > members.count / 2
    }

    /// The own wall clock, as far as the others bear it out.
    func wallMilliseconds(at moment: Moment) -> UInt64 {
        var time = moment.wallMilliseconds
        if leastLead == nil, mostLead == nil { return time }
        let monotonic = Self.milliseconds(moment.monotonic)
        if let leastLead { time = max(time, UInt64(clamping: leastLead + monotonic)) }
        if let mostLead { time = min(time, UInt64(clamping: mostLead + monotonic)) }
        return time
    }

    /// Whether a majority of the voters' clocks, the own one among them unless it is held back, says what the own one
    /// may say. Complexity: O(voters).
    func isBorneOut(at moment: Moment) -> Bool {
        let time = wallMilliseconds(at: moment)
        let lead = Int64(clamping: time) - Self.milliseconds(moment.monotonic)
        var count = time == moment.wallMilliseconds ? 1 : 0
        for reading in readings where abs(reading.lead - lead) <= limitMilliseconds { count += 1 }
        return count > voterCount / 2 && voterCount > 0
    }

    /// How far the own clock is ahead of what it may say, or, below zero, behind; `nil`: it is right.
    func error(at moment: Moment) -> Int64? {
        let time = wallMilliseconds(at: moment)
        if time == moment.wallMilliseconds { return nil }
        return Int64(clamping: moment.wallMilliseconds) - Int64(clamping: time)
    }

    /// As `error`, if it was wrong the last time, too: after a pause of the whole machine the readings are old, not the
    /// clock wrong.
    mutating func lastingError(at moment: Moment) -> Int64? {
        let error = error(at: moment)
        defer { wasWrong = error != nil }
        return wasWrong ? error : nil
    }

    /// Whose clocks are known.
    var known: [MemberID] { readings.map(\.member) }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

extension Replica {
    /// Asks the members for their clocks when it is time: all that can read the question, as far as they have said. A
    /// member whose server was exchanged for an earlier one breaks its connection for the question, and has it again a
    /// moment later; it isn't asked any more once it has told of itself.
    ///
    /// Everybody asks, not only the leader: who comes to lead then knows already. Who knows no majority's clocks asks
    /// again as soon as no answer to the last question counts any more.
    mutating func askClocks(at moment: Moment, into effects: inout Effects) {
        if (ticks - 1) % configuration.clockTicks == 0 {
            judgeClocks()
            effects.clockError = clocks.lastingError(at: moment)
        } else if clocks.isMajorityKnown || !clocks.mayAskAgain(at: moment) {
            return
        }
        guard cluster.members.count > 1, configuration.recordFormat >= KeyspaceRecord.Format.clocks.rawValue else {
            return
        }
        let round = clocks.ask(at: moment)
        for member in cluster.members where member.id != configuration.member {
            guard let attributes = member.attributes,
                attributes.recordFormat >= KeyspaceRecord.Format.clocks.rawValue
            else { continue }
            effects.messages.append(clockMessage(.clockQuestion(round), to: member.id))
        }
    }

    /// - Returns: whether the message was about clocks.
    mutating func takesClock(_ message: Message, at moment: Moment, into effects: inout Effects) -> Bool {
        switch message.body {
        case .clockQuestion(let round):
            let answer = Message.Body.clockAnswer(round, milliseconds: moment.wallMilliseconds)
            effects.messages.append(clockMessage(answer, to: message.from))
        case .clockAnswer(let round, let milliseconds):
            if clocks.take(milliseconds, round, of: message.from, at: moment, tick: ticks) { judgeClocks() }
        default: return false
        }
        return true
    }

    /// Also where members have come or gone.
    mutating func judgeClocks() {
        clocks.judge(
            cluster.members.filter { !$0.isLearner }.map(\.id), limit: configuration.clockErrorMax,
            oldest: ticks - configuration.clockReadingTicks)
    }

    private func clockMessage(_ body: Message.Body, to member: MemberID) -> Message {
        Message(from: configuration.member, to: member, term: node.term, body: body)
    }

    /// Members whose clocks this one knows, beside its own. For tests.
    public var membersOfKnownClocks: [MemberID] { clocks.known }
    /// By how many milliseconds the own clock is ahead of what it may say, or behind that if negative. For tests.
    public func clockError(at moment: Moment) -> Int64? { clocks.error(at: moment) }
}
