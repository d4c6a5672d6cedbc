// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica
import MartletStreams
import Testing

/// Transactions over keys and streams.
@Suite struct TransactionTests {
    private typealias Wire = StoreWire

    private func ready() throws -> TestMember {
        var member = try TestMember()
        member.settle()
        return member
    }

    private func value(_ key: String, _ member: TestMember) -> String? {
        member.replica.store.get(bytes(key)).map { String(decoding: $0.value, as: UTF8.self) }
    }

    @Test func changesBothInOneRecord() throws {
        var member = try ready()
        let last = member.replica.applied.index
        let outcome = try member.transact(
            [Wire.version("k", 0)],
            then: [
                Wire.put("k", "1"), Wire.append("s", "a", id: Wire.id(1)), Wire.put("l", "2"), Wire.get("k"),
                Wire.append("s", "b", id: Wire.id(2)),
            ])
        let response = try #require(try outcome?.get())
        #expect(response.succeeded && response.revision == 2 && response.responses.count == 5)
        #expect(response.responses[1] == .streams(.appended(StreamID(1, 0))))
        #expect(response.responses[4] == .streams(.appended(StreamID(2, 0))))
        guard case .keys(.range(let read)) = response.responses[3] else { throw TestError() }
        #expect(read.records.map(\.value) == [bytes("1")] && read.revision == 2)
        #expect(member.replica.applied.index == last + 1)
        // One revision for both keys, none for the streams.
        #expect(member.replica.store.revision == 2)
        #expect(member.result(1, "XRANGE s - +") == "*2|*2|$3|1-0|*2|$1|f|$1|a|*2|$3|2-0|*2|$1|f|$1|b")
        #expect(try member.transact(then: [Wire.append("s", "c")])?.get().revision == 2)
        #expect(member.replica.store.revision == 2)
        try member.checkRestarts()
    }

    /// Whatever is known of a request when it is read holds for limits that are as high, and for no others.
    @Test(arguments: [false, true]) func aLimitCountsTheLongestList(isNested: Bool) throws {
        let three = [Wire.put("a", "1"), Wire.append("s", "x"), Wire.put("b", "2")]
        let inner = Wire.inner(Wire.transaction(then: [Wire.put("c", "3"), Wire.append("s", "y")]))
        let longest = isNested ? three + [inner] : three
        // Of one inside, two, beside the four of the list that it is in.
        let needed = isNested ? 6 : 3
        for message in [
            Wire.transaction(then: longest), Wire.transaction(then: [Wire.get("k")], otherwise: longest),
        ] {
            let request = try StoreRequest(wire: message)
            try request.validate(maximumOperations: needed)
            #expect(throws: StoreRefusal.keys(.tooManyOperations)) {
                try request.validate(maximumOperations: needed - 1)
            }
        }
        let conditions = (1...4).map { Wire.version("\($0)", 0) }
        let request = try StoreRequest(wire: Wire.transaction(conditions, then: three))
        try request.validate(maximumOperations: 4)
        #expect(throws: StoreRefusal.keys(.tooManyOperations)) { try request.validate(maximumOperations: 3) }
        let wrong = try StoreRequest(wire: Wire.transaction(then: three + [Wire.put("b", "3")]))
        #expect(throws: StoreRefusal.keys(.duplicateKey)) { try wrong.validate(maximumOperations: 128) }
        #expect(throws: StoreRefusal.keys(.tooManyOperations)) { try wrong.validate(maximumOperations: 3) }
    }

    @Test func conditionsOfBothSortsDecide() throws {
        var member = try ready()
        _ = member.result(1, "XADD s 5-0 f v", "XADD s 6-0 f v", "XGROUP CREATE s g 0", "SET text x")
        _ = member.result(1, "XREADGROUP GROUP g c COUNT 1 STREAMS s >")
        _ = member.outcome(of: put("k", "v").request)
        let cases: [([UInt8], Bool)] = [
            (Wire.version("k", 1), true), (Wire.version("k", 2), false),
            (Wire.stream("s", Wire.lastID(Wire.id(6))), true), (Wire.stream("s", Wire.lastID(Wire.id(5))), false),
            (Wire.stream("s", Wire.lastID(Wire.id(5)), relation: 1), true),
            (Wire.stream("none", Wire.lastID(Wire.id(0))), true),
            (Wire.stream("s", Wire.length(2)), true), (Wire.stream("s", Wire.length(3), relation: 2), true),
            (Wire.stream("s", Wire.length(2), relation: 3), false), (Wire.stream("none", Wire.length(0)), true),
            (Wire.stream("s", Wire.position("g", Wire.id(5))), true),
            (Wire.stream("s", Wire.position("g", Wire.id(6)), relation: 2), true),
            (Wire.stream("s", Wire.position("h", Wire.id(0)), relation: 3), false),
            (Wire.stream("s", Wire.pending("g", "c", Wire.id(5))), true),
            (Wire.stream("s", Wire.pending("g", "d", Wire.id(5))), false),
            (Wire.stream("s", Wire.pending("g", "d", Wire.id(5)), relation: 3), true),
            (Wire.stream("s", Wire.pending("g", "c", Wire.id(6))), false),
            (Wire.stream("s", Wire.pending("h", "c", Wire.id(5)), relation: 3), false),
        ]
        for (condition, holds) in cases {
            let both = try member.transact(
                [Wire.version("k", 1), condition], then: [Wire.get("k")], otherwise: [])
            #expect(try both?.get().succeeded == holds, "\(condition)")
        }
        let wrongType = try member.transact([Wire.stream("text", Wire.length(0))], then: [])
        #expect(wrongType == .failure(.refusedStreams(.wrongType(bytes("text")))))
        // All see the state before, inner ones too.
        let inner = Wire.inner(
            Wire.transaction([Wire.stream("s", Wire.length(2))], then: [Wire.put("in", "1")], otherwise: []))
        let outcome = try member.transact(then: [Wire.append("s", "x"), inner, Wire.put("out", "1")])
        guard case .transaction(let told)? = try outcome?.get().responses[1] else { throw TestError() }
        #expect(told.succeeded && told.responses.count == 1)
        #expect(value("in", member) == "1" && value("out", member) == "1")
        try member.checkRestarts()
    }

    /// What can't be done of one part keeps the other from being done.
    @Test func allOrNothing() throws {
        var member = try ready()
        _ = member.result(1, "XADD s 5-0 f v", "XGROUP CREATE s g 0", "SET text x")
        let digests = (member.replica.store.stateDigest(), member.replica.keyspace.stateDigest())
        let refused: [([[UInt8]], ReplicaError)] = [
            (
                [Wire.put("k", "v"), Wire.append("s", "x", id: Wire.id(5))],
                .refusedStreams(.append(.addIDIsNotAbove))
            ),
            (
                [Wire.append("s", "x", id: Wire.id(7)), Wire.append("s", "x", id: Wire.id(7)), Wire.put("k", "v")],
                .refusedStreams(.append(.addIDIsNotAbove))
            ),
            ([Wire.put("k", "v"), Wire.append("text", "x")], .refusedStreams(.wrongType(bytes("text")))),
            (
                [Wire.put("k", "v"), Wire.append("none", "x", mustExist: true)],
                .refusedStreams(.noSuchStream(bytes("none")))
            ),
            (
                [Wire.put("k", "v"), Wire.acknowledge("s", "h", Wire.id(5))],
                .refusedStreams(.noSuchGroup(bytes("h"), stream: bytes("s")))
            ),
            (
                [Wire.put("k", "v"), Wire.giveBack("none", "g", Wire.id(5))],
                .refusedStreams(.noSuchGroup(bytes("g"), stream: bytes("none")))
            ),
            ([Wire.append("s", "x"), Wire.keep("none")], .refused(.keyNotFound)),
            ([Wire.append("s", "x"), Wire.put("k", "v", lease: 99)], .refused(.leaseNotFound)),
            ([Wire.append("s", "x"), Wire.put("k", "1"), Wire.put("k", "2")], .refused(.duplicateKey)),
            ([Wire.append("s", "x"), Wire.put("", "1")], .refused(.keyNotProvided)),
            ([Wire.append("s", "x"), []], .refused(.keyNotFound)),
            (Array(repeating: Wire.append("s", "x"), count: 129), .refused(.tooManyOperations)),
        ]
        for (operations, error) in refused {
            #expect(try member.transact(then: operations) == .failure(error))
            #expect(member.replica.store.stateDigest() == digests.0, "\(error)")
            #expect(member.replica.keyspace.stateDigest() == digests.1, "\(error)")
        }
        // A branch that isn't taken refuses nothing but what is wrong in itself.
        let other = try member.transact(
            [Wire.version("k", 7)], then: [Wire.append("text", "x")], otherwise: [Wire.put("k", "v")])
        #expect(try other?.get().succeeded == false)
        #expect(value("k", member) == "v")
        #expect(throws: RecordError.senseless(.malformed("no entries are named"))) {
            try StoreRequest(wire: Wire.transaction(then: [Wire.message((6, Wire.message((1, bytes("s")))))]))
        }
        try member.checkRestarts()
    }

    /// What a member takes from clients is its own matter; what is in the log every member carries out alike.
    @Test func theLimitOfOperationsIsThatOfTheProposer() throws {
        var configuration = TestMember.configuration
        configuration.limits.transactionOperationsMax = 2
        var member = try TestMember(configuration)
        member.settle()
        let three = (1...3).map { Wire.put("k\($0)", "v") }
        #expect(try member.transact(then: three) == .failure(.refused(.tooManyOperations)))
        let words = "KV.TXN THEN 3 3 PUT a 1 3 PUT b 1 3 PUT c 1"
        let text = "-ERR etcdserver: too many operations in txn request"
        #expect(member.result(1, words) == text)
        #expect(member.result(1, "KV.TXN THEN 2 3 PUT a 1 3 PUT b 1").hasPrefix("-") == false)
        let before = member.replica.store.revision
        // Of EXEC all together count.
        var transaction = Transaction()
        for number in 1...3 {
            let put = Arguments("KV.PUT", "k\(number)", "v")
            guard case .found(let entry) = CommandTable.shared.find(put) else { return }
            transaction.append(put, entry, database: 0)
        }
        #expect(transaction.refusal(maximumOperations: 2) != nil && transaction.refusal(maximumOperations: 3) == nil)
        // Another member took more: what is applied doesn't ask for the flag.
        var store = member.replica.store
        let request = TxnRequest(success: (1...3).map { .put(PutRequest(key: bytes("k\($0)"), value: bytes("v"))) })
        #expect(throws: Never.self) { try store.txn(request) }
        #expect(store.revision == before + 1)
        let many = (0...KeyValueStore.maximumAppliedOperations).map {
            TxnRequest.Operation.range(.init(key: bytes("k\($0)")))
        }
        #expect(throws: KeyValueError.tooManyOperations) { try store.txn(TxnRequest(success: many)) }
        try member.checkRestarts()
    }

    /// A record that a member took with a higher limit is applied alike where the limit is lower.
    @Test func membersOfOtherLimitsApplyAlike() throws {
        var configuration = TestMember.configuration
        configuration.limits.transactionOperationsMax = 300
        var member = try TestMember(configuration)
        member.settle()
        let puts = (1...200).map { "3 PUT a\($0) v" }.joined(separator: " ")
        #expect(member.result(1, "KV.TXN THEN 200 \(puts)").hasPrefix("-") == false)
        member.exec(1, (1...200).map { "KV.PUT b\($0) v" })
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(1).hasPrefix("*200|"))
        let operations = (1...200).map { Wire.put("c\($0)", "v") }
        #expect(try member.transact(then: operations)?.get().succeeded == true)
        #expect(["a200", "b200", "c200"].allSatisfy { value($0, member) == "v" })
        // With the usual limit of 128.
        try member.checkRestarts()
    }

    @Test func acknowledgesGivesBackTrimsAndDeletes() throws {
        var member = try ready()
        for number in 1...9 { _ = member.result(1, "XADD s \(number)-0 f v") }
        _ = member.result(1, "XGROUP CREATE s g 0", "XREADGROUP GROUP g c COUNT 4 STREAMS s >")
        let outcome = try member.transact(then: [
            Wire.acknowledge("s", "g", Wire.id(1), Wire.id(2), Wire.id(8)), Wire.giveBack("s", "g", Wire.id(3)),
            Wire.deleteEntries("s", Wire.id(9), Wire.id(11)), Wire.trim("s", to: 5), Wire.put("done", "1"),
        ])
        #expect(
            try outcome?.get().responses.prefix(4) == [
                .streams(.acknowledged(2)), .streams(.negativelyAcknowledged(1)), .streams(.deleted(1)),
                .streams(.trimmed(3)),
            ])
        #expect(member.result(1, "XLEN s") == ":5")
        #expect(member.result(1, "XPENDING s g - + 9").hasPrefix("*2|*4|$3|3-0|$0||"))
        // Exactly once: what is settled isn't settled again.
        let settle = [Wire.stream("s", Wire.pending("g", "c", Wire.id(4)))]
        let effect = [Wire.acknowledge("s", "g", Wire.id(4)), Wire.put("effect", "1")]
        #expect(try member.transact(settle, then: effect)?.get().succeeded == true)
        let revision = member.replica.store.revision
        #expect(try member.transact(settle, then: effect)?.get().succeeded == false)
        #expect(member.replica.store.revision == revision)
        try member.checkRestarts()
    }

    /// A dead letter moves the last ID of its stream: what stands behind it can't be tested before.
    @Test func appendsStandBeforeDeadLetters() throws {
        var member = try ready()
        _ = member.result(1, "XADD q 1-0 f v", "XGROUP CREATE q g 0")
        _ = member.result(1, "XGROUP SETPOLICY q g MAXDELIVERIES 1 DEADLETTER dead")
        _ = member.result(1, "XREADGROUP GROUP g c STREAMS q >")
        let bury = Wire.giveBack("q", "g", Wire.id(1), mode: 2)
        let append = Wire.append("dead", "x", id: Wire.id(5))
        let refusal = StreamRefusal.malformed("an append must stand before what may put dead letters into its stream")
        #expect(try member.transact(then: [bury, append]) == .failure(.refusedStreams(refusal)))
        #expect(member.result(1, "XLEN dead") == ":0")
        #expect(try member.transact(then: [append, bury])?.get().succeeded == true)
        #expect(member.result(1, "XLEN dead") == ":2")
        try member.checkRestarts()
    }

    /// Whoever waits for an entry gets it with the transaction that brings it.
    @Test func wakesThoseWhoWait() throws {
        var member = try ready()
        _ = member.result(1, "XGROUP CREATE s g $ MKSTREAM", "XGROUP CREATECONSUMER s g c")
        member.ask(11, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
        member.ask(12, "XREAD BLOCK 0 STREAMS s $")
        let last = member.replica.applied.index
        _ = try member.transact(then: [Wire.put("k", "v"), Wire.append("s", "x", id: Wire.id(3))])
        #expect(member.told(11).contains("3-0") && member.told(12).contains("3-0"))
        #expect(member.replica.applied.index == last + 1)
        // A branch that isn't taken wakes nobody.
        member.ask(13, "XREADGROUP GROUP g c BLOCK 0 STREAMS s >")
        _ = try member.transact([Wire.version("k", 9)], then: [Wire.append("s", "y")])
        #expect(member.told(13).isEmpty && member.replica.blockedClients == 1)
        #expect(member.result(1, "XADD s 9-0 f v") == "$3|9-0")
        #expect(member.told(13).contains("9-0"))
    }

    @Test func rightsAreEtcds() throws {
        var member = try ready()
        for request: AuthRequest in [
            .userAdd(name: "root", hash: "aGFzaA==", options: nil), .userGrantRole(user: "root", role: "root"),
            .roleAdd(name: "r"),
            .roleGrantPermission(
                name: "r", permission: AuthPermission(.readWrite, key: bytes("a"), rangeEnd: bytes("b"))),
            .userAdd(name: "u", hash: "aGFzaA==", options: nil), .userGrantRole(user: "u", role: "r"), .enable,
        ] {
            #expect(member.outcome(of: .auth(request)) == .success(.auth(.done)))
        }
        let user = AuthIdentity(name: "u", revision: member.replica.auth.revision)
        let root = AuthIdentity(name: "root", revision: member.replica.auth.revision)
        #expect(try member.transact(then: [Wire.put("a", "1")], as: user)?.get().revision == 2)
        let denied = Result<StoreTransactionResponse, ReplicaError>.failure(.unauthorized(.permissionDenied))
        #expect(try member.transact(then: [Wire.put("c", "1")], as: user) == denied)
        #expect(try member.transact(then: [Wire.put("a", "1"), Wire.append("s", "x")], as: user) == denied)
        #expect(
            try member.transact([Wire.stream("s", Wire.length(0))], then: [Wire.put("a", "1")], as: user) == denied)
        // Also in what would not be done.
        #expect(try member.transact(then: [Wire.get("a")], otherwise: [Wire.append("s", "x")], as: user) == denied)
        #expect(
            try member.transact(then: [Wire.append("s", "x")]) == .failure(.unauthorized(.userNameEmpty)))
        #expect(try member.transact(then: [Wire.put("c", "1"), Wire.append("s", "x")], as: root)?.get().revision == 3)
        // A stream's name is under the same ranges.
        #expect(
            try member.transact(
                [Wire.stream("as", Wire.length(0))], then: [Wire.put("a", "1"), Wire.append("as", "x")], as: user)?
                .get().revision == 4)
        #expect(try member.transact(then: [Wire.acknowledge("as", "g", Wire.id(1))], as: user) != denied)
        #expect(try member.transact(then: [Wire.acknowledge("s", "g", Wire.id(1))], as: user) == denied)
        let inner = Wire.inner(Wire.transaction(then: [Wire.trim("s", to: 0)]))
        #expect(try member.transact(then: [inner], as: user) == denied)
        // Users of ACL are none of these.
        #expect(member.result(1, "KV.PUT a 1").hasPrefix("-NOPERM"))
        #expect(member.result(1, "KV.GET a").hasPrefix("-NOPERM"))
        member.exec(1, ["XADD s * f v", "KV.DEL a"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(1).hasPrefix("-NOPERM"))
        #expect(value("a", member) == "1" && member.result(1, "XLEN s") == ":1")
        try member.checkRestarts()
    }

    /// Blocks that aren't in memory: nobody sees half of it.
    @Test func waitsForBlocks() throws {
        var configuration = TestMember.configuration
        configuration.streamMemoryBytes = 0
        var member = try TestMember(configuration)
        member.settle()
        _ = member.result(1, "CONFIG SET stream-node-max-entries 10")
        for number in 1...100 { _ = member.result(1, "XADD s \(number)-0 f \(number)") }
        member.pass(.seconds(2))
        member.writeCheckpoint()
        member.settle()
        member.holdsBlocks = true
        try member.propose(then: [
            Wire.append("t", "x", id: Wire.id(1)), Wire.put("k", "v"), Wire.deleteEntries("s", Wire.id(5)),
            Wire.deleteEntries("s", Wire.id(25)),
        ])
        member.settle()
        #expect(member.replica.isApplyHalted && member.storeOutcome == nil)
        // Keys change last, and streams can't be read meanwhile.
        #expect(value("k", member) == nil)
        #expect(member.ask(3, "XLEN t") == .later)
        member.bringBlocks()
        member.settle()
        #expect(member.replica.isApplyHalted && value("k", member) == nil && member.told(3).isEmpty)
        member.holdsBlocks = false
        member.step(.turnEnded)
        member.settle()
        #expect(
            try member.storeOutcome?.get().responses.suffix(2) == [.streams(.deleted(1)), .streams(.deleted(1))])
        #expect(value("k", member) == "v" && member.told(3) == ":1")
        try member.checkRestarts(configuration)
        try member.checkRestarts()
    }

    @Test func endsWithItsMember() throws {
        var member = try ready()
        try member.propose(then: [Wire.put("k", "v")])
        member.step(.stop)
        #expect(member.storeOutcome == .failure(.stopped))
    }

    @Test func aNamelessWaiterIsForgotten() throws {
        var member = try ready()
        // One behind the other's limit.
        var configuration = TestMember.configuration
        configuration.limits.pendingWritesMax = 1
        member = try TestMember(configuration)
        member.settle()
        try member.propose(then: [Wire.put("k", "1")])
        try member.propose(then: [Wire.put("k", "2")])
        #expect(member.storeOutcome == .failure(.tooManyRequests))
        member.settle()
        #expect(value("k", member) == "1")
        #expect(try member.transact(then: [Wire.put("k", "3")])?.get().revision == 3)
    }
}

struct TestError: Error {}

/// Any member takes them, the leader puts them in order.
@Suite struct ClusterTransactionTests {
    @Test func anyMemberTakesThem() throws {
        var cluster = try TestCluster(3)
        let leader = cluster.elect()
        let follower = cluster.follower()
        for (number, waiter) in [(leader, UInt64(1001)), (follower, 1002)] {
            let request = try StoreRequest(
                wire: StoreWire.transaction(
                    [StoreWire.version("k\(waiter)", 0)],
                    then: [StoreWire.put("k\(waiter)", "v"), StoreWire.append("s", "x")]))
            cluster[number].transact(request, WaiterID(waiter), at: cluster.moment)
        }
        cluster.settle()
        for (number, waiter) in [(leader, UInt64(1001)), (follower, 1002)] {
            let result = cluster[number].replies.first { $0.waiter == WaiterID(waiter) }?.result
            guard case .success(.transact(let response)) = result else { throw TestError() }
            #expect(response.succeeded && response.responses.count == 2)
        }
        cluster.tick(3)
        cluster.checkEqual()
        #expect(cluster[follower].replica.store.revision == 3)
        // Who is cut off leaves whoever waits in the dark about it, or tells that nothing has happened.
        cluster.isolate(follower)
        let request = try StoreRequest(
            wire: StoreWire.transaction(then: [StoreWire.put("late", "v"), StoreWire.append("s", "x")]))
        cluster[follower].transact(request, WaiterID(1003), at: cluster.moment)
        cluster.settle()
        cluster.tick(200)
        let result = cluster[follower].replies.first { $0.waiter == WaiterID(1003) }?.result
        guard case .failure(let error)? = result else { throw TestError() }
        let uncertain = TimeoutCause.allCases.map { ReplicaError.timedOut($0) }
        #expect((uncertain + [.noLeader, .leaderChanged]).contains(error))
        cluster.cut = []
        cluster.tick(50)
        cluster.checkEqual()
    }
}
