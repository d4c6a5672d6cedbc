// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft
import MartletReplica
import MartletWALCodec
import Testing

@Suite struct ReplicaTests {
    /// The first four entries are those of an etcd that starts alone.
    @Test func aNewClusterBeginsAsEtcds() throws {
        var member = try TestMember()
        member.step(.propose(put("a", "1"), waiter: WaiterID(1)))
        member.step(.read(waiter: WaiterID(2)))
        member.step(.turnEnded)
        guard case .failure(.noLeader) = member.replies[0].result else {
            Issue.record("\(member.replies)")
            return
        }
        #expect(member.reads.map(\.error) == [.noLeader])
        member.settle()
        #expect(member.isReady && member.replica.isLeader)
        #expect(member.replica.term == Term(2))
        #expect(member.replica.applied == AppliedPosition(index: LogIndex(4), term: Term(2)))
        #expect(member.replica.cluster.version == "3.6.0")
        #expect(member.replica.cluster.member(MemberID(7))?.attributes?.clientURLs == ["http://127.0.0.1:2379"])
        let entries = try member.disk.log(after: LogIndex(0)).entries
        #expect(entries.map(\.term.rawValue) == [1, 2, 2, 2] && entries[1].data.isEmpty)
        #expect(entries[0].kind == .configurationChange)
        guard case .memberAttributes = try LogRecord(entries[2].data).request,
            case .clusterVersion = try LogRecord(entries[3].data).request
        else {
            Issue.record("\(entries)")
            return
        }
    }

    @Test func answersWhenDurableAndOnce() throws {
        var member = try TestMember()
        member.settle()
        for number in 0..<20 { member.step(.propose(put("k\(number)", "v"), waiter: WaiterID(UInt64(number)))) }
        member.step(.turnEnded)
        // Twenty requests of one turn are one batch, and nothing is said before its sync.
        #expect(member.disk.waiting.count == 1 && member.replies.isEmpty)
        #expect(member.replica.store.revision == 1)
        let synced = member.disk.sync(.max)
        let batch = try #require(synced)
        member.step(.synced(batch))
        // Five entries a step.
        #expect(member.replies.count == 5 && member.hasWork)
        member.settle()
        #expect(member.replies.map(\.waiter.rawValue) == Array(0..<20))
        for (number, reply) in member.replies.enumerated() {
            guard case .success(.put(let response)) = reply.result else {
                Issue.record("\(reply)")
                return
            }
            #expect(response.revision == Int64(number + 2))
        }
    }

    @Test func aReadWaitsForWhatWasAcknowledgedAndNoMore() throws {
        var member = try TestMember()
        member.settle()
        member.step(.read(waiter: WaiterID(1)))
        member.step(.turnEnded)
        #expect(member.reads.count == 1 && member.reads[0].error == nil)
        // Committed but not applied: the read waits.
        for number in 0..<12 { member.step(.propose(put("k\(number)", "v"), waiter: WaiterID(UInt64(number)))) }
        member.step(.turnEnded)
        let synced = member.disk.sync(.max)
        let batch = try #require(synced)
        member.step(.synced(batch))
        #expect(member.replica.store.revision == 6)
        member.step(.read(waiter: WaiterID(2)))
        #expect(member.reads.count == 1)
        member.step(.turnEnded)
        while member.reads.count == 1, member.hasWork { member.step(.work) }
        #expect(member.reads.count == 2 && member.replica.store.revision == 13)
    }

    /// While one batch is being synced the next is proposed, so that something always waits.
    @Test func answeredWritesLeaveAlsoWhereWritesNeverStop() throws {
        var configuration = TestMember.configuration
        configuration.limits.entriesPerStep = 1000
        var member = try TestMember(configuration)
        member.settle()
        var waiter: UInt64 = 0
        var most = 0
        for _ in 0..<200 {
            for _ in 0..<100 {
                member.step(.propose(put("k", "v"), waiter: WaiterID(waiter)))
                waiter += 1
            }
            member.step(.turnEnded)
            guard member.disk.waiting.count > 1, let batch = member.disk.sync(1) else { continue }
            member.step(.synced(batch))
            #expect(member.replies.count < waiter)
            most = max(most, member.replica.pendingWritePlaces)
        }
        #expect(member.replies.map(\.waiter.rawValue) == Array(0..<UInt64(member.replies.count)))
        #expect(member.replies.count > 19_000 && most < 4000)
    }

    @Test func limits() throws {
        var configuration = TestMember.configuration
        configuration.limits.pendingWritesMax = 3
        configuration.limits.requestBytesMax = 1000
        configuration.limits.uncheckpointedBytesMax = 2000
        configuration.checkpointInterval = .seconds(10)
        var member = try TestMember(configuration)
        member.settle()
        for number in 0..<4 { member.step(.propose(put("k", "v"), waiter: WaiterID(UInt64(number)))) }
        member.step(.propose(put("k", String(repeating: "x", count: 1000)), waiter: WaiterID(9)))
        member.step(.turnEnded)
        #expect(member.replies.map(\.waiter.rawValue) == [3, 9])
        #expect(member.replies.map { $0.result.failure } == [.tooManyRequests, .requestTooLarge])
        member.settle()
        // What no checkpoint holds is bounded; a checkpoint makes room again.
        for number in 0..<4 {
            member.step(.propose(put("k\(number)", String(repeating: "x", count: 800)), waiter: WaiterID(20)))
            member.step(.turnEnded)
            member.settle()
        }
        #expect(member.replies.last?.result.failure == .tooManyRequests)
        member.pass(.seconds(10))
        member.writeCheckpoint()
        member.step(.propose(put("k", "v"), waiter: WaiterID(21)))
        member.step(.turnEnded)
        member.settle()
        #expect(member.replies.last?.result.failure == nil)
        #expect(member.released == member.disk.checkpointIndex.next)
    }

    @Test func leasesEndByAnEntry() throws {
        var member = try TestMember()
        member.settle()
        member.step(.propose(Write(.leaseGrant(LeaseID(5), ttlSeconds: 3)), waiter: WaiterID(1)))
        member.step(
            .propose(Write(.put(PutRequest(key: [1], value: [2], lease: LeaseID(5)))), waiter: WaiterID(2)))
        member.step(.turnEnded)
        member.settle()
        member.pass(.seconds(2))
        member.settle()
        #expect(member.replica.store.get([1]) != nil)
        let index = member.replica.applied.index
        member.pass(.seconds(2))
        #expect(member.replica.store.get([1]) != nil)
        member.settle()
        #expect(member.replica.store.get([1]) == nil && member.replica.applied.index == index.next)
    }

    @Test func physicalCompactionAnswersWhenTheOldVersionsAreGone() throws {
        var member = try TestMember()
        member.settle()
        for number in 0..<1200 { member.step(.propose(put("k", "\(number)"), waiter: WaiterID(1))) }
        member.step(.turnEnded)
        member.settle()
        member.replies = []
        member.step(.propose(Write(.compact(CompactionRequest(revision: 1200), physical: true)), waiter: WaiterID(2)))
        member.step(.turnEnded)
        member.settle()
        #expect(member.replies.isEmpty && member.replica.store.historyCount == 1200)
        member.pass(.seconds(1))
        member.writeCheckpoint()
        #expect(member.replies.isEmpty && member.hasWork)
        member.settle()
        #expect(member.replies.map(\.waiter) == [WaiterID(2)])
        // History lets go of whole segments of 512 changes.
        #expect(member.replica.store.historyCount < 512)
    }

    @Test func theStampNeverGoesBack() throws {
        var member = try TestMember()
        member.settle()
        let first = member.replica.cluster.stamp
        #expect(first == 1_700_000_000_000)
        member.moment.wallMilliseconds -= 1_000_000
        member.step(.propose(put("k", "v"), waiter: WaiterID(1)))
        member.step(.turnEnded)
        member.settle()
        #expect(member.replica.cluster.stamp == first)
        // Also over a restart, from the log alone.
        let earlier = Moment(monotonic: .zero, wallMilliseconds: 5)
        var again = try TestMember(disk: member.disk, at: earlier)
        again.settle()
        #expect(again.replica.cluster.stamp == first)
        for entry in try again.disk.log(after: LogIndex(4)).entries where !entry.data.isEmpty {
            #expect(try LogRecord(entry.data).stamp == first)
        }
    }

    /// What a later version wrote ends the member, and says where it stands.
    @Test func anUnknownRequestIsNamed() throws {
        for (data, error): ([UInt8], RecordError) in [
            (bytes(hex: "1a00"), .unknownRequest(3)), (bytes(hex: "927d00"), .unknownRequest(2002)),
            (bytes(hex: "ca3e00"), .unknownRequest(1001)), (bytes(hex: "22050a01"), .malformed),
        ] {
            var member = try TestMember()
            member.settle()
            let index = member.replica.applied.index.next
            var batch = LogBatch()
            batch.append(entry: index, term: member.replica.term, data: data.span.bytes)
            member.disk.submit(batch, BatchNumber(1000))
            _ = member.disk.sync(.max)
            let log = try member.disk.log(after: LogIndex(0))
            let empty = RestoredState.empty(TestMember.configuration)
            do throws(ReplicaFailure) {
                var replica = try Replica(TestMember.configuration, restoring: empty, log: log, at: member.moment)
                var effects = Effects()
                var failure: ReplicaFailure?
                var event = Event.start
                for _ in 1...10 where failure == nil {
                    replica.step(event, at: member.moment, into: &effects)
                    failure = effects.failure
                    event = effects.batchNumber.map { .synced($0) } ?? .work
                    effects.removeAll()
                }
                #expect(failure == .unreadableEntry(index, error))
            } catch let refused {
                #expect(refused == .unreadableEntry(index, error))
            }
        }
    }

    @Test func stopTellsWhoeverWaits() throws {
        var member = try TestMember()
        member.settle()
        member.step(.propose(put("k", "v"), waiter: WaiterID(1)))
        member.step(.turnEnded)
        member.step(.propose(put("k", "w"), waiter: WaiterID(2)))
        member.step(.read(waiter: WaiterID(3)))
        member.step(.stop)
        #expect(member.replies.map(\.waiter.rawValue) == [1, 2])
        #expect(member.replies.allSatisfy { $0.result.failure == .stopped })
        #expect(member.reads.map(\.error) == [.stopped])
    }
}

extension Result {
    var failure: Failure? {
        guard case .failure(let error) = self else { return nil }
        return error
    }
}

extension LogIndex {
    var next: LogIndex { LogIndex(rawValue + 1) }
}
