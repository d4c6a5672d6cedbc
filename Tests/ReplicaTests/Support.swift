// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica
import MartletWALCodec
import Testing

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

/// The same for a test that runs with several.
func testSeeds(_ fixed: ClosedRange<UInt64>) -> [UInt64] {
    getenv("MARTLET_SEED").flatMap { UInt64(String(cString: $0)) }.map { [$0] } ?? Array(fixed)
}

func bytes(hex: String) -> [UInt8] {
    let digits = hex.filter(\.isHexDigit)
    return stride(from: 0, to: digits.count, by: 2).map { place in
        let start = digits.index(digits.startIndex, offsetBy: place)
        return UInt8(digits[start...].prefix(2), radix: 16) ?? 0
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func put(_ key: String, _ value: String) -> Write { Write(.put(PutRequest(key: bytes(key), value: bytes(value)))) }

/// A disk that holds a log and tables, and what was written but not synced.
struct SimulatedDisk {
    private(set) var durable: [LogBatch] = []
    private(set) var waiting: [(number: BatchNumber, batch: LogBatch)] = []
    private(set) var tables: [TableKey: [UInt8]] = [:]
    private(set) var checkpointIndex = LogIndex(0)

    mutating func submit(_ batch: LogBatch, _ number: BatchNumber) { waiting.append((number, batch)) }

    /// - Returns: the last batch that is now durable.
    mutating func sync(_ count: Int) -> BatchNumber? {
        let done = waiting.prefix(count)
        durable += done.map(\.batch)
        waiting.removeFirst(done.count)
        return done.last?.number
    }

    mutating func write(_ checkpoint: ReplicaCheckpoint) {
        var batch = TableBatch()
        let missing = checkpoint.encode(into: &batch) { tables[$0] }
        #expect(missing == nil)
        // What isn't among these is not read back.
        batch.forEach { key, _ in #expect(ReplicaCheckpoint.tables.contains(key.table)) }
        add(batch)
        checkpointIndex = checkpoint.applied.index
    }

    /// Another member's tables in place of the own ones.
    mutating func replaceTables(by other: SimulatedDisk) {
        tables = other.tables
        checkpointIndex = other.checkpointIndex
    }

    mutating func add(_ batch: TableBatch) {
        batch.forEach { key, value in
            if let value { tables[key] = [UInt8](copying: value) } else { tables[key] = nil }
        }
    }

    /// What was not synced is there in part: some of its records, from the first on.
    mutating func crash(_ random: inout SeededRandom) {
        var rest = LogBatch()
        for (_, batch) in waiting { rest.append(contentsOf: batch) }
        waiting = []
        let bytes = Int.random(in: 0...max(rest.byteCount, 1), using: &random)
        if bytes > 0, !rest.isEmpty { partial.append((durable.count, rest, bytes)) }
        recover()
    }

    private var partial: [(after: Int, batch: LogBatch, bytes: Int)] = []
    private var image: [UInt8] = []
    private var encoder = WALEncoder()
    private var head = LogHead()
    private var encodedCount = 0

    /// Brings the log's bytes up to date.
    private mutating func recover() {
        if image.isEmpty {
            encoder.appendChain()
            encoder.append(.metadata, WALMetadata(memberID: 1, clusterID: 2).encoded.span.bytes)
        }
        for batch in durable[encodedCount...] {
            var cursor = LogBatch.Cursor()
            encoder.append(batch, from: &cursor, until: .max, head: &head)
        }
        encodedCount = durable.count
        image += encoder.bytes.array
        encoder.removeAll()
        for torn in partial {
            var cursor = LogBatch.Cursor()
            encoder.append(torn.batch, from: &cursor, until: torn.bytes, head: &head)
        }
        partial = []
        image += encoder.bytes.array
        encoder.removeAll()
    }

    /// The log from a checkpoint's index on.
    mutating func log(after index: LogIndex) throws -> WALRecovery {
        recover()
        let name = WALSegmentName(sequence: 0, firstIndex: LogIndex(0))
        var decoder = WALDecoder(name, bytes: image, chain: 0, isLast: true)
        var recovery = WALRecovery(after: index)
        #expect(try recovery.read(&decoder) == false)
        try recovery.finish(decoder)
        return recovery
    }

    func state(_ configuration: ReplicaConfiguration, at moment: Moment) throws -> RestoredState {
        guard !tables.isEmpty else { return .empty(configuration) }
        var restorer = ReplicaRestorer(configuration)
        for key in tables.keys.sorted() {
            let value = tables[key] ?? []
            try restorer.load(key, value.span.bytes)
        }
        return try restorer.finish(at: moment)
    }
}

/// A member on a simulated disk: carries effects out as it is told to.
struct TestMember {
    static let configuration: ReplicaConfiguration = {
        var configuration = ReplicaConfiguration(
            member: MemberID(7), name: "default", clientURLs: ["http://127.0.0.1:2379"],
            peerURLs: ["http://127.0.0.1:2380"], seed: 1)
        configuration.limits.entriesPerStep = 5
        configuration.limits.reclaimedPerStep = 3
        configuration.store.indexNodeCapacity = 4
        return configuration
    }()

    var replica: Replica
    var disk: SimulatedDisk
    var effects = Effects()
    var moment: Moment
    var replies: [Effects.Reply] = []
    var tokens: [Effects.TokenChange] = []
    var reads: [Effects.ReadReply] = []
    var isReady = false
    var hasWork = false
    var checkpoint: ReplicaCheckpoint?
    var released: LogIndex?
    var commandReplies: [CommandReply] = []
    /// Blocks that were ordered; `settle` brings them unless told not to.
    var orders: [BlockOrder] = []
    var holdsBlocks = false

    init(
        _ configuration: ReplicaConfiguration = TestMember.configuration, disk: SimulatedDisk = SimulatedDisk(),
        at moment: Moment = Moment(monotonic: .zero, wallMilliseconds: 1_700_000_000_000), ignoresTables: Bool = false
    ) throws {
        self.moment = moment
        self.disk = disk
        let state = ignoresTables ? .empty(configuration) : try disk.state(configuration, at: moment)
        let log = try self.disk.log(after: state.applied.index)
        replica = try Replica(configuration, restoring: state, log: log, at: moment)
        step(.start)
    }

    mutating func step(_ event: Event) {
        replica.step(event, at: moment, into: &effects)
        switch event {
        case .propose, .changeMembers, .renewLease, .read, .received: return
        case .start, .turnEnded, .tick, .synced, .checkpointEnded, .spaceExhausted, .commandsDue, .work, .stop,
            .blocksLoaded, .peerUnreachable, .peerGone, .snapshotSent, .snapshotArrived, .snapshotInstalled,
            .transferLeadership:
            break
        }
        #expect(effects.failure == nil)
        if !effects.batch.isEmpty, let number = effects.batchNumber { disk.submit(effects.batch, number) }
        replies += effects.replies
        tokens += effects.tokens
        reads += effects.reads
        commandReplies += effects.commandReplies
        orders += effects.blockOrders
        isReady = isReady || effects.isReady
        hasWork = effects.hasWork
        released = effects.releaseBelow ?? released
        if let new = effects.checkpoint {
            #expect(checkpoint == nil)
            checkpoint = new
        }
        effects.removeAll()
    }

    /// Syncs and works until nothing is left to do.
    mutating func settle() {
        for _ in 0..<100_000 {
            if let batch = disk.sync(.max) {
                step(.synced(batch))
            } else if hasWork {
                step(.work)
            } else if !holdsBlocks, !orders.isEmpty {
                bringBlocks()
            } else {
                return
            }
        }
        Issue.record("the member never rests")
    }

    /// Brings what was ordered first.
    mutating func bringBlocks() {
        let order = orders.removeFirst()
        let values = order.blocks.map { block in block.keys.firstValue { disk.tables[$0] } }
        step(.blocksLoaded(LoadedBlocks(order: order.number, values: values)))
    }

    mutating func pass(_ time: Duration) {
        moment.monotonic += time
        moment.wallMilliseconds += UInt64(time.components.seconds) * 1000
        step(.tick)
    }

    /// What the member answers to one write by itself.
    mutating func outcome(
        of request: WriteRequest, as identity: AuthIdentity = .anonymous
    ) -> Result<WriteResponse, ReplicaError>? {
        outcome(of: .propose(Write(request, identity: identity), waiter: WaiterID(.max)))
    }

    mutating func outcome(of event: Event) -> Result<WriteResponse, ReplicaError>? {
        step(event)
        step(.turnEnded)
        settle()
        return replies.last { $0.waiter == WaiterID(.max) }?.result
    }

    /// A member that was ended and started again on the same disk.
    func restarted(
        _ configuration: ReplicaConfiguration = TestMember.configuration, ignoresTables: Bool = false
    ) throws -> TestMember {
        var again = try TestMember(configuration, disk: disk, at: moment, ignoresTables: ignoresTables)
        again.settle()
        return again
    }

    /// Both ways to come back give the state that this member has: from the log alone, and from a checkpoint that was
    /// written on the way with the rest of the log.
    func checkRestarts(_ configuration: ReplicaConfiguration = TestMember.configuration) throws {
        let fromCheckpoint = try restarted(configuration)
        let fromLog = try restarted(configuration, ignoresTables: true)
        #expect(fromLog.replica.stateDigest() == fromCheckpoint.replica.stateDigest())
        #expect(fromLog.replica.store.stateDigest() == replica.store.stateDigest())
        #expect(fromLog.replica.keyspace.stateDigest() == replica.keyspace.stateDigest())
        for other in [fromLog, fromCheckpoint] {
            #expect(other.replica.auth == replica.auth)
            let (found, expected) = (other.replica.cluster, replica.cluster)
            #expect(found.members == expected.members && found.alarms == expected.alarms)
            #expect(found.version == expected.version && found.downgrade == expected.downgrade)
        }
    }

    mutating func writeCheckpoint() {
        guard let new = checkpoint else { return }
        checkpoint = nil
        disk.write(new)
        step(.checkpointEnded(isWritten: true))
    }
}

/// Requests of all kinds about few keys.
struct RequestMaker {
    var random: SeededRandom

    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    mutating func key() -> [UInt8] { bytes("k\(number(0...12))") }
    mutating func end() -> [UInt8] { number(0...2) == 0 ? [] : number(0...4) == 0 ? [0] : key() }
    mutating func lease() -> LeaseID { LeaseID(Int64(number(0...3) == 0 ? number(-3...3) : 0)) }
    mutating func flag() -> Bool { number(0...3) == 0 }

    mutating func put() -> PutRequest {
        var request = PutRequest(key: key(), value: bytes("v\(random.next() % 10_000)"), lease: lease())
        request.wantsPrevious = flag()
        if number(0...9) == 0 { (request.ignoreValue, request.value) = (true, []) }
        if number(0...9) == 0 { (request.ignoreLease, request.lease) = (true, .none) }
        return request
    }

    mutating func deleteRange() -> DeleteRangeRequest {
        var request = DeleteRangeRequest(key: key(), rangeEnd: end())
        request.wantsPrevious = flag()
        return request
    }

    mutating func range() -> RangeRequest {
        var request = RangeRequest(key: key(), rangeEnd: end())
        request.limit = Int64(number(-1...3))
        request.revision = flag() ? Int64(number(-2...9)) : 0
        request.sortOrder = [.none, .ascend, .descend, .unrecognized][number(0...9) == 0 ? 3 : number(0...2)]
        request.sortTarget =
            [.key, .version, .createRevision, .modRevision, .value, .unrecognized][
                number(0...9) == 0 ? 5 : number(0...4)]
        request.keysOnly = flag()
        request.countOnly = flag()
        if flag() { request.minModRevision = Int64(number(0...9)) }
        if flag() { request.maxModRevision = Int64(number(0...9)) }
        if flag() { request.minCreateRevision = Int64(number(0...9)) }
        if flag() { request.maxCreateRevision = .max }
        return request
    }

    mutating func compare() -> TxnCompare {
        let number = Int64(number(-1...4))
        let target: TxnCompare.Target =
            switch self.number(0...5) {
            case 0: .version(number)
            case 1: .createRevision(number)
            case 2: .modRevision(number)
            case 3: .value(bytes("v\(number)"))
            case 4: .lease(number)
            default: .unrecognized
            }
        return TxnCompare(
            target, of: key(), rangeEnd: end(),
            is: [.equal, .greater, .less, .notEqual, .unrecognized][self.number(0...4)])
    }

    mutating func operation(depth: Int) -> TxnRequest.Operation {
        switch number(0...9) {
        case 0...2: return .range(range())
        case 3...5: return .put(put())
        case 6: return .deleteRange(deleteRange())
        case 7...8 where depth > 0: return .txn(txn(depth: depth - 1))
        case 9 where number(0...5) == 0: return .unset
        default: return .range(range())
        }
    }

    mutating func txn(depth: Int) -> TxnRequest {
        var request = TxnRequest()
        for _ in 0..<number(0...3) { request.compare.append(compare()) }
        for _ in 0..<number(0...3) { request.success.append(operation(depth: depth)) }
        for _ in 0..<number(0...3) { request.failure.append(operation(depth: depth)) }
        return request
    }

    mutating func name() -> AuthName { AuthName(["root", "u1", "u2", "r1"][number(0...3)]) }

    mutating func identity(_ revision: UInt64) -> AuthIdentity {
        switch number(0...9) {
        case 0: .anonymous
        case 1...2: AuthIdentity(name: name(), revision: revision)
        case 3: AuthIdentity(name: .root, revision: revision - UInt64(number(0...1)))
        default: AuthIdentity(name: .root, revision: revision)
        }
    }

    mutating func authRequest() -> AuthRequest {
        let hash = "aGFzaA=="
        switch number(0...19) {
        case 0: return .enable
        case 1: return .disable
        case 2: return .status
        case 3: return .authenticate(name: name(), simpleToken: "abc")
        case 4...5:
            return .userAdd(name: name(), hash: hash, options: flag() ? nil : AuthUser.Options(noPassword: flag()))
        case 6: return .userGet(name: name())
        case 7: return .userList
        case 8: return .userDelete(name: name())
        case 9: return .userChangePassword(name: name(), hash: flag() ? "?" : hash)
        case 10...11: return .userGrantRole(user: name(), role: name())
        case 12: return .userRevokeRole(name: name(), role: name())
        case 13: return .roleAdd(name: name())
        case 14: return .roleGet(role: name())
        case 15: return .roleList
        case 16: return .roleDelete(role: name())
        case 17...18:
            let permission = AuthPermission(
                [.read, .write, .readWrite, .init(rawValue: -1)][number(0...3)], key: key(), rangeEnd: end())
            return .roleGrantPermission(name: name(), permission: flag() ? nil : permission)
        default: return .roleRevokePermission(role: name(), key: key(), rangeEnd: end())
        }
    }

    mutating func alarm() -> AlarmRequest {
        let action: AlarmRequest.Action = [.get, .activate, .unrecognized, .deactivate][min(number(0...7), 3)]
        return AlarmRequest(action, .init(rawValue: Int32(number(-1...2))), of: MemberID(7))
    }

    mutating func request() -> WriteRequest {
        switch number(0...24) {
        case 0...8: .put(put())
        case 9...10: .deleteRange(deleteRange())
        case 11...16: .txn(txn(depth: 3))
        case 17: .leaseGrant(LeaseID(Int64(number(-3...3))), ttlSeconds: Int64(number(-1...100)))
        case 18: .leaseRevoke(LeaseID(Int64(number(-3...3))))
        case 19...21: .auth(authRequest())
        case 22: .alarm(alarm())
        case 23: .downgrade(DowngradeInfo(isEnabled: flag(), targetVersion: flag() ? "3.5.0" : ""))
        default: .compact(CompactionRequest(revision: Int64(number(-1...40))), physical: flag())
        }
    }
}
