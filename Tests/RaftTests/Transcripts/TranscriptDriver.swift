// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

/// Runs a transcript's acts and writes down what the members do: each message when it is sent (`1>2 …`) and when it
/// comes (`2<1 …`), each write and when it is durable, each commit, each entry applied, each change of role.
struct TranscriptDriver {
    /// An act that no transcript can hold.
    struct Mistake: Error {
        var act: String
    }

    /// More deliveries in one act are an endless exchange.
    static let deliveriesMax = 1000

    private(set) var lines: [String] = []
    private(set) var members: [TranscriptMember] = []
    private var settings = RaftSettings()
    private var clock = Duration.zero
    private var configuration = Configuration()
    private var network: [(message: Message, state: TranscriptMember.State?)] = []
    private var cut: Set<MemberID> = []

    /// The acts, one a line:
    ///
    /// - `plain`: Raft as in the paper's figure 2, without pre-vote and check of the quorum
    /// - `lease`: a leader reads by lease; a tick takes 100 ms; `time N`: so many milliseconds pass, on all clocks
    /// - `append-bytes N`: the limit of one append
    /// - `voters 1 2 3`, `learners 4`: who belongs to the cluster
    /// - `member ID TERM… [in TERM]`: starts a member with one durable entry for each term, in the last one's or
    ///   another term
    /// - `elect ID`, `tick [ID [COUNT]]`, `propose ID TEXT…`, `remove ID MEMBER`, `replace ID OLD NEW`,
    ///   `read ID CONTEXT`, `transfer ID TARGET`
    /// - `deliver`: all messages in the order of their sending, and what comes of them, until none is left;
    ///   `deliver FROM TO`: those that now are under way between the two
    /// - `drop FROM TO`: loses those that are under way; `double FROM TO`: they come twice, after all others;
    ///   `cut ID`, `heal ID`: loses all that a member sends and gets
    /// - `hold ID`, `sync ID`: writes wait, and are made durable; otherwise they are durable at once
    /// - `crash ID`, `restart ID`: with what is durable; `compact ID`: saves the state and drops the log before it
    mutating func run(_ act: String) throws {
        let words = act.split(separator: " ").map(String.init)
        let numbers = words.dropFirst().compactMap { UInt64($0) }
        switch (words[0], numbers.count) {
        case ("plain", 0):
            settings.usesPreVote = false
            settings.checksQuorum = false
        case ("lease", 0): settings.lease = LeaseSettings(tick: .milliseconds(100))
        case ("time", 1): clock += .milliseconds(Int64(numbers[0]))
        case ("append-bytes", 1): settings.limits.appendBytesMax = Int(numbers[0])
        case ("voters", 1...): configuration = Configuration(voters: numbers.map { MemberID($0) })
        case ("learners", 1...):
            configuration = Configuration(voters: configuration.voters, learners: numbers.map { MemberID($0) })
        case ("member", 1...): try start(numbers, hasTerm: words.dropLast().last == "in")
        case ("tick", 0): for place in members.indices { try change(members[place].id, act) { $0.tick() } }
        case ("tick", _): for _ in 0..<(numbers.dropFirst().first ?? 1) { try change(numbers[0], act) { $0.tick() } }
        case ("elect", 1): try change(numbers[0], act) { $0.campaign() }
        case ("propose", 1...):
            try change(numbers[0], act) { node throws(RequestError) in
                _ = try node.propose(words.dropFirst(2).map { command($0) })
            }
        case ("remove", 2):
            let change = ConfigurationChange(.remove, MemberID(numbers[1])).proposal
            try self.change(numbers[0], act) { node throws(RequestError) in _ = try node.propose([change]) }
        case ("replace", 3):
            let change = JointChange.replace(MemberID(numbers[1]), by: MemberID(numbers[2])).proposal
            try self.change(numbers[0], act) { node throws(RequestError) in _ = try node.propose([change]) }
        case ("read", 2):
            try change(numbers[0], act) { node throws(RequestError) in try node.readIndex(ReadContext(numbers[1])) }
        case ("transfer", 2):
            try change(numbers[0], act) { node throws(RequestError) in
                try node.transferLeadership(to: MemberID(numbers[1]))
            }
        case ("deliver", 0): try deliverAll(act)
        case ("deliver", 2): try deliver(takePackets(numbers), act)
        case ("drop", 2): for packet in takePackets(numbers) { writeDown(packet.message, isLost: true) }
        case ("double", 2):
            let packets = takePackets(numbers)
            network += packets + packets
        case ("cut", 1): cut.insert(MemberID(numbers[0]))
        case ("heal", 1): cut.remove(MemberID(numbers[0]))
        case ("hold", 1): members[try place(MemberID(numbers[0]), act)].isHeld = true
        case ("sync", 1):
            let place = try place(MemberID(numbers[0]), act)
            members[place].isHeld = false
            sync(place)
            settle(place)
        case ("crash", 1): members[try place(MemberID(numbers[0]), act)].crash()
        case ("restart", 1):
            let place = try place(MemberID(numbers[0]), act)
            members[place].start()
            lines.append("  \(members[place].id) starts: \(describeStart(members[place]))")
            settle(place)
        case ("compact", 1): members[try place(MemberID(numbers[0]), act)].compact()
        default: throw Mistake(act: act)
        }
    }

    // MARK: Acts

    private mutating func start(_ numbers: [UInt64], hasTerm: Bool) throws {
        var terms = Array(numbers.dropFirst())
        let last = terms.last ?? 0
        if hasTerm { terms.removeLast() }
        let entries = terms.enumerated().map { offset, term in
            Entry(term: Term(term), index: LogIndex(UInt64(offset) + 1), data: bytes("\(offset + 1)"))
        }
        members.append(
            TranscriptMember(
                id: MemberID(numbers[0]), settings: settings, hardState: HardState(term: Term(last)),
                configuration: configuration, entries: entries))
        lines.append("  \(numbers[0]) starts: \(describeStart(members[members.count - 1]))")
    }

    private func describeStart(_ member: TranscriptMember) -> String {
        "\(TranscriptNotation.text(member.hardState)), \(TranscriptNotation.text(member.saved.mark.last)) saved, "
            + "log [\(member.entries.map { TranscriptNotation.text($0.id) }.joined(separator: ", "))]"
    }

    private func place(_ id: MemberID, _ act: String) throws -> Int {
        guard let place = members.firstIndex(where: { $0.id == id }) else { throw Mistake(act: act) }
        return place
    }

    private mutating func change(
        _ number: UInt64, _ act: String, _ body: (inout RaftNode) throws(RequestError) -> Void
    ) throws {
        try change(MemberID(number), act, body)
    }

    /// Does something with a member that runs; nothing with one that doesn't.
    private mutating func change(
        _ id: MemberID, _ act: String, _ body: (inout RaftNode) throws(RequestError) -> Void
    ) throws {
        let place = try place(id, act)
        guard var node = members[place].node else { return }
        do {
            try body(&node)
        } catch {
            lines.append("  \(id) refuses: \(error)")
        }
        members[place].node = node
        settle(place)
    }

    // MARK: Network

    private mutating func takePackets(_ link: [UInt64]) -> [(message: Message, state: TranscriptMember.State?)] {
        func isOnLink(_ message: Message) -> Bool {
            message.from == MemberID(link[0]) && message.to == MemberID(link[1])
        }
        let taken = network.filter { isOnLink($0.message) }
        network.removeAll { isOnLink($0.message) }
        return taken
    }

    private mutating func deliverAll(_ act: String) throws {
        var count = 0
        while !network.isEmpty {
            count += 1
            guard count <= Self.deliveriesMax else { throw Mistake(act: "\(act): no end") }
            try deliver([network.removeFirst()], act)
        }
    }

    private mutating func deliver(
        _ packets: [(message: Message, state: TranscriptMember.State?)], _ act: String
    ) throws {
        for (message, state) in packets {
            let place = try place(message.to, act)
            guard members[place].node != nil, !cut.contains(message.from), !cut.contains(message.to) else {
                writeDown(message, isLost: true)
                continue
            }
            lines.append("  \(message.to)<\(message.from) \(TranscriptNotation.parts(message.body).name)")
            if case .snapshot(let mark) = message.body { members[place].arrived[mark.last] = state }
            try change(message.to, act) { $0.step(message) }
        }
    }

    private mutating func send(_ message: Message, state: TranscriptMember.State? = nil) {
        let isLost = cut.contains(message.from) || cut.contains(message.to)
        writeDown(message, isLost: isLost)
        if !isLost { network.append((message, state)) }
    }

    private mutating func writeDown(_ message: Message, isLost: Bool) {
        lines.append("  \(TranscriptNotation.text(message))\(isLost ? " (lost)" : "")")
    }

    // MARK: Orders

    /// Carries out what a member orders until it orders no more.
    private mutating func settle(_ place: Int) {
        noteCommit(place)
        while members[place].node?.hasOrders == true {
            guard let orders = members[place].node?.takeOrders(at: clock) else { return }
            carryOut(orders, place)
            noteCommit(place)
        }
    }

    private mutating func noteCommit(_ place: Int) {
        guard let committed = members[place].node?.log.committed, committed > members[place].toldCommit else { return }
        members[place].toldCommit = committed
        lines.append("  \(members[place].id) commits \(committed.rawValue)")
    }

    private mutating func carryOut(_ orders: Orders, _ place: Int) {
        let id = members[place].id
        if let soft = orders.softState, let term = members[place].node?.term {
            let leader = soft.leader.map { ", led by \($0)" } ?? ""
            lines.append("  \(id) is \(TranscriptNotation.text(soft.role)) in t\(term.rawValue)\(leader)")
        }
        write(orders, place)
        for message in orders.messages { send(message) }
        for entry in orders.committed { apply(entry, place) }
        for read in orders.readStates {
            lines.append("  \(id) reads #\(read.context.rawValue) at \(read.index.rawValue)")
        }
        for read in orders.abandonedReads { lines.append("  \(id) abandons #\(read.rawValue)") }
        for member in orders.snapshotsToSend { sendState(to: member, place) }
        if !members[place].isHeld { sync(place) }
    }

    private mutating func write(_ orders: Orders, _ place: Int) {
        guard orders.write != nil || orders.hardState != nil else { return }
        var what: [String] = []
        if let hardState = orders.hardState { what.append(TranscriptNotation.text(hardState)) }
        if let mark = orders.snapshot { what.append("state \(TranscriptNotation.text(mark.last))") }
        if !orders.entries.isEmpty { what.append(TranscriptNotation.text(orders.entries)) }
        let number = orders.write.map { "w\($0.rawValue)" } ?? "with the next"
        lines.append("  \(members[place].id) writes \(number): \(what.joined(separator: ", "))")
        members[place].pending.append(
            .init(
                number: orders.write, hardState: orders.hardState,
                snapshot: orders.snapshot.map { ($0, members[place].arrived[$0.last] ?? []) }, entries: orders.entries))
    }

    private mutating func sync(_ place: Int) {
        guard let number = members[place].sync() else { return }
        lines.append("  \(members[place].id) has durably w\(number.rawValue)")
        members[place].node?.persisted(upTo: number)
    }

    private mutating func apply(_ entry: Entry, _ place: Int) {
        lines.append("  \(members[place].id) applies \(TranscriptNotation.text(entry))")
        members[place].state.append(TranscriptNotation.text(entry))
        if entry.kind.changesConfiguration {
            members[place].node?.follow(entry)
            let now = members[place].node.map { TranscriptNotation.text($0.configuration) } ?? ""
            lines.append("  \(members[place].id) counts \(now)")
        }
        members[place].node?.applied(upTo: entry.index)
    }

    /// The state goes at once, and the message with it.
    private mutating func sendState(to member: MemberID, _ place: Int) {
        let saved = members[place].saved
        lines.append("  \(members[place].id) sends its state \(TranscriptNotation.text(saved.mark.last)) to \(member)")
        if let message = members[place].node?.snapshotMessage(to: member, mark: saved.mark) {
            send(message, state: saved.state)
        }
        members[place].node?.snapshotSent(to: member, upTo: saved.mark.last.index)
    }
}
