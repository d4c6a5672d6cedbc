// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import Testing

/// Alarms, downgrades, users, roles and members: what etcd 3.5.1 had in its log after a client's requests.
@Suite struct EtcdRecordTests {
    private func check(_ hex: String, _ expected: WriteRequest, as identity: AuthIdentity = .anonymous) throws {
        let record = try LogRecord(bytes(hex: hex))
        #expect(record.request == .write(expected))
        #expect(record.header.identity == identity && record.stamp == 0)
        #expect(record.encoded() == bytes(hex: hex))
    }

    @Test func alarmsAndDowngrades() throws {
        try check(
            "5206080110071801a2060a088584cc9cd6bfe8da5f", .alarm(AlarmRequest(.activate, .noSpace, of: MemberID(7))))
        try check(
            "5206080210071801a2060a088684cc9cd6bfe8da5f", .alarm(AlarmRequest(.deactivate, .noSpace, of: MemberID(7))))
        try check("5200a2060a088784cc9cd6bfe8da5f", .alarm(AlarmRequest(.get)))
        try check(
            "a2060a088984cc9cd6bfe8da5fb2510908011205332e342e30",
            .downgrade(DowngradeInfo(isEnabled: true, targetVersion: "3.4.0")))
        try check("a2060a088b84cc9cd6bfe8da5fb25100", .downgrade(DowngradeInfo()))
    }

    @Test func usersAndRoles() throws {
        try check("a2060a089184cc9cd6bfe8da5f824b040a027231", .auth(.roleAdd(name: "r1")))
        try check(
            "a2060a089284cc9cd6bfe8da5f9a4b0e0a027231120808021201611a017a",
            .auth(
                .roleGrantPermission(
                    name: "r1", permission: AuthPermission(.readWrite, key: bytes("a"), rangeEnd: bytes("z")))))
        try check(
            "a2060a089384cc9cd6bfe8da5f9a4b0c0a027231120612016b1a0100",
            .auth(.roleGrantPermission(name: "r1", permission: AuthPermission(.read, key: bytes("k"), rangeEnd: [0]))))
        try check("a2060a089484cc9cd6bfe8da5f924b040a027231", .auth(.roleGet(role: "r1")))
        try check(
            "a2060a089584cc9cd6bfe8da5fa24b0a0a0272311201611a017a",
            .auth(.roleRevokePermission(role: "r1", key: bytes("a"), rangeEnd: bytes("z"))))
        try check(
            """
            a2060a089684cc9cd6bfe8da5fe2445a0a04726f6f741a0022504a444a684a4445774a467077566b784c5548686a556d74585a7a64\
            47646e7078556d6c30534539505a57784c65566b35534777794e4538764d47466d4e6d645161326c4b4d454e724f465a4654305250
            """,
            .auth(
                .userAdd(
                    name: "root",
                    hash: "JDJhJDEwJFpwVkxLUHhjUmtXZzdGdnpxUml0SE9PZWxLeVk5SGwyNE8vMGFmNmdQa2lKMENrOFZFT0RP",
                    options: AuthUser.Options())))
        try check(
            "a2060a089784cc9cd6bfe8da5fe2440a0a04636572741a020801",
            .auth(.userAdd(name: "cert", hash: "", options: AuthUser.Options(noPassword: true))))
        try check(
            "a2060a089884cc9cd6bfe8da5f82450c0a04726f6f741204726f6f74",
            .auth(.userGrantRole(user: "root", role: "root")))
        try check(
            "a2060a089984cc9cd6bfe8da5f8a450a0a04726f6f7412027231", .auth(.userRevokeRole(name: "root", role: "r1")))
        try check("a2060a089b84cc9cd6bfe8da5f924500", .auth(.userList))
        try check("a2060a089c84cc9cd6bfe8da5ff244060a04726f6f74", .auth(.userGet(name: "root")))
        try check("a2060a089d84cc9cd6bfe8da5f9a4500", .auth(.roleList))
        try check("a2060a089e84cc9cd6bfe8da5fc23e00", .auth(.enable))
        try check(
            "a2060a08a084cc9cd6bfe8da5fa23f180a04726f6f741a105645525a6a44754c696244555a597950",
            .auth(.authenticate(name: "root", simpleToken: "VERZjDuLibDUZYyP")))
    }

    @Test func requestsInTheNameOfAUser() throws {
        let root = { AuthIdentity(name: .root, revision: $0) }
        try check(
            "22060a0161120162a2061208a184cc9cd6bfe8da5f1204726f6f741809",
            .put(PutRequest(key: bytes("a"), value: bytes("b"))), as: root(9))
        try check(
            "a2061208a484cc9cd6bfe8da5f1204726f6f7418098a4b040a027231", .auth(.roleDelete(role: "r1")), as: root(9))
        try check(
            "a2061208a784cc9cd6bfe8da5f1204726f6f74180aea44060a0463657274", .auth(.userDelete(name: "cert")),
            as: root(10))
        try check("a2061208aa84cc9cd6bfe8da5f1204726f6f74180baa3f00", .auth(.status), as: root(11))
        try check("a2061208ad84cc9cd6bfe8da5f1204726f6f74180b9a3f00", .auth(.disable), as: root(11))
    }

    @Test func changesOfMembers() throws {
        let updated = bytes(
            hex: """
                088d84cc9cd6bfe8da5f100218b5bfc19f8deba0dba50122417b226964223a31313934303837353837393535\
                353535353235332c227065657255524c73223a5b22687474703a2f2f3132372e302e302e313a343739313322\
                5d7d
                """)
        let member = MemberID(0xA5B6_8358_D3F0_5FB5)
        var context = MemberContext(member: member, peerURLs: ["http://127.0.0.1:47913"])
        #expect(
            try MemberChange(updated)
                == MemberChange(.update, member, id: 0x5FB5_A1FD_6393_020D, context: context.encoded()))
        let learner = bytes(
            hex: """
                088e84cc9cd6bfe8da5f1003189dc7edbaaa989de0b00122527b226964223a31323733363330383132353538\
                343032343437372c227065657255524c73223a5b22687474703a2f2f3132372e302e302e313a343739393922\
                5d2c2269734c6561726e6572223a747275657d
                """)
        let added = MemberID(0xB0C0_74C2_A75B_639D)
        context = MemberContext(member: added, peerURLs: ["http://127.0.0.1:47999"], isLearner: true)
        #expect(try MemberChange(learner).kind == .addLearner)
        #expect(try MemberChange(learner).context == context.encoded())
        let removed = try MemberChange(bytes(hex: "089084cc9cd6bfe8da5f1001189dc7edbaaa989de0b001"))
        #expect(removed.kind == .remove && removed.member == added)
        #expect(try MemberContext(removed.context, of: added) == MemberContext(member: added))
    }

    @Test func contextsAreJSONAsGoWritesAndReadsIt() throws {
        let member = MemberID(1)
        var context = MemberContext(member: member, peerURLs: ["a&\"\\\n", "b\u{2028}ü"])
        #expect(context.encoded() == bytes(#"{"id":1,"peerURLs":["a\u0026\"\\\n","b\u2028ü"]}"#))
        #expect(try MemberContext(context.encoded(), of: member) == context)
        context = MemberContext(member: member, isPromotion: true)
        #expect(context.encoded() == bytes(#"{"id":1,"peerURLs":null,"isPromote":true}"#))
        #expect(try MemberContext(context.encoded(), of: member) == context)
        let roomy = #" { "x" : [ 1 , { "y" : null } , "\u00e9\ud83d\ude00\/" ] , "name" : "n" , "isPromote" : false } "#
        #expect(
            try MemberContext(bytes(roomy), of: member) == MemberContext(member: member, name: "n", isPromotion: false))
        for broken in [
            "{", "{}}", "[]", #"{"name":1}"#, #"{"name":"\x"}"#, #"{"name":"a"#, #"{"name":"\u12"#, #"{"x":}"#,
        ] {
            #expect(throws: RecordError.malformed) { try MemberContext(bytes(broken), of: member) }
        }
        let deep = #"{"x":"# + String(repeating: "[", count: 100_000)
        #expect(throws: RecordError.malformed) { try MemberContext(bytes(deep), of: member) }
    }
}
