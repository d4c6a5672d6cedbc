// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import Testing

/// What etcd 3.5.1 had in its log after a client's requests, and what the requests were.
@Suite struct RecordTests {
    private func record(_ hex: String) throws -> LogRecord { try LogRecord(bytes(hex: hex)) }

    private func check(_ hex: String, _ expected: WriteRequest, id: UInt64) throws {
        let record = try record(hex)
        #expect(record.request == .write(expected))
        #expect(record.header.id == id && record.stamp == 0)
        #expect(record.encoded() == bytes(hex: hex))
    }

    @Test func readsAndWritesWhatEtcdWrote() throws {
        var ignoring = PutRequest(key: [0x62, 0xFF])
        (ignoring.wantsPrevious, ignoring.ignoreLease) = (true, true)
        try check("22080a0262ff20013001a2060b088aeea1d6c5bfa8ade201", .put(ignoring), id: 0xE25A_A1FC_5AC8_770A)
        try check(
            "2a030a01ffa2060b089aeea1d6c5bfa8ade201", .deleteRange(DeleteRangeRequest(key: [0xFF])),
            id: 0xE25A_A1FC_5AC8_771A)
        try check(
            "3a020804a2060b088cb0d4decbbfa88e8d01", .compact(CompactionRequest(revision: 4), physical: false),
            id: 0x8D1C_A1FC_BBD5_180C)
        try check(
            "42090881b4c4c32110f807a2060b0892eea1d6c5bfa8ade201",
            .leaseGrant(LeaseID(1016), ttlSeconds: 9_000_000_001), id: 0xE25A_A1FC_5AC8_7712)
        try check(
            "4a0b08fdffffffffffffffff01a2060b0897eea1d6c5bfa8ade201", .leaseRevoke(LeaseID(-3)),
            id: 0xE25A_A1FC_5AC8_7717)
        try check("4a00a2060b0890eea1d6c5bfa8ade201", .leaseRevoke(.none), id: 0xE25A_A1FC_5AC8_7710)
    }

    @Test func readsAndWritesEtcdsNestedTransaction() throws {
        let hex = """
            329b010a0e080310041a01634000820402620012051a030a016312\
            0e0a0c0a0161120162300138014001120c120a0a02616212027a7a\
            20011a0912070a016212027a7a1a4c224a0a09080310011a016128\
            000a0a080210011a0262ff2800120512030a01611a0912070a0261\
            611201781a1412120a016112027a7a18ffffffffffffffffff011a\
            090a070a0163280230041a0b0a090a0261001201621864a2060b08\
            88eea1d6c5bfa8ade201
            """
        let record = try record(hex)
        guard case .write(.txn(let txn)) = record.request else {
            Issue.record("\(record)")
            return
        }
        #expect(txn.compare == [TxnCompare(.lease(0), of: bytes("c"), rangeEnd: [0x62, 0], is: .notEqual)])
        #expect(txn.success.count == 3 && txn.failure.count == 3)
        #expect(txn.success[0] == .deleteRange(DeleteRangeRequest(key: bytes("c"))))
        guard case .txn(let nested) = txn.failure[1] else {
            Issue.record("\(txn.failure)")
            return
        }
        #expect(nested.compare.last == TxnCompare(.createRevision(0), of: [0x62, 0xFF], is: .less))
        #expect(nested.failure[1] == .put(PutRequest(key: bytes("a"), value: bytes("zz"), lease: LeaseID(-1))))
        // One range in there is serializable, field 7, which means nothing inside an entry and is not kept.
        let serializable = bytes(hex: "3801")
        var expected = bytes(hex: hex)
        let place = (0..<expected.count - 1).first { Array(expected[$0..<$0 + 2]) == serializable }
        expected.removeSubrange(try #require(place)..<(place ?? 0) + 2)
        #expect(record.encoded().count == expected.count)
        #expect(try LogRecord(record.encoded()) == record)
    }

    @Test func writesEtcdsFirstEntry() throws {
        let etcd = bytes(
            hex: """
                0800100018bddda7bc90fccc905522517b226964223a36313334\
                3234313230393034323436343434352c227065657255524c7322\
                3a5b22687474703a2f2f3132372e302e302e313a3436383031225d2c226e616d65223a2264656661756c74227d
                """)
        let member = MemberID(0x5521_33E1_0789_EEBD)
        let context = MemberContext(member: member, peerURLs: ["http://127.0.0.1:46801"], name: "default")
        let change = MemberChange(.addVoter, member, context: context.encoded())
        #expect(change.encoded() == etcd)
        #expect(try MemberChange(etcd) == change)
        #expect(try MemberContext(change.context, of: member) == context)
    }

    @Test func keepsAPutsBytes() throws {
        // Fields out of order, one of them unknown, one default written out.
        let wire = bytes(hex: "120178 0a0161 1800 f80705")
        let write = try Write(.put, wire: wire)
        #expect(write.request == .put(PutRequest(key: bytes("a"), value: bytes("x"))))
        #expect(write.bytes == wire)
    }

    @Test func allRequestsComeBackAsTheyWere() throws {
        var maker = RequestMaker(random: SeededRandom(seed: testSeed("RecordTests")))
        var fields: Set<UInt64> = []
        for id in 1...3000 {
            let request = maker.request()
            fields.insert(request.recordField)
            let write = Write(request)
            if let kind = WriteRequest.Kind(rawValue: request.recordField) {
                #expect(try Write(kind, wire: write.bytes) == write)
            }
            var record = LogRecord(
                header: .init(id: UInt64(id)), stamp: maker.random.next(), request: .write(request))
            if maker.flag() { record.header.identity = AuthIdentity(name: AuthName(bytes: [0xFF, 0x61]), revision: 9) }
            #expect(try LogRecord(record.encoded()) == record)
        }
        // Seven of clients, seventeen of users and roles, one of downgrades.
        #expect(fields.count == 25)
        for request: LogRecord.Request in [
            .clusterVersion("3.6.0"), .leaseRemainders([]),
            .leaseRemainders([LeaseRemainder(LeaseID(-3), seconds: 0), LeaseRemainder(LeaseID(9), seconds: 300)]),
            .memberAttributes(MemberAttributes(member: 7, name: "n", clientURLs: ["http://a", ""])),
            .memberAttributes(
                MemberAttributes(member: 7, name: "", clientURLs: [], version: "3.6.0", recordFormat: 2)),
        ] {
            let record = LogRecord(header: .init(id: 1), stamp: 2, request: request)
            #expect(try LogRecord(record.encoded()) == record)
        }
    }

    @Test func oneChoiceGivenTwiceIsOneMessage() throws {
        // Txn { success: [ { put {key a}, put {value x} } ] }, and a put that a range replaces.
        #expect(
            try Write(.txn, wire: bytes(hex: "120a 12030a0161 1203120178")).request
                == .txn(TxnRequest(success: [.put(PutRequest(key: bytes("a"), value: bytes("x")))])))
        #expect(
            try Write(.txn, wire: bytes(hex: "120a 12030a0161 0a030a0162")).request
                == .txn(TxnRequest(success: [.range(RangeRequest(key: bytes("b")))])))
    }

    @Test func refusesWhatIsNoRecord() {
        #expect(throws: RecordError.ambiguous) { try LogRecord([]) }
        #expect(throws: RecordError.ambiguous) { try record("2a030a01ff 2a030a01ff") }
        #expect(throws: RecordError.unknownRequest(2002)) { try record("927d00") }
        #expect(throws: RecordError.unknownRequest(3)) { try record("1a00") }
        // AuthEnable has 1000, and 1001 is nobody's; a role to grant to that is no message.
        #expect(throws: RecordError.unknownRequest(1001)) { try record("ca3e00") }
        #expect(throws: RecordError.malformed) { try record("9a4b0105") }
        #expect(throws: RecordError.malformed) { try record("22050a0161") }
        #expect(throws: RecordError.malformed) { try record("2002") }
        #expect(throws: RecordError.malformed) { try MemberChange(bytes(hex: "080010001800")) }
    }

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> [UInt8] {
            var request = TxnRequest()
            for _ in 1..<depth { request = TxnRequest(success: [.txn(request)]) }
            return Write(.txn(request)).bytes
        }
        _ = try Write(.txn, wire: nested(150))
        #expect(throws: RecordError.tooDeep) { try Write(.txn, wire: nested(151)) }
    }

    @Test func anyBytesAreReadWithoutATrap() {
        var maker = RequestMaker(random: SeededRandom(seed: testSeed("RecordTests")))
        var readable = 0
        for _ in 0..<5000 {
            var data = LogRecord(header: .init(id: 1), stamp: 2, request: .write(maker.request())).encoded()
            for _ in 0...maker.number(0...3) {
                let place = maker.number(0...data.count - 1)
                switch maker.number(0...2) {
                case 0: data[place] = UInt8(truncatingIfNeeded: maker.random.next())
                case 1 where data.count > 1: data.removeSubrange(place...)
                default: data.insert(UInt8(truncatingIfNeeded: maker.random.next()), at: place)
                }
                if data.isEmpty { data = [0] }
            }
            if (try? LogRecord(data)) != nil { readable += 1 }
        }
        #expect(readable > 0 && readable < 5000)
    }
}
