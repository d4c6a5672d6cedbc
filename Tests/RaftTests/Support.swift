// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

/// Whether the tests run without optimisation.
let isDebugBuild: Bool = {
    var result = false
    assert(
        {
            result = true; return true
        }())
    return result
}()

let one = MemberID(1)
let two = MemberID(2)
let three = MemberID(3)

func index(_ value: UInt64) -> LogIndex { LogIndex(value) }

func term(_ value: UInt64) -> Term { Term(value) }

func id(_ index: UInt64, term: UInt64) -> EntryID { EntryID(index: LogIndex(index), term: Term(term)) }

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func command(_ text: String) -> Proposal { Proposal(data: bytes(text)) }

/// Entries from index 1 on, one for each of the terms.
func entries(terms: UInt64..., from first: UInt64 = 1) -> [Entry] {
    terms.enumerated().map { offset, term in
        Entry(term: Term(term), index: LogIndex(first + UInt64(offset)), data: bytes("\(first + UInt64(offset))"))
    }
}

/// A configuration change as the tests write it into an entry.
extension ConfigurationChange {
    var encoded: [UInt8] { [kind.rawValue, UInt8(member.rawValue)] }

    var proposal: Proposal { Proposal(kind: .configurationChange, data: encoded) }

    init(encoded: [UInt8]) {
        self.init(Kind(rawValue: encoded[0])!, MemberID(UInt64(encoded[1])))
    }
}

/// Several at once, marked by a first byte that no single change has; leaving as Raft writes it.
extension JointChange {
    private static let mark: UInt8 = 0xFF

    var encoded: [UInt8] {
        switch self {
        case .enter(let changes): [Self.mark] + changes.flatMap(\.encoded)
        case .leave: Self.leavingData
        }
    }

    var proposal: Proposal { Proposal(kind: .jointChange, data: encoded) }

    init(encoded: [UInt8]) {
        if encoded == Self.leavingData {
            self = .leave
        } else {
            precondition(encoded[0] == Self.mark, "no joint change: \(encoded)")
            self = .enter(
                stride(from: 1, to: encoded.count, by: 2).map {
                    ConfigurationChange(encoded: Array(encoded[$0...($0 + 1)]))
                })
        }
    }

    /// Makes one voter of a learner, and removes another.
    static func replace(_ old: MemberID, by new: MemberID) -> JointChange {
        .enter([ConfigurationChange(.addVoter, new), ConfigurationChange(.remove, old)])
    }
}

extension Configuration {
    /// Follows an entry, if it changes the members.
    mutating func follow(_ entry: Entry) {
        switch entry.kind {
        case .normal: return
        case .configurationChange: apply(ConfigurationChange(encoded: entry.data))
        case .jointChange: apply(JointChange(encoded: entry.data))
        }
    }
}

extension RaftNode {
    /// As whoever applies an entry must, if it changes the members.
    mutating func follow(_ entry: Entry) {
        switch entry.kind {
        case .normal: return
        case .configurationChange: apply(ConfigurationChange(encoded: entry.data))
        case .jointChange: apply(JointChange(encoded: entry.data))
        }
    }

    /// A member with `entries` on its disk. The last entry's term is its term if none is given.
    static func make(
        _ id: MemberID = one, voters: [MemberID] = [one], learners: [MemberID] = [], settings: RaftSettings = .init(),
        entries: [Entry] = [], term: UInt64? = nil, vote: MemberID? = nil, commit: UInt64 = 0, applied: UInt64? = nil
    ) -> RaftNode {
        RaftNode(
            id: id, settings: settings,
            recovered: RecoveredState(
                hardState: HardState(
                    term: term.map { Term($0) } ?? entries.last?.term ?? Term(0), vote: vote, commit: LogIndex(commit)),
                entries: entries, applied: applied.map { LogIndex($0) } ?? .zero,
                configuration: Configuration(voters: voters, learners: learners)),
            random: SeededRandom(seed: id.rawValue))
    }

    /// Takes and carries out orders until there are none: everything is durable and applied at once.
    ///
    /// - Parameter now: what its clock says, where that matters.
    /// - Returns: all that was ordered, as one bundle.
    @discardableResult
    mutating func settle(at now: Duration? = nil) -> Orders {
        var all = Orders()
        while hasOrders {
            let orders = takeOrders(at: now)
            all.add(orders)
            if let write = orders.write { persisted(upTo: write) }
            for entry in orders.committed { follow(entry) }
            if let last = orders.committed.last { applied(upTo: last.index) }
        }
        return all
    }

    /// A message in this member's term or another.
    mutating func step(_ body: Message.Body, from sender: MemberID, term: UInt64? = nil) {
        step(Message(from: sender, to: id, term: term.map { Term($0) } ?? self.term, body: body))
    }

    /// Lets `count` ticks pass.
    mutating func tick(_ count: Int) {
        for _ in 0..<count { tick() }
    }

    /// A leader of two or more voters, elected by all of them, with its first entry durable but not committed.
    static func leader(
        voters: [MemberID], learners: [MemberID] = [], settings: RaftSettings = .init(), entries: [Entry] = [],
        commit: UInt64 = 0
    ) -> RaftNode {
        var node = make(voters: voters, learners: learners, settings: settings, entries: entries, commit: commit)
        node.settle()
        if settings.lease != nil { node.tick(settings.electionTicks) }
        node.campaign()
        node.settle()
        for voter in voters where voter != node.id {
            node.step(.preVoteAnswer(isGranted: true), from: voter, term: node.term.rawValue + 1)
        }
        node.settle()
        for voter in voters where voter != node.id { node.step(.voteAnswer(isGranted: true), from: voter) }
        return node
    }
}

extension Orders {
    mutating func add(_ other: Orders) {
        write = other.write ?? write
        hardState = other.hardState ?? hardState
        snapshot = other.snapshot ?? snapshot
        softState = other.softState ?? softState
        entries += other.entries
        messages += other.messages
        committed += other.committed
        readStates += other.readStates
        abandonedReads += other.abandonedReads
        snapshotsToSend += other.snapshotsToSend
    }

    var bodies: [Message.Body] { messages.map(\.body) }

    func bodies(to member: MemberID) -> [Message.Body] { messages.filter { $0.to == member }.map(\.body) }
}
