// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica
import MartletWALCodec
import Testing

/// Members that pass messages in memory: everything sent arrives at once unless a link is cut, every disk is fast.
struct TestCluster {
    var members: [MemberID: ClusterMember] = [:]
    /// From, to.
    var cut: Set<[MemberID]> = []
    var isDown: Set<MemberID> = []
    private var packets: [Message] = []
    var moment = Moment(monotonic: .seconds(1), wallMilliseconds: 1_700_000_000_000)
    var sentSnapshots = 0
    /// Milliseconds that a machine's wall clock is ahead.
    var clockErrors: [MemberID: Int64] = [:]
    /// Questions for clocks that were sent, by receiver.
    var clockQuestions: [MemberID: Int] = [:]

    static func id(_ number: Int) -> MemberID { MemberID(UInt64(number)) }

    static func configuration(_ number: Int, of count: Int) -> ReplicaConfiguration {
        var configuration = TestMember.configuration
        configuration.member = id(number)
        configuration.name = "m\(number)"
        configuration.peerURLs = ["http://m\(number):2380"]
        configuration.clientURLs = ["http://m\(number):2379"]
        configuration.seed = UInt64(number) * 7919
        let founders = (1...max(count, 1)).map {
            MemberContext(member: id($0), peerURLs: ["http://m\($0):2380"], name: "m\($0)")
        }
        configuration.beginning = count == 0 ? .joining : count == 1 ? .alone : .together(founders)
        return configuration
    }

    init(_ count: Int, change: (inout ReplicaConfiguration) -> Void = { _ in }) throws {
        for number in 1...count {
            var configuration = Self.configuration(number, of: count)
            change(&configuration)
            members[Self.id(number)] = try ClusterMember(configuration, at: moment)
        }
        settle()
    }

    /// A member that waits to be added.
    mutating func join(_ number: Int, change: (inout ReplicaConfiguration) -> Void = { _ in }) throws {
        var configuration = Self.configuration(number, of: 0)
        change(&configuration)
        members[Self.id(number)] = try ClusterMember(configuration, at: moment)
        settle()
    }

    subscript(_ number: Int) -> ClusterMember {
        get { members[Self.id(number)]! }
        set { members[Self.id(number)] = newValue }
    }

    var order: [MemberID] { members.keys.sorted() }

    /// Hands an event to a member and carries out what follows.
    mutating func step(_ number: Int, _ event: Event) {
        step(Self.id(number), event)
    }

    mutating func step(_ id: MemberID, _ event: Event) {
        guard !isDown.contains(id) else { return }
        members[id]!.step(event, at: moment(of: id))
        let messages = members[id]!.takeMessages()
        for message in messages {
            if case .clockQuestion = message.body { clockQuestions[message.to, default: 0] += 1 }
        }
        packets += messages
    }

    func moment(of id: MemberID) -> Moment {
        let wall = Int64(moment.wallMilliseconds) + (clockErrors[id] ?? 0)
        return Moment(monotonic: moment.monotonic, wallMilliseconds: UInt64(wall))
    }

    /// Delivers, syncs and works until nothing is left to do.
    ///
    /// - Parameter rounds: after so many deliveries of all that is under way it is enough; `nil`: it must come to rest.
    mutating func settle(rounds: Int? = nil) {
        for _ in 0..<(rounds ?? 100_000) {
            var isBusy = false
            let underway = packets
            packets = []
            for message in underway where !cut.contains([message.from, message.to]) {
                guard members[message.to] != nil, !isDown.contains(message.to) else { continue }
                isBusy = true
                step(message.to, .received(message))
            }
            for id in order where !isDown.contains(id) {
                step(id, .turnEnded)
                while let event = members[id]!.nextOwnEvent() {
                    isBusy = true
                    step(id, event)
                }
                for order in members[id]!.takeSnapshotOrders() {
                    isBusy = true
                    send(order, from: id)
                }
            }
            if !isBusy, packets.isEmpty { return }
        }
        if rounds == nil { Issue.record("the cluster never rests") }
    }

    private mutating func send(_ order: Effects.SnapshotOrder, from sender: MemberID) {
        guard let source = members[sender], let target = members[order.to], !isDown.contains(order.to),
            !cut.contains([sender, order.to]),
            let state = try? source.disk.state(target.configuration, at: moment), state.applied.index > LogIndex(0)
        else { return step(sender, .snapshotSent(to: order.to, upTo: nil)) }
        sentSnapshots += 1
        members[order.to]!.staged = source.disk
        step(order.to, .snapshotArrived(state, from: sender, term: order.term))
        step(sender, .snapshotSent(to: order.to, upTo: state.applied.index))
    }

    mutating func tick(_ count: Int = 1) {
        for _ in 0..<count {
            moment.monotonic += .milliseconds(100)
            moment.wallMilliseconds += 100
            for id in order { step(id, .tick) }
            settle()
        }
    }

    /// Lets time pass until somebody leads whom a majority follows.
    ///
    /// - Parameter other: who led before, and may not have noticed that it doesn't any more.
    @discardableResult
    mutating func elect(not other: Int? = nil) -> Int {
        for _ in 0..<100 {
            tick()
            if let leader, leader != other { return leader }
        }
        Issue.record("nobody leads")
        return 1
    }

    var leader: Int? {
        let leaders = order.filter { !isDown.contains($0) && members[$0]!.replica.status.countsLeases }
        guard let leader = leaders.max(by: { members[$0]!.replica.term < members[$1]!.replica.term }) else {
            return nil
        }
        let followers = order.filter {
            !isDown.contains($0) && members[$0]!.replica.status.leader == leader
        }
        return followers.count * 2 > members[leader]!.replica.cluster.members.count
            ? Int(leader.rawValue) : nil
    }

    /// Some member that follows.
    func follower(but other: Int? = nil) -> Int {
        order.map { Int($0.rawValue) }.first { $0 != leader && $0 != other && !isDown.contains(Self.id($0)) }!
    }

    mutating func isolate(_ number: Int) {
        for other in order where other != Self.id(number) {
            cut.insert([Self.id(number), other])
            cut.insert([other, Self.id(number)])
        }
    }

    mutating func write(_ number: Int, _ key: String, _ value: String = "v") -> Result<WriteResponse, ReplicaError>? {
        outcome(number, of: .propose(put(key, value), waiter: WaiterID(.max)))
    }

    /// What is answered to an event by itself, at once.
    mutating func outcome(_ number: Int, of event: Event) -> Result<WriteResponse, ReplicaError>? {
        self[number].replies.removeAll { $0.waiter == WaiterID(.max) }
        step(number, event)
        settle()
        return self[number].replies.last { $0.waiter == WaiterID(.max) }?.result
    }

    mutating func reads(_ number: Int, waiter: UInt64 = 99) -> [ReplicaError?] {
        step(number, .read(waiter: WaiterID(waiter)))
        settle()
        return self[number].reads.filter { $0.waiter == WaiterID(waiter) }.map(\.error)
    }

    mutating func crash(_ number: Int) {
        isDown.insert(Self.id(number))
    }

    mutating func restart(_ number: Int) throws {
        let id = Self.id(number)
        isDown.remove(id)
        members[id] = try ClusterMember(members[id]!.configuration, disk: members[id]!.disk, at: moment)
        settle()
    }

    /// All members that run hold the same.
    func checkEqual() {
        let running = order.filter { !isDown.contains($0) }
        let digests = Set(running.map { members[$0]!.replica.stateDigest() })
        let applied = running.map { members[$0]!.replica.applied.index.rawValue }
        #expect(digests.count == 1, "applied: \(applied)")
    }
}

/// One of them.
struct ClusterMember {
    let configuration: ReplicaConfiguration
    var replica: Replica
    var disk: SimulatedDisk
    var effects = Effects()
    var replies: [Effects.Reply] = []
    var reads: [Effects.ReadReply] = []
    var transfers: [Effects.ReadReply] = []
    var commandReplies: [CommandReply] = []
    var failure: ReplicaFailure?
    var isReady = false
    /// What it had to say of its machine's clock.
    var clockErrors: [Int64] = []
    var hasWork = false
    var wantsInstall: AppliedPosition?
    var discarded = 0
    var staged: SimulatedDisk?
    private var messages: [Message] = []
    private var orders: [Effects.SnapshotOrder] = []
    private var checkpoint: ReplicaCheckpoint?
    var holdsSyncs = false

    init(_ configuration: ReplicaConfiguration, disk: SimulatedDisk = SimulatedDisk(), at moment: Moment) throws {
        self.configuration = configuration
        self.disk = disk
        let state = try disk.state(configuration, at: moment)
        let log = try self.disk.log(after: state.applied.index)
        replica = try Replica(configuration, restoring: state, log: log, at: moment)
        step(.start, at: moment)
    }

    mutating func step(_ event: Event, at moment: Moment) {
        guard failure == nil else { return }
        replica.step(event, at: moment, into: &effects)
        switch event {
        case .propose, .changeMembers, .renewLease, .read, .received: return
        default: break
        }
        failure = effects.failure
        if !effects.batch.isEmpty, let number = effects.batchNumber { disk.submit(effects.batch, number) }
        messages += effects.messages
        orders += effects.snapshotsToSend
        replies += effects.replies
        reads += effects.reads
        transfers += effects.transfers
        commandReplies += effects.commandReplies
        isReady = isReady || effects.isReady
        hasWork = effects.hasWork
        if let error = effects.clockError { clockErrors.append(error) }
        switch effects.arrival {
        case .install(let position): wantsInstall = position
        case .discard: discarded += 1
        case nil: break
        }
        if let new = effects.checkpoint { checkpoint = new }
        effects.removeAll()
        #expect(replica.node.violatedInvariants() == [])
    }

    mutating func run(_ request: CommandRequest, _ reply: inout ReplyWriter, at moment: Moment) -> CommandAnswer {
        replica.run(request, &reply, at: moment, into: &effects)
    }

    mutating func transact(_ request: StoreRequest, _ waiter: WaiterID, at moment: Moment) {
        replica.transact(request, for: waiter, at: moment, into: &effects)
    }

    mutating func run(_ transaction: Transaction, client: UInt64, at moment: Moment) {
        var reply = ReplyWriter()
        let answer = replica.run(transaction, client: client, &reply, at: moment, into: &effects) { _, _ in }
        if answer == .complete { commandReplies.append(CommandReply(client: client, bytes: reply.bytes)) }
    }

    mutating func takeMessages() -> [Message] {
        defer { messages = [] }
        return messages
    }

    mutating func takeSnapshotOrders() -> [Effects.SnapshotOrder] {
        defer { orders = [] }
        return orders
    }

    /// What disk and tables have to say.
    mutating func nextOwnEvent() -> Event? {
        if failure != nil { return nil }
        if wantsInstall != nil, let staged {
            wantsInstall = nil
            disk.replaceTables(by: staged)
            self.staged = nil
            return .snapshotInstalled
        }
        if let new = checkpoint {
            checkpoint = nil
            disk.write(new)
            return .checkpointEnded(isWritten: true)
        }
        if !holdsSyncs, let batch = disk.sync(.max) { return .synced(batch) }
        if hasWork {
            hasWork = false
            return .work
        }
        return nil
    }
}
