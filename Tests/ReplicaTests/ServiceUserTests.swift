// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletReplica
import Testing

/// Users of the auth service whose commands are on their way through the log.
@Suite struct ServiceUserTests {
    private let hash = "aGFzaA=="
    private let denied = "-NOPERM No permissions to access a key"

    private func change(_ member: inout TestMember, _ request: AuthRequest) {
        let identity = AuthIdentity(name: .root, revision: member.replica.auth.revision)
        #expect(member.outcome(of: .auth(request), as: identity) == .success(.auth(.done)), "\(request)")
        #expect(member.replica.keyspace.access.service == member.replica.auth)
    }

    private func permission(_ key: String) -> AuthPermission {
        AuthPermission(.readWrite, key: bytes(key), rangeEnd: KeyPrefix.end(of: bytes(key)) ?? [0])
    }

    /// root, and ann, who may do everything with keys that begin with an a.
    private func ready() throws -> TestMember {
        var member = try TestMember()
        member.settle()
        for request: AuthRequest in [
            .userAdd(name: "root", hash: hash, options: nil), .userGrantRole(user: "root", role: "root"),
            .roleAdd(name: "r"), .roleGrantPermission(name: "r", permission: permission("a")),
            .userAdd(name: "ann", hash: hash, options: nil), .userGrantRole(user: "ann", role: "r"), .enable,
        ] { change(&member, request) }
        return member
    }

    @Test func commandsAreAskedForWhenTheyAreCarriedOut() throws {
        var member = try ready()
        #expect(member.result(1, as: "ann", "SET a1 v", "GET a1") == "+OK|$1|v")
        #expect(member.result(1, as: "ann", "SET b v", "GET b", "SET a2 v") == "\(denied)|\(denied)|+OK")
        #expect(member.result(1, as: "root", "SET b v") == "+OK")
        #expect(member.result(1, as: "nobody", "GET a1").hasPrefix("-NOPERM User nobody"))
        let refused = member.replica.takeCommandRefusals()
        #expect(refused.map(\.command) == ["set", "get", "get"] && refused.map(\.client) == [1, 1, 1])
        #expect(refused.first?.denial == .key(bytes("b")))
        let rest = member.replica.takeCommandRefusals()
        #expect(rest.isEmpty)
        try member.checkRestarts()
    }

    /// The right is taken by a record in front.
    @Test func aRightEndsWithTheRecordThatTakesIt() throws {
        var member = try ready()
        let root = AuthIdentity(name: .root, revision: member.replica.auth.revision)
        let revoke = AuthRequest.roleRevokePermission(role: "r", key: bytes("a"), rangeEnd: bytes("b"))
        member.step(.propose(Write(.auth(revoke), identity: root), waiter: WaiterID(500)))
        member.step(.turnEnded)
        member.ask(1, as: "ann", lines: ["SET a1 v", "XADD a2 * f v"])
        member.exec(2, as: "ann", ["SET a3 v", "KV.PUT a 1"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(1) == "\(denied)|\(denied)")
        #expect(member.told(2) == "-EXECABORT Transaction discarded because of previous errors.")
        #expect(member.result(3, as: "root", "DBSIZE") == ":0" && member.replica.store.revision == 1)
        let refused = member.replica.takeCommandRefusals()
        #expect(refused.map(\.client) == [1, 1, 2])
        try member.checkRestarts()
    }

    @Test func whoeverWaitsIsAskedForAgain() throws {
        var member = try ready()
        #expect(member.result(9, as: "root", "XADD a 1-0 f v", "XGROUP CREATE a g 1-0") == "$3|1-0|+OK")
        member.ask(1, as: "ann", lines: ["XREAD BLOCK 0 STREAMS a 1-0"])
        member.ask(2, as: "ann", lines: ["XREADGROUP GROUP g c BLOCK 0 STREAMS a >"])
        member.ask(3, as: "root", lines: ["XREAD BLOCK 0 STREAMS a 1-0"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.replica.blockedClients == 3)
        change(&member, .userRevokeRole(name: "ann", role: "r"))
        #expect(member.result(9, as: "root", "XADD a 2-0 f v") == "$3|2-0")
        #expect(member.told(1) == denied && member.told(2) == denied && member.told(3).contains("2-0"))
        #expect(member.replica.blockedClients == 0)
        // Nobody got it.
        #expect(member.result(9, as: "root", "XPENDING a g") == "*4|:0|$-1|$-1|*-1")
        try member.checkRestarts()
    }

    @Test func keysOfTheStoreAreAskedForWithTheirLeases() throws {
        var member = try ready()
        let root = AuthIdentity(name: .root, revision: member.replica.auth.revision)
        #expect(
            member.outcome(of: .leaseGrant(LeaseID(7), ttlSeconds: 60), as: root)
                == .success(.leaseGrant(LeaseID(7), ttlSeconds: 60)))
        #expect(member.result(1, as: "ann", "KV.PUT a 1 LEASE 7").hasPrefix("*2|$8|revision"))
        let other = WriteRequest.put(PutRequest(key: bytes("x"), value: bytes("1"), lease: LeaseID(7)))
        #expect(member.outcome(of: other, as: root) == .success(.put(PutResponse(revision: 3))))
        #expect(member.result(1, as: "ann", "KV.PUT a 2 LEASE 7") == denied)
        #expect(member.result(1, as: "ann", "KV.GET x") == denied)
        #expect(member.result(1, as: "ann", "KV.TXN IF 1 VERSION a = 1 THEN 1 2 GET x") == denied)
        #expect(member.result(1, as: "ann", "KV.GET a COUNTONLY").contains("count"))
        // Users of ACL are none of these.
        #expect(member.result(1, "KV.GET a").hasPrefix("-NOPERM authentication of the key-value store is on"))
        member.exec(1, as: "ann", ["SET a9 v", "KV.PUT a 3"])
        member.step(.turnEnded)
        member.settle()
        #expect(member.told(1).hasPrefix("*2|+OK|*2|$8|revision|:4"))
        try member.checkRestarts()
    }

    @Test func aNameStandsForOneUser() throws {
        var member = try ready()
        #expect(member.result(1, as: "root", "ACL SETUSER ann on").hasPrefix("-ERR User 'ann' is one of the auth"))
        #expect(member.result(1, as: "root", "ACL SETUSER al on >pw") == "+OK")
        let root = AuthIdentity(name: .root, revision: member.replica.auth.revision)
        let ann = AuthIdentity(name: "ann", revision: member.replica.auth.revision)
        let add = WriteRequest.auth(.userAdd(name: "al", hash: hash, options: nil))
        #expect(member.outcome(of: add, as: root) == .failure(.unauthorized(.userExists)))
        #expect(member.outcome(of: add, as: ann) == .failure(.unauthorized(.permissionDenied)))
        #expect(member.result(1, as: "root", "ACL DELUSER al") == ":1")
        change(&member, .userAdd(name: "al", hash: hash, options: nil))
        // The default user as it is at first is nobody's.
        change(&member, .userAdd(name: "default", hash: hash, options: nil))
        let isRefused = member.result(1, as: "root", "ACL SETUSER default off").hasPrefix("-ERR")
        #expect(isRefused)
        try member.checkRestarts()
    }
}
