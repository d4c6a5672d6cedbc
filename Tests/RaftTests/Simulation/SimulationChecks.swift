// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// What must hold in every run, whatever fails. Knows all members, and so more than any of them.
struct SimulationChecks {
    /// The first violation found.
    var violation: String?
    /// Whether to look at what members promise; without it only broken outcomes count.
    let checksPromises: Bool
    private(set) var answeredReads = 0
    private(set) var elections = 0
    /// Committed anywhere, ever: by index from 1.
    private(set) var truth: [Entry] = []
    /// The term in which a commit was first seen: an upper bound of the one in which it happened.
    private var truthSeenIn: [Term] = []

    private struct Fact: Equatable {
        var previousTerm: Term?
        var data: [UInt8]
    }

    private struct Mark {
        var term = Term.zero
        var committed = LogIndex.zero
        var applied = LogIndex.zero
    }

    private struct Vote: Hashable {
        var voter: MemberID
        var term: Term
    }

    private var leaders: [Term: MemberID] = [:]
    private var facts: [EntryID: Fact] = [:]
    private var marks: [MemberID: Mark] = [:]
    private var votes: [Vote: MemberID] = [:]
    private var reads: [ReadContext: LogIndex] = [:]
    private var nextRead: UInt64 = 0

    init(checksPromises: Bool) {
        self.checksPromises = checksPromises
    }

    private mutating func fail(_ words: String) {
        if violation == nil { violation = words }
    }

    // MARK: A member's state

    mutating func check(_ member: inout SimulatedMember) {
        let violated = member.node!.violatedInvariants()
        if !violated.isEmpty { fail("\(member.summary): \(violated)") }
        checkMonotony(member)
        checkCommits(&member)
        if member.node!.role == .leader { checkLeader(member) }
    }

    /// Term, commit and applied index never go back while a member lives, and the term not even over its death.
    private mutating func checkMonotony(_ member: SimulatedMember) {
        let node = member.node!
        let mark = marks[member.id] ?? Mark()
        if node.term < mark.term || node.log.committed < mark.committed || node.log.applied < mark.applied {
            fail("\(member.summary) was at \(mark)")
        }
        marks[member.id] = Mark(term: node.term, committed: node.log.committed, applied: node.log.applied)
    }

    mutating func crashed(_ member: SimulatedMember) {
        marks[member.id] = Mark(term: member.disk.durable.hardState.term)
    }

    /// State machine safety, and no committed entry lost. Source: Raft figure 3.
    private mutating func checkCommits(_ member: inout SimulatedMember) {
        let log = member.node!.log
        guard log.committed > member.checkedCommit else { return }
        // What a snapshot replaced is compared as state.
        var next = max(member.checkedCommit, log.base.index) + 1
        while next <= log.committed {
            let entry = log[next]
            let offset = Int(next.rawValue) - 1
            if offset < truth.count {
                if truth[offset] != entry { fail("\(member.summary) committed \(entry), was \(truth[offset])") }
            } else if offset == truth.count {
                truth.append(entry)
                truthSeenIn.append(member.node!.term)
            } else {
                fail("\(member.summary) committed \(next) after a gap: \(truth.count)")
            }
            next = next + 1
        }
        member.checkedCommit = log.committed
    }

    /// Election safety and leader completeness. Source: Raft figure 3, §5.2, §5.4.
    private mutating func checkLeader(_ member: SimulatedMember) {
        let node = member.node!
        if let known = leaders[node.term] {
            if known != member.id { fail("\(known) and \(member.id) lead term \(node.term)") }
            return
        }
        leaders[node.term] = member.id
        elections += 1
        for offset in truth.indices.reversed() where truthSeenIn[offset] < node.term {
            guard truth[offset].index > node.log.base.index else { break }
            if !node.log.contains(truth[offset].id) { fail("\(member.summary) leads without \(truth[offset])") }
        }
    }

    // MARK: Orders

    mutating func taken(_ member: SimulatedMember) {
        let orders = member.orders
        for entry in orders.entries { checkFact(entry, member) }
        for read in orders.readStates {
            // A doubled answer finds nobody.
            guard let atLeast = reads.removeValue(forKey: read.context) else { continue }
            answeredReads += 1
            if read.index < atLeast { fail("\(member.summary) read at \(read.index) what must be \(atLeast)") }
        }
        guard checksPromises else { return }
        for message in orders.messages { checkPromise(message, member) }
    }

    /// Log matching, by induction: index and term determine the entry and its predecessor. Source: Raft §5.3.
    private mutating func checkFact(_ entry: Entry, _ member: SimulatedMember) {
        let previous = member.node!.log.term(at: entry.index.predecessor)
        let fact = Fact(previousTerm: previous, data: entry.data)
        if let known = facts[entry.id] {
            guard known != fact else { return }
            fail("\(member.summary) wrote \(entry) after \(String(describing: previous)), known: \(known)")
        } else {
            facts[entry.id] = fact
        }
    }

    /// What others rely on must be durable when it is said, and one vote a term is all a member has.
    private mutating func checkPromise(_ message: Message, _ member: SimulatedMember) {
        let durable = member.disk.durable
        switch message.body {
        case .voteAnswer(isGranted: true):
            let vote = Vote(voter: message.from, term: message.term)
            if let other = votes[vote], other != message.to { fail("\(message.from) voted twice: \(message)") }
            votes[vote] = message.to
            if durable.hardState.term == message.term, durable.hardState.vote == message.to { return }
        case .vote:
            if durable.hardState.term == message.term, durable.hardState.vote == message.from { return }
        case .appendAccepted(let match):
            if durable.last >= match, durable.hardState.term >= message.term { return }
        default:
            return
        }
        fail("\(member.summary) says \(message), on its disk: \(durable.hardState), last entry \(durable.last)")
    }

    // MARK: Reads

    /// A read must see whatever was committed anywhere when it began.
    mutating func beginRead() -> ReadContext {
        nextRead += 1
        reads[ReadContext(nextRead)] = LogIndex(UInt64(truth.count))
        return ReadContext(nextRead)
    }

    // MARK: States

    mutating func applied(_ member: SimulatedMember) {
        let state = member.state
        guard let last = state.last, state.count <= truth.count, truth[state.count - 1] == last else {
            return fail("\(member.summary) applied \(String(describing: state.last)) of \(truth.count) committed")
        }
        guard member.installing == nil, member.node!.log.applied.rawValue == UInt64(state.count) else { return }
        if last.kind.changesConfiguration, member.node!.configuration != member.configuration(of: state) {
            fail("\(member.summary) should have \(member.configuration(of: state))")
        }
    }

    mutating func compareStates(_ members: [SimulatedMember]) {
        for member in members where !truth.starts(with: member.state) {
            fail("\(member.summary): its state is not what was committed")
        }
    }
}
