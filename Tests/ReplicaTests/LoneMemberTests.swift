// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletWALCodec
import Testing

/// The last member of a cluster goes on alone.
@Suite struct LoneMemberTests {
    private let own = MemberID(7)

    private func join(_ kind: ConfigurationChange.Kind, _ id: UInt64) -> [UInt8] {
        let member = MemberID(id)
        let context = MemberContext(member: member, peerURLs: ["http://m\(id)"], isLearner: kind == .addLearner)
        return MemberChange(kind, member, context: context.encoded()).encoded()
    }

    /// A disk of a member whose cluster got two more members, of which nobody is left, and that has two writes which
    /// it doesn't know to be committed.
    private func disk(checkpoints: Bool) throws -> SimulatedDisk {
        var member = try TestMember()
        member.settle()
        #expect(member.outcome(of: put("a", "1").request)?.failure == nil)
        if checkpoints {
            member.pass(.seconds(2))
            member.settle()
            member.writeCheckpoint()
            #expect(member.disk.checkpointIndex == member.replica.applied.index)
        }
        var disk = member.disk
        let log = try disk.log(after: .zero)
        let state = try #require(log.hardState)
        let write = try #require(log.entries.last { $0.kind == .normal })
        var batch = LogBatch()
        var index = log.lastIndex
        func append(_ kind: WALEntry.Kind, _ data: [UInt8]) {
            index = index + 1
            batch.append(WALEntry(index: index, term: state.term, kind: kind, data: data))
        }
        append(.configurationChange, join(.addVoter, 8))
        append(.configurationChange, join(.addLearner, 9))
        batch.append(WALHardState(term: state.term, vote: state.vote, commit: index), mustSync: true)
        append(.normal, write.data)
        append(.normal, write.data)
        disk.submit(batch, BatchNumber(.max))
        _ = disk.sync(.max)
        return disk
    }

    private func alone(_ disk: inout SimulatedDisk) throws -> LoneMember? {
        let configuration = TestMember.configuration
        let state = try disk.state(configuration, at: Moment(monotonic: .zero, wallMilliseconds: 1_700_000_000_000))
        return try LoneMember(configuration, state, try disk.log(after: state.applied.index))
    }

    @Test(arguments: [false, true]) func theOthersAreRemoved(checkpoints: Bool) throws {
        var disk = try disk(checkpoints: checkpoints)
        // With them it waits for ever.
        var waiting = try TestMember(disk: disk)
        for _ in 0..<20 {
            waiting.pass(.seconds(1))
            waiting.settle()
        }
        #expect(!waiting.replica.isLeader && waiting.replica.store.revision == 2)

        let last = try disk.log(after: .zero).lastIndex
        let alone = try #require(try alone(&disk))
        let changes = try alone.entries.map { try MemberChange($0.data).change }
        #expect(changes == [ConfigurationChange(.remove, MemberID(8)), ConfigurationChange(.remove, MemberID(9))])
        #expect(alone.entries.map(\.index) == [last + 1, last + 2] && alone.hardState.commit == last + 2)
        disk.submit(alone.batch, BatchNumber(.max))
        _ = disk.sync(.max)
        #expect(try self.alone(&disk) == nil)

        var member = try TestMember(disk: disk)
        for _ in 0..<20 where !member.replica.isLeader {
            member.pass(.seconds(1))
            member.settle()
        }
        #expect(member.replica.isLeader)
        #expect(member.replica.cluster.members.map(\.id) == [own])
        // The two writes are there: a majority may have had them.
        #expect(member.replica.store.get(bytes("a"))?.version == 3)
        #expect(member.outcome(of: put("b", "1").request) == .success(.put(PutResponse(revision: 5))))
        try member.checkRestarts()
    }

    @Test func whoIsAloneStaysAsItIs() throws {
        var member = try TestMember()
        var disk = member.disk
        #expect(try alone(&disk) == nil)
        member.settle()
        #expect(member.outcome(of: put("a", "1").request)?.failure == nil)
        disk = member.disk
        #expect(try alone(&disk) == nil)
    }
}
