// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletKeyValue
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

/// Each way to keys, with and without the right to go it.
@Suite struct AuthRightsTests {
    let people: AuthFixture

    init() throws {
        people = try AuthFixture()
    }

    private func range(_ key: String, _ end: String = "", serializable: Bool = false) -> Etcdserverpb_RangeRequest {
        var request = Etcdserverpb_RangeRequest()
        request.key = bytes(key).data
        request.rangeEnd = bytes(end).data
        request.serializable = serializable
        return request
    }

    private func put(_ key: String, lease: Int64 = 0, wantsPrevious: Bool = false) -> Etcdserverpb_PutRequest {
        var request = Etcdserverpb_PutRequest()
        request.key = bytes(key).data
        request.lease = lease
        request.prevKv = wantsPrevious
        return request
    }

    @Test(arguments: [false, true])
    func ranges(serializable: Bool) throws {
        let service = KVService(store: people.store)
        func status(_ key: String, _ end: String = "", as token: String?) throws -> Ending? {
            try people.status(service.range, range(key, end, serializable: serializable), token)
        }
        #expect(try status("b", as: people.alice)?.code == .ok)
        #expect(try status("a", "m", as: people.alice)?.code == .ok)
        #expect(try status("n", as: people.alice) == .denied)
        #expect(try status("a", "n", as: people.alice) == .denied)
        #expect(try status("a", "\0", as: people.alice) == .denied)
        #expect(try status("n", as: people.root)?.code == .ok)
        #expect(try status("b", as: nil) == .anonymous)
        #expect(try status("b", as: "nobody's.1") == .invalidToken)
        // What is wrong with a request is told before who asks.
        #expect(try status("", as: nil)?.message == "etcdserver: key is not provided")
    }

    @Test func writes() throws {
        let service = KVService(store: people.store)
        let revision = people.store.keyValue.revision
        #expect(try people.status(service.put, put("b"), people.alice) == .denied)
        #expect(try people.status(service.put, put("c", wantsPrevious: true), people.alice)?.code == .ok)
        #expect(try people.status(service.put, put("e"), nil) == .anonymous)
        #expect(try people.status(service.put, put("e"), "nobody's.1") == .invalidToken)
        #expect(try people.status(service.put, put(""), nil)?.message == "etcdserver: key is not provided")
        var delete = Etcdserverpb_DeleteRangeRequest()
        delete.key = bytes("c").data
        delete.rangeEnd = bytes("g").data
        #expect(try people.status(service.deleteRange, delete, people.alice) == .denied)
        delete.rangeEnd = bytes("f").data
        #expect(try people.status(service.deleteRange, delete, people.alice)?.code == .ok)
        // What was refused has moved no revision.
        #expect(people.store.keyValue.revision == revision + 2)
    }

    @Test func transactions() throws {
        let service = KVService(store: people.store)
        func status(compare: String, success: String, failurePut: String?) throws -> Ending? {
            var request = Etcdserverpb_TxnRequest()
            var condition = Etcdserverpb_Compare()
            condition.key = bytes(compare).data
            condition.target = .version
            condition.result = .greater
            request.compare = [condition]
            var read = Etcdserverpb_RequestOp()
            read.requestRange = range(success)
            request.success = [read]
            if let failurePut {
                var write = Etcdserverpb_RequestOp()
                write.requestPut = put(failurePut)
                request.failure = [write]
            }
            return try people.status(service.txn, request, people.alice)
        }
        #expect(try status(compare: "b", success: "c", failurePut: nil)?.code == .ok)
        #expect(try status(compare: "n", success: "c", failurePut: nil) == .denied)
        #expect(try status(compare: "b", success: "n", failurePut: nil) == .denied)
        #expect(try status(compare: "b", success: "c", failurePut: "d")?.code == .ok)
        // The branch that would not run counts too.
        #expect(try status(compare: "b", success: "c", failurePut: "b") == .denied)
    }

    /// etcd 3.5.1 lets these through.
    @Test func transactionsInTransactions() throws {
        let service = KVService(store: people.store)
        var grant = Etcdserverpb_LeaseGrantRequest()
        grant.ttl = 100
        grant.id = 9
        _ = try people.status(LeaseService(store: people.store).grant, grant, people.root)
        _ = try people.status(service.put, put("n", lease: 9), people.root)
        let revision = people.store.keyValue.revision

        func nested(_ depth: Int, _ innermost: Etcdserverpb_TxnRequest) -> Etcdserverpb_TxnRequest {
            guard depth > 0 else { return innermost }
            var operation = Etcdserverpb_RequestOp()
            operation.requestTxn = nested(depth - 1, innermost)
            var request = Etcdserverpb_TxnRequest()
            // Where it is found makes no difference.
            if depth % 2 == 0 { request.success = [operation] } else { request.failure = [operation] }
            return request
        }
        func status(_ depth: Int, _ change: (inout Etcdserverpb_TxnRequest) -> Void) throws -> Ending? {
            var innermost = Etcdserverpb_TxnRequest()
            change(&innermost)
            return try people.status(service.txn, nested(depth, innermost), people.alice)
        }
        func operation(_ change: (inout Etcdserverpb_RequestOp) -> Void) -> Etcdserverpb_RequestOp {
            var operation = Etcdserverpb_RequestOp()
            change(&operation)
            return operation
        }
        var delete = Etcdserverpb_DeleteRangeRequest()
        delete.key = bytes("n").data
        var compare = Etcdserverpb_Compare()
        compare.key = bytes("b").data
        compare.rangeEnd = bytes("o").data
        for depth in 0...3 {
            for refused in [
                operation { $0.requestRange = range("n") }, operation { $0.requestPut = put("n") },
                operation { $0.requestPut = put("d", lease: 9) }, operation { $0.requestDeleteRange = delete },
            ] {
                #expect(try status(depth) { $0.success = [refused] } == .denied)
                #expect(try status(depth) { $0.failure = [refused] } == .denied)
            }
            #expect(try status(depth) { $0.compare = [compare] } == .denied)
        }
        #expect(people.store.keyValue.revision == revision)
        #expect(try status(2) { $0.success = [operation { $0.requestPut = put("d") }] }?.code == .ok)
    }

    @Test func compaction() throws {
        let service = KVService(store: people.store)
        var request = Etcdserverpb_CompactionRequest()
        request.revision = 2
        #expect(try people.status(service.compact, request, people.alice) == .denied)
        #expect(try people.status(service.compact, request, people.root)?.code == .ok)
    }

    @Test func rightsEndWithTheRecordThatTakesThem() throws {
        let service = KVService(store: people.store)
        #expect(try people.status(service.range, range("b"), people.alice)?.code == .ok)
        try people.change(
            .roleRevokePermission(role: "r", key: bytes("a"), rangeEnd: bytes("m")))
        #expect(try people.status(service.range, range("b"), people.alice) == .denied)
        #expect(try people.status(service.range, range("z"), people.alice)?.code == .ok)
        try people.change(.userDelete(name: "alice"))
        #expect(try people.status(service.range, range("z"), people.alice) == .invalidToken)
        try people.change(.disable)
        #expect(try people.status(service.range, range("n"), nil)?.code == .ok)
        // While authentication is off, nobody looks at tokens.
        #expect(try people.status(service.range, range("n"), people.alice)?.code == .ok)
    }

    @Test func tokensEndUnused() throws {
        let service = KVService(store: people.store)
        people.loop.advanceTime(by: .seconds(299))
        #expect(try people.status(service.range, range("b"), people.alice)?.code == .ok)
        people.loop.advanceTime(by: .seconds(299))
        #expect(try people.status(service.range, range("b"), people.alice)?.code == .ok)
        #expect(try people.status(service.range, range("b"), people.root) == .invalidToken)
    }

    @Test func certificatesNameUsers() throws {
        func answer(_ name: AuthName, token: String? = nil) throws -> Ending? {
            let call = RecordingCall(token: token, certificateName: name)
            KVService(store: people.store).range(call, try range("n").serializedBytes())
            people.loop.run()
            return call.ending
        }
        #expect(try answer("root")?.code == .ok)
        #expect(try answer("alice") == .denied)
        #expect(try answer("stranger") == .denied)
        // A token counts before a certificate.
        #expect(try answer("root", token: people.alice) == .denied)
        #expect(try answer("root", token: "nobody's.1") == .invalidToken)
    }

    // MARK: Leases

    @Test func leases() throws {
        let (service, keys) = (LeaseService(store: people.store), KVService(store: people.store))
        var grant = Etcdserverpb_LeaseGrantRequest()
        grant.ttl = 100
        grant.id = 7
        #expect(try people.status(service.grant, grant, nil) == .anonymous)
        #expect(try people.status(service.grant, grant, people.alice)?.code == .ok)
        #expect(try people.status(keys.put, put("z", lease: 7), people.alice)?.code == .ok)
        var renewal = Etcdserverpb_LeaseKeepAliveRequest()
        renewal.id = 7
        #expect(try people.stream(service.keepAlive, renewal, people.alice).messages.count == 1)
        let anonymous = try people.stream(service.keepAlive, renewal, nil)
        #expect(anonymous.ending == .anonymous && anonymous.messages.isEmpty)

        // With a key that alice may not write, the lease is not hers to hold, to end, or to hang more on.
        #expect(try people.status(keys.put, put("n", lease: 7), people.root)?.code == .ok)
        #expect(try people.status(keys.put, put("z", lease: 7), people.alice) == .denied)
        let refused = try people.stream(service.keepAlive, renewal, people.alice)
        #expect(refused.ending == .denied && refused.messages.isEmpty)
        var revoke = Etcdserverpb_LeaseRevokeRequest()
        revoke.id = 7
        #expect(try people.status(service.revoke, revoke, people.alice) == .denied)
        var question = Etcdserverpb_LeaseTimeToLiveRequest()
        question.id = 7
        #expect(try people.status(service.timeToLive, question, people.alice)?.code == .ok)
        question.keys = true
        #expect(try people.status(service.timeToLive, question, people.alice) == .denied)
        #expect(try people.status(service.timeToLive, question, people.root)?.code == .ok)
        let all = Etcdserverpb_LeaseLeasesRequest()
        #expect(try people.status(service.leases, all, people.alice) == .denied)
        #expect(try people.status(service.leases, all, people.root)?.code == .ok)
        #expect(try people.status(service.revoke, revoke, people.root)?.code == .ok)
        #expect(people.store.keyValue.get(bytes("n")) == nil)
    }

    @Test func leasesEndThoughUsersChange() throws {
        var grant = Etcdserverpb_LeaseGrantRequest()
        grant.ttl = 2
        grant.id = 7
        _ = try people.status(LeaseService(store: people.store).grant, grant, people.root)
        _ = try people.status(KVService(store: people.store).put, put("n", lease: 7), people.root)
        try people.change(.userDelete(name: "alice"))
        people.loop.advanceTime(by: .seconds(4))
        #expect(people.store.keyValue.get(bytes("n")) == nil)
    }

    // MARK: Watches

    @Test func watches() throws {
        func watch(
            _ key: String, _ end: String = "", from start: Int64 = 0, as token: String?
        ) throws
            -> Etcdserverpb_WatchResponse
        {
            var request = Etcdserverpb_WatchRequest()
            request.createRequest.key = bytes(key).data
            request.createRequest.rangeEnd = bytes(end).data
            request.createRequest.startRevision = start
            let call = try people.stream(WatchService(store: people.store).watch, request, token)
            #expect(call.status == nil)
            return try #require(try call.take(Etcdserverpb_WatchResponse.self).first)
        }
        let allowed = try watch("a", "m", as: people.alice)
        #expect(allowed.created && !allowed.canceled)
        let refused = try watch("a", "n", as: people.alice)
        #expect(refused.created && refused.canceled && refused.watchID == -1)
        #expect(refused.header.revision == people.store.keyValue.revision)
        #expect(refused.cancelReason == "rpc error: code = PermissionDenied desc = etcdserver: permission denied")
        #expect(
            try watch("b", as: nil).cancelReason
                == "rpc error: code = InvalidArgument desc = etcdserver: user name is empty")
        #expect(
            try watch("b", as: "nobody's.1").cancelReason
                == "rpc error: code = Unauthenticated desc = etcdserver: invalid auth token")
        // From a key on is more than the key.
        #expect(try watch("z", "\0", as: people.alice).canceled)
        #expect(try !watch("z", as: people.alice).canceled)
        // From the very first key on.
        #expect(try watch("", "\0", as: people.alice).canceled)
        #expect(try !watch("", "\0", as: people.root).canceled)
        #expect(
            try watch("n", from: -1, as: people.alice).cancelReason
                == "etcdserver: mvcc: required revision has been compacted")
    }

    @Test func watchesOutliveTheirRight() throws {
        var request = Etcdserverpb_WatchRequest()
        request.createRequest.key = bytes("z").data
        let call = try people.stream(WatchService(store: people.store).watch, request, people.alice)
        try people.change(.roleRevokePermission(role: "r", key: bytes("z"), rangeEnd: []))
        _ = try people.status(KVService(store: people.store).put, put("z"), people.root)
        #expect(try call.take(Etcdserverpb_WatchResponse.self).flatMap(\.events).count == 1)
    }

    // MARK: Locks and elections

    @Test func locks() throws {
        func lock(_ name: String, _ token: String?) throws -> RecordingCall {
            var request = V3lockpb_LockRequest()
            request.name = bytes(name).data
            return try people.stream(LockService(store: people.store).lock, request, token)
        }
        let denied = Ending(.unknown, "etcdserver: permission denied")
        #expect(try lock("n", people.alice).ending == denied)
        // The lease of the server's own stays until it runs out, as etcd's.
        #expect(people.store.keyValue.leaseIDs().count == 1)
        // Alice writes below d, but below f she only reads.
        let held = try lock("d", people.alice)
        #expect(held.status?.code == .ok)
        #expect(try lock("f", people.alice).ending == denied)
        #expect(try lock("d", nil).status?.code == .unknown)
        var unlock = V3lockpb_UnlockRequest()
        unlock.key = try #require(try held.take(V3lockpb_LockResponse.self).first).key
        #expect(try people.status(LockService(store: people.store).unlock, unlock, nil)?.code == .unknown)
        #expect(try people.status(LockService(store: people.store).unlock, unlock, people.alice)?.code == .ok)
    }

    @Test func elections() throws {
        let service = ElectionService(store: people.store)
        func campaign(_ name: String, _ token: String?) throws -> RecordingCall {
            var request = V3electionpb_CampaignRequest()
            request.name = bytes(name).data
            request.value = bytes("v").data
            return try people.stream(service.campaign, request, token)
        }
        let denied = Ending(.unknown, "etcdserver: permission denied")
        #expect(try campaign("n", people.alice).ending == denied)
        #expect(try campaign("n", people.root).status?.code == .ok)
        let won = try campaign("d", people.alice)
        let leader = try #require(try won.take(V3electionpb_CampaignResponse.self).first).leader
        var question = V3electionpb_LeaderRequest()
        question.name = bytes("n").data
        #expect(try people.status(service.leader, question, people.alice) == denied)
        #expect(try people.stream(service.observe, question, people.alice).ending == denied)
        #expect(try people.status(service.leader, question, people.root)?.code == .ok)
        var proclamation = V3electionpb_ProclaimRequest()
        proclamation.leader = leader
        #expect(try people.status(service.proclaim, proclamation, nil)?.code == .unknown)
        #expect(try people.status(service.proclaim, proclamation, people.alice)?.code == .ok)
        var resignation = V3electionpb_ResignRequest()
        resignation.leader = leader
        #expect(try people.status(service.resign, resignation, people.alice)?.code == .ok)
    }
}
