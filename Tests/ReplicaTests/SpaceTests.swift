// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import Testing

/// Alarms, and the quota that raises one.
@Suite struct SpaceTests {
    private let own = Alarm(.noSpace, of: MemberID(7))

    private func put(_ key: String, bytes count: Int = 1) -> WriteRequest {
        .put(PutRequest(key: bytes(key), value: [UInt8](repeating: 0x78, count: count)))
    }

    @Test func alarmsAreRaisedAndLifted() throws {
        var member = try TestMember()
        member.settle()
        func ask(_ request: AlarmRequest) -> [Alarm]? {
            guard case .success(.alarms(let alarms)) = member.outcome(of: .alarm(request)) else { return nil }
            return alarms
        }
        let corrupt = Alarm(.corrupt, of: MemberID(3))
        #expect(ask(AlarmRequest(.get)) == [])
        #expect(ask(AlarmRequest(.activate, .none, of: MemberID(7))) == [])
        #expect(ask(AlarmRequest(.activate, .corrupt, of: MemberID(3))) == [corrupt])
        #expect(ask(AlarmRequest(.activate, .noSpace, of: MemberID(7))) == [own])
        #expect(ask(AlarmRequest(.activate, .noSpace, of: MemberID(7))) == [own])
        #expect(ask(AlarmRequest(.get)) == [own, corrupt])
        #expect(ask(AlarmRequest(.get, .corrupt, of: MemberID(7))) == [corrupt])
        #expect(ask(AlarmRequest(.deactivate, .noSpace, of: MemberID(3))) == [])
        #expect(ask(AlarmRequest(.unrecognized, .noSpace, of: MemberID(7))) == [])
        member.pass(.seconds(1))
        member.writeCheckpoint()
        #expect(try member.restarted().replica.cluster.alarms == member.replica.cluster.alarms)
        #expect(ask(AlarmRequest(.deactivate, .noSpace, of: MemberID(7))) == [own])
        #expect(ask(AlarmRequest(.get)) == [corrupt])
        try member.checkRestarts()
    }

    /// What is refused, be it before it is proposed or, where the alarm is only on its way, when it is applied.
    @Test(arguments: [true, false]) func anAlarmRefusesWhatNeedsRoom(isApplied: Bool) throws {
        for kind in [Alarm.Kind.noSpace, .corrupt] {
            var member = try TestMember()
            member.settle()
            #expect(member.outcome(of: .leaseGrant(LeaseID(1), ttlSeconds: 60))?.failure == nil)
            #expect(member.outcome(of: put("a"))?.failure == nil)
            member.step(.propose(Write(.alarm(AlarmRequest(.activate, kind, of: MemberID(7)))), waiter: WaiterID(0)))
            if isApplied {
                member.step(.turnEnded)
                member.settle()
            }
            let index = member.replica.applied.index
            let nested = TxnRequest(failure: [.txn(TxnRequest(success: [.put(PutRequest(key: [1]))]))])
            let requests: [WriteRequest] = [
                put("b"), .txn(nested), .leaseGrant(LeaseID(2), ttlSeconds: 60),
                .txn(TxnRequest(success: [.deleteRange(DeleteRangeRequest(key: bytes("b")))])),
                .deleteRange(DeleteRangeRequest(key: bytes("b"))),
                .compact(CompactionRequest(revision: 1), physical: false),
                .leaseRevoke(LeaseID(1)),
            ]
            member.replies = []
            for (number, request) in requests.enumerated() {
                member.step(.propose(Write(request), waiter: WaiterID(UInt64(number))))
            }
            member.step(.turnEnded)
            member.settle()
            let errors = member.replies.filter { reply in
                reply.result != .success(.alarms([Alarm(kind, of: MemberID(7))]))
            }
            .sorted { $0.waiter.rawValue < $1.waiter.rawValue }.map(\.result.failure)
            #expect(
                errors
                    == (kind == .corrupt
                        ? Array(repeating: .corrupt, count: 7) : [.noSpace, .noSpace, .noSpace, nil, nil, nil, nil]))
            #expect(member.replica.store.revision == 2)
            // Refused before: not even in the log.
            if isApplied { #expect(member.replica.applied.index == index + (kind == .corrupt ? 0 : 4)) }
            try member.checkRestarts()
            #expect(member.outcome(of: .alarm(AlarmRequest(.deactivate, kind, of: MemberID(7))))?.failure == nil)
            #expect(member.outcome(of: put("b"))?.failure == nil)
        }
    }

    @Test func aPutBeyondTheQuotaIsRefusedAndRaisesTheAlarm() throws {
        var configuration = TestMember.configuration
        configuration.quotaBytes = 4000
        var member = try TestMember(configuration)
        member.settle()
        #expect(member.outcome(of: put("a", bytes: 3000))?.failure == nil)
        #expect(member.replica.cluster.alarms.all.isEmpty)
        // What adds nothing is no matter of the quota.
        #expect(
            member.outcome(of: .txn(TxnRequest(success: [.deleteRange(DeleteRangeRequest(key: bytes("b")))])))?.failure
                == nil)
        for number in 1...3 { member.step(.propose(Write(put("b", bytes: 900)), waiter: WaiterID(UInt64(number)))) }
        // Asked in the same turn, and already there: questions follow the log.
        member.step(.propose(Write(.alarm(AlarmRequest(.get))), waiter: WaiterID(4)))
        let index = member.replica.applied.index
        member.step(.turnEnded)
        member.settle()
        #expect(
            member.replies.suffix(4).map(\.result) == Array(repeating: .failure(.noSpace), count: 3) + [
                .success(.alarms([own]))
            ])
        // One alarm, however many were refused.
        #expect(member.replica.applied.index == index + 2)
        #expect(member.outcome(of: put("c")) == .failure(.noSpace))
        try member.checkRestarts(configuration)
        // Room is made without touching a file: delete, compact, lift.
        #expect(member.outcome(of: .deleteRange(DeleteRangeRequest(key: bytes("a"))))?.failure == nil)
        let lift = WriteRequest.alarm(AlarmRequest(.deactivate, .noSpace, of: MemberID(7)))
        #expect(member.outcome(of: lift)?.failure == nil)
        // Lifted too early, it is raised again, by the next that needs the room.
        #expect(member.outcome(of: put("b", bytes: 900)) == .failure(.noSpace))
        #expect(member.replica.cluster.alarms.contains(own))
        #expect(member.outcome(of: put("b", bytes: 1)) == .failure(.noSpace))
        #expect(member.outcome(of: put("e")) == .failure(.noSpace))
        #expect(member.outcome(of: .compact(CompactionRequest(revision: 3), physical: false))?.failure == nil)
        member.pass(.seconds(1))
        member.writeCheckpoint()
        member.settle()
        #expect(member.outcome(of: .deleteRange(DeleteRangeRequest(key: bytes("z"))))?.failure == nil)
        #expect(member.outcome(of: lift)?.failure == nil)
        #expect(member.outcome(of: put("b", bytes: 900))?.failure == nil)
    }

    /// Puts that were under way together may pass the quota; then the alarm comes by itself.
    @Test func whatWasAppliedBeyondTheQuotaRaisesTheAlarm() throws {
        var configuration = TestMember.configuration
        configuration.quotaBytes = 4000
        var member = try TestMember(configuration)
        member.settle()
        for number in 0..<4 { member.step(.propose(Write(put("k\(number)", bytes: 1500)), waiter: WaiterID(1))) }
        member.step(.turnEnded)
        member.settle()
        #expect(member.replies.suffix(4).allSatisfy { $0.result.failure == nil })
        #expect(member.replica.cluster.alarms.all == [own])
        configuration.quotaBytes = nil
        var unlimited = try TestMember(configuration)
        unlimited.settle()
        #expect(unlimited.outcome(of: put("a", bytes: 100_000))?.failure == nil)
        #expect(unlimited.replica.cluster.alarms.all.isEmpty)
    }

    @Test func aFullDiskRaisesTheAlarmOnce() throws {
        var member = try TestMember()
        member.step(.spaceExhausted)
        member.settle()
        #expect(member.replica.cluster.alarms.all.isEmpty)
        let index = member.replica.applied.index
        member.step(.spaceExhausted)
        member.step(.spaceExhausted)
        member.settle()
        member.step(.spaceExhausted)
        member.settle()
        #expect(member.replica.applied.index == index + 1)
        #expect(member.replica.cluster.alarms.all == [own])
        #expect(member.outcome(of: put("a")) == .failure(.noSpace))
        // An alarm that stays although somebody lifts it is raised again when the disk is found full again.
        #expect(member.outcome(of: .alarm(AlarmRequest(.deactivate, .noSpace, of: MemberID(7))))?.failure == nil)
        member.step(.spaceExhausted)
        member.settle()
        #expect(member.replica.cluster.alarms.all == [own])
    }

    /// Not only puts fill the memory that waits for a checkpoint.
    @Test func leasesRemovalsAndUsersCountUntilACheckpointHoldsThem() throws {
        var configuration = TestMember.configuration
        configuration.limits.uncheckpointedBytesMax = 20_000
        configuration.limits.pendingWritesMax = 5000
        configuration.checkpointInterval = .seconds(1000)
        func fill(_ request: (Int) -> WriteRequest) throws -> Int? {
            var member = try TestMember(configuration)
            member.settle()
            return (1...2000).first { member.outcome(of: request($0)) == .failure(.tooManyRequests) }
        }
        #expect(try fill { .leaseGrant(LeaseID(Int64($0)), ttlSeconds: 60) } != nil)
        #expect(try fill { .put(PutRequest(key: bytes("\($0)"))) } != nil)
        #expect(try fill { .auth(.userAdd(name: .init("u\($0)"), hash: "aGFzaA==", options: nil)) } != nil)
        // A checkpoint makes room again.
        var member = try TestMember(configuration)
        member.settle()
        for number in 1...2000 { _ = member.outcome(of: .auth(.roleAdd(name: .init("r\(number)")))) }
        #expect(member.outcome(of: .auth(.roleAdd(name: "r"))) == .failure(.tooManyRequests))
        member.pass(.seconds(1000))
        member.writeCheckpoint()
        #expect(member.outcome(of: .auth(.roleAdd(name: "r"))) == .success(.auth(.done)))
    }
}
