// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletReplica
import Testing

@Suite struct AuthTests {
    private let hash = "aGFzaA=="

    /// A member with root, and a user that may do everything with the keys from a to b, b excluded.
    private func member() throws -> TestMember {
        var member = try TestMember()
        member.settle()
        for request: AuthRequest in [
            .userAdd(name: "root", hash: hash, options: nil), .userGrantRole(user: "root", role: "root"),
            .roleAdd(name: "r"),
            .roleGrantPermission(
                name: "r", permission: AuthPermission(.readWrite, key: bytes("a"), rangeEnd: bytes("b"))),
            .userAdd(name: "u", hash: hash, options: nil), .userGrantRole(user: "u", role: "r"), .enable,
        ] {
            #expect(member.outcome(of: .auth(request)) == .success(.auth(.done)))
        }
        #expect(member.replica.auth.isEnabled)
        return member
    }

    private func user(_ member: TestMember) -> AuthIdentity {
        AuthIdentity(name: "u", revision: member.replica.auth.revision)
    }

    private func put(_ key: String, lease: Int64 = 0) -> WriteRequest {
        .put(PutRequest(key: bytes(key), value: bytes("v"), lease: LeaseID(lease)))
    }

    private func isDenied(_ outcome: Result<WriteResponse, ReplicaError>?) -> Bool {
        outcome == .failure(.unauthorized(.permissionDenied))
    }

    @Test func writesAreCheckedWhenApplied() throws {
        var member = try member()
        let user = user(member)
        #expect(member.outcome(of: put("a1"), as: user) == .success(.put(PutResponse(revision: 2))))
        #expect(isDenied(member.outcome(of: put("c"), as: user)))
        #expect(
            isDenied(member.outcome(of: .deleteRange(DeleteRangeRequest(key: bytes("a"), rangeEnd: [0])), as: user)))
        // Also what would not run.
        let inner = TxnRequest(failure: [.put(PutRequest(key: bytes("c")))])
        #expect(isDenied(member.outcome(of: .txn(TxnRequest(success: [.txn(inner)])), as: user)))
        #expect(member.outcome(of: put("a2")) == .failure(.unauthorized(.userNameEmpty)))
        let old = AuthIdentity(name: "u", revision: user.revision - 1)
        #expect(member.outcome(of: put("a2"), as: old) == .failure(.unauthorized(.oldRevision)))
        #expect(isDenied(member.outcome(of: .compact(CompactionRequest(revision: 1), physical: false), as: user)))
        #expect(isDenied(member.outcome(of: .alarm(AlarmRequest(.activate, .noSpace)), as: user)))
        #expect(member.outcome(of: .alarm(AlarmRequest(.get)), as: user) == .success(.alarms([])))
        #expect(member.outcome(of: .alarm(AlarmRequest(.get))) == .failure(.unauthorized(.userNameEmpty)))
        // What was refused moved no revision.
        #expect(member.replica.store.revision == 2)
        #expect(
            member.outcome(of: put("c"), as: member.replica.ownIdentity) == .success(.put(PutResponse(revision: 3))))
        try member.checkRestarts()
    }

    /// A permission that is taken away in the log ends there, whatever the writer could do when it asked.
    @Test func aRevokedPermissionEndsInTheLog() throws {
        var member = try member()
        let user = user(member)
        let root = member.replica.ownIdentity
        member.step(.propose(Write(put("a1"), identity: user), waiter: WaiterID(1)))
        member.step(
            .propose(
                Write(.auth(.roleRevokePermission(role: "r", key: bytes("a"), rangeEnd: bytes("b"))), identity: root),
                waiter: WaiterID(2)))
        member.step(.propose(Write(put("a2"), identity: user), waiter: WaiterID(3)))
        member.step(.turnEnded)
        member.settle()
        #expect(
            member.replies.suffix(3).map(\.result) == [
                .success(.put(PutResponse(revision: 2))), .success(.auth(.done)), .failure(.unauthorized(.oldRevision)),
            ])
        let again = AuthIdentity(name: "u", revision: member.replica.auth.revision)
        #expect(isDenied(member.outcome(of: put("a2"), as: again)))
        try member.checkRestarts()
    }

    /// A lease gives and takes what its keys are.
    @Test func leasesAreCheckedByTheirKeys() throws {
        var member = try member()
        let (user, root) = (user(member), member.replica.ownIdentity)
        #expect(member.outcome(of: .leaseGrant(LeaseID(5), ttlSeconds: 3)) == .failure(.unauthorized(.userNameEmpty)))
        #expect(
            member.outcome(of: .leaseGrant(LeaseID(5), ttlSeconds: 3), as: user)
                == .success(.leaseGrant(LeaseID(5), ttlSeconds: 3)))
        #expect(member.outcome(of: put("a1", lease: 5), as: user)?.failure == nil)
        #expect(member.outcome(of: put("c", lease: 5), as: root)?.failure == nil)
        #expect(isDenied(member.outcome(of: put("a2", lease: 5), as: user)))
        #expect(
            isDenied(
                member.outcome(
                    of: .txn(TxnRequest(success: [.put(PutRequest(key: bytes("a"), lease: LeaseID(5)))])), as: user)))
        #expect(isDenied(member.outcome(of: .leaseRevoke(LeaseID(5)), as: user)))
        // The member ends it in its own name, also when users have changed since.
        member.pass(.seconds(5))
        #expect(member.outcome(of: .auth(.userAdd(name: "v", hash: hash, options: nil)), as: root)?.failure == nil)
        #expect(member.replica.store.keyCount == 0 && member.replica.store.leaseCount == 0)
        try member.checkRestarts()
    }

    @Test func tokensFollowTheLog() throws {
        var member = try member()
        #expect(member.tokens == [.apply(.begin)])
        member.tokens = []
        let revision = member.replica.auth.revision
        #expect(
            member.outcome(of: .auth(.authenticate(name: "u", simpleToken: "abc")))
                == .success(.auth(.authenticated(name: "u", revision: revision, simpleToken: "abc"))))
        let index = member.replica.applied.index
        #expect(member.tokens == [.assign(name: "u", revision: revision, simpleToken: "abc", index: index)])
        #expect(
            member.outcome(of: .auth(.authenticate(name: "x", simpleToken: "abc")))
                == .failure(.unauthorized(.authenticationFailed)))
        member.tokens = []
        _ = member.outcome(of: .auth(.userChangePassword(name: "u", hash: hash)), as: member.replica.ownIdentity)
        _ = member.outcome(of: .auth(.disable), as: member.replica.ownIdentity)
        #expect(member.tokens == [.apply(.end(of: "u")), .apply(.endAll)])
        // Whoever reads the log again learns the same.
        let again = try member.restarted()
        #expect(
            again.tokens == [
                .apply(.begin), .assign(name: "u", revision: revision, simpleToken: "abc", index: index),
                .apply(.end(of: "u")), .apply(.endAll),
            ])
    }

    /// Users and roles come and go between checkpoints, of which some fail.
    @Test func checkpointsHoldUsersAndRoles() throws {
        var maker = RequestMaker(random: SeededRandom(seed: testSeed("AuthTests")))
        var changes = 0
        for round in 0..<30 {
            var member = round.isMultiple(of: 2) ? try member() : try TestMember()
            member.settle()
            for turn in 0..<60 {
                let identity = AuthIdentity(
                    name: maker.flag() ? maker.name() : .root, revision: member.replica.auth.revision)
                let outcome = member.outcome(of: .auth(maker.authRequest()), as: identity)
                if outcome == .success(.auth(.done)) { changes += 1 }
                if turn % 8 == 3 { member.pass(.seconds(1)) }
                if turn % 8 == 6, member.checkpoint != nil {
                    if maker.flag() {
                        member.checkpoint = nil
                        member.step(.checkpointEnded(isWritten: false))
                    } else {
                        member.writeCheckpoint()
                    }
                }
                member.settle()
            }
            try member.checkRestarts()
            // Nobody has two records, and whoever is gone has none.
            var last = try member.restarted()
            last.pass(.seconds(1))
            last.settle()
            last.writeCheckpoint()
            if last.disk.checkpointIndex == last.replica.applied.index {
                let names = last.replica.auth.entries.filter { $0.key.bucket != .settings }.count
                #expect(last.disk.tables.keys.filter { $0.table == TableID(6) }.count <= names + 2)
            }
        }
        #expect(changes > 100)
    }

    @Test func aCheckpointWithoutUsersReadsAsBefore() throws {
        var member = try TestMember()
        member.settle()
        member.pass(.seconds(1))
        member.writeCheckpoint()
        #expect(!member.disk.tables.isEmpty && member.disk.tables.keys.allSatisfy { $0.table != TableID(6) })
        #expect(try member.restarted().replica.auth == AuthStore())
    }

    /// What another server's snapshot holds becomes a checkpoint, and from there goes on as any other.
    @Test func importedUsersAreRestored() throws {
        let source = try member()
        var member = try TestMember()
        member.settle()
        member.pass(.seconds(1))
        member.writeCheckpoint()
        var batch = TableBatch()
        try AuthRecords.add(source.replica.auth.entries, to: &batch)
        member.disk.add(batch)
        var restored = try member.restarted()
        #expect(restored.replica.auth == source.replica.auth)
        let request = AuthRequest.userDelete(name: "u")
        #expect(restored.outcome(of: .auth(request), as: restored.replica.ownIdentity) == .success(.auth(.done)))
        restored.pass(.seconds(1))
        restored.settle()
        restored.writeCheckpoint()
        #expect(try restored.restarted().replica.auth == restored.replica.auth)
        let names = restored.disk.tables.filter { $0.key.table == AuthRecords.table }.map(\.value)
        #expect(names.count == source.replica.auth.entries.count - 1)
    }

    @Test func damagedRecordsAreNamed() throws {
        let key = TableKey(TableID(6), object: 3)
        for (value, expected): ([UInt8], CheckpointError) in [
            ([], .unreadable(key)), ([9], .unreadable(key)), ([3, 5, 0x61], .unreadable(key)),
            ([3, 1, 0x61, 1], .unreadable(key)),
        ] {
            var restorer = ReplicaRestorer(TestMember.configuration)
            #expect(throws: expected) {
                try restorer.load(key, value.span.bytes)
                var member = try self.member()
                member.pass(.seconds(1))
                member.writeCheckpoint()
                restorer = ReplicaRestorer(TestMember.configuration)
                for key in member.disk.tables.keys.sorted() where key.table != TableID(6) {
                    let value = member.disk.tables[key] ?? []
                    try restorer.load(key, value.span.bytes)
                }
                try restorer.load(key, value.span.bytes)
                _ = try restorer.finish(at: member.moment)
            }
        }
        var restorer = ReplicaRestorer(TestMember.configuration)
        try restorer.load(key, [2].span.bytes)
        #expect(throws: CheckpointError.inconsistent(key)) { try restorer.load(key, [2].span.bytes) }
    }
}
