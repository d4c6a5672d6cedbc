// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletReplica
import Testing

/// Faults that etcd has had in what log, state and answers have to do with each other, each as a test that a member
/// with the same fault fails. The numbers are of etcd's issues. Those of the store are in its own tests.
@Suite struct ConsistencyTests {
    /// 14370: a member without others answered a write before its own disk had it, and lost it in a crash.
    @Test func aLoneMemberAnswersWhenItsDiskHasTheWrite() throws {
        var member = try TestMember()
        member.settle()
        member.replies = []
        for number in 1...5 {
            member.step(.propose(put("k\(number)", "v"), waiter: WaiterID(UInt64(number))))
            member.step(.turnEnded)
            while member.hasWork { member.step(.work) }
        }
        // What is applied before it is durable could be read, and so be lost after somebody saw it.
        #expect(member.replies.isEmpty && member.replica.store.revision == 1)
        var crashed = member
        var random = SeededRandom(seed: 3)
        let synced = crashed.disk.sync(1)
        crashed.step(.synced(try #require(synced)))
        while crashed.hasWork { crashed.step(.work) }
        let acknowledged = crashed.replies.count
        #expect(acknowledged >= 1 && acknowledged < 5)
        crashed.disk.crash(&random)
        let again = try crashed.restarted()
        #expect(again.replica.store.revision >= 1 + Int64(acknowledged))
        for number in 1...acknowledged {
            #expect(again.replica.store.get(bytes("k\(number)"))?.modRevision == Int64(number) + 1)
        }
        member.settle()
        #expect(member.replies.compactMap(\.result.failure).isEmpty && member.replies.count == 5)
    }

    /// 14571: a member that began with a snapshot of its state had users, but not what they may do: it refused what
    /// the log held of them, and the others did not.
    @Test func whoMayWriteMayWriteAfterACheckpoint() throws {
        var member = try TestMember()
        member.settle()
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
        func write(_ key: String) -> Result<WriteResponse, ReplicaError>? {
            member.outcome(of: .put(PutRequest(key: bytes(key), value: bytes("v"))), as: user)
        }
        #expect(write("a0")?.failure == nil)
        member.pass(.seconds(2))
        member.settle()
        member.writeCheckpoint()
        #expect(member.disk.checkpointIndex == member.replica.applied.index)
        // The log behind the checkpoint: what may be written, and what may not.
        for number in 1...3 {
            #expect(write("a\(number)")?.failure == nil)
            #expect(write("b\(number)")?.failure == .unauthorized(.permissionDenied))
        }
        let again = try member.restarted()
        #expect(again.replica.store.revision == 5 && again.replica.store.get(bytes("a3"))?.modRevision == 5)
        try member.checkRestarts()
    }
}
