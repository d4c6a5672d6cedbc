// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletReplica
import MartletWALCodec
import Testing

/// Members that end at any point, on a disk that keeps what was synced and some of what was not.
@Suite struct CrashTests {
    /// Puts of values that occur once each: what was answered is there at its revision, nothing is there twice.
    @Test func whatWasAcknowledgedStaysAndNothingComesTwice() throws {
        var random = SeededRandom(seed: testSeed("CrashTests"))
        for _ in 0..<12 {
            var random = random.split()
            var member = try TestMember()
            member.settle()
            var puts: [(key: String, value: String)] = []
            var acknowledged: [Int: Int64] = [:]
            var answered: Set<Int> = []
            for _ in 0..<6 {
                for _ in 0..<Int.random(in: 5...80, using: &random) {
                    try randomStep(&member, &puts, &random)
                    try takeReplies(&member, puts, &acknowledged, &answered)
                }
                let highest = acknowledged.values.max() ?? 1
                member.disk.crash(&random)
                let moment = Moment(
                    monotonic: .zero, wallMilliseconds: 1_700_000_000_000 + UInt64.random(in: 0...9, using: &random))
                member = try TestMember(disk: member.disk, at: moment)
                member.settle()
                #expect(member.isReady)
                #expect(member.replica.store.revision >= highest)
                try check(member, puts, acknowledged)
            }
            #expect(!acknowledged.isEmpty)
        }
    }

    /// Also a member that ends while it begins its cluster begins it once.
    @Test func aClusterBegunInPartIsFinished() throws {
        var random = SeededRandom(seed: testSeed("CrashTests"))
        for number in 0..<200 {
            var member = try TestMember()
            for _ in 0..<number % 5 {
                if let batch = member.disk.sync(1) { member.step(.synced(batch)) }
            }
            for _ in 0..<2 {
                member.disk.crash(&random)
                member = try TestMember(disk: member.disk)
            }
            member.settle()
            #expect(member.isReady && member.replica.cluster.members.count == 1)
            let entries = try member.disk.log(after: LogIndex(0)).entries
            #expect(entries.filter { $0.kind == .configurationChange }.map(\.index) == [LogIndex(1)])
        }
    }

    private func randomStep(
        _ member: inout TestMember, _ puts: inout [(key: String, value: String)], _ random: inout SeededRandom
    ) throws {
        switch Int.random(in: 0...9, using: &random) {
        case 0...4:
            for _ in 0...Int.random(in: 0...6, using: &random) {
                let key = "k\(Int.random(in: 0...5, using: &random))"
                puts.append((key, "value \(puts.count)"))
                member.step(.propose(put(key, puts[puts.count - 1].value), waiter: WaiterID(UInt64(puts.count - 1))))
            }
            member.step(.turnEnded)
        case 5...6:
            if let batch = member.disk.sync(Int.random(in: 1...3, using: &random)) { member.step(.synced(batch)) }
        case 7: if member.hasWork { member.step(.work) }
        case 8: member.pass(.seconds(1))
        default:
            if Bool.random(using: &random) {
                member.writeCheckpoint()
            } else if member.checkpoint != nil {
                member.checkpoint = nil
                member.step(.checkpointEnded(isWritten: false))
            }
        }
    }

    private func takeReplies(
        _ member: inout TestMember, _ puts: [(key: String, value: String)], _ acknowledged: inout [Int: Int64],
        _ answered: inout Set<Int>
    ) throws {
        for reply in member.replies {
            let number = Int(reply.waiter.rawValue)
            #expect(answered.insert(number).inserted)
            guard case .success(.put(let response)) = reply.result else { continue }
            let last = acknowledged.values.max() ?? 1
            #expect(response.revision > last)
            acknowledged[number] = response.revision
        }
        member.replies = []
    }

    private func check(
        _ member: TestMember, _ puts: [(key: String, value: String)], _ acknowledged: [Int: Int64]
    ) throws {
        let store = member.replica.store
        for (number, revision) in acknowledged {
            var request = RangeRequest(key: bytes(puts[number].key))
            request.revision = revision
            let record = try store.range(request).records.first
            #expect(record?.value == bytes(puts[number].value) && record?.modRevision == revision)
        }
        var seen: Set<[UInt8]> = []
        for revision in stride(from: Int64(2), through: store.revision, by: 1) {
            var request = RangeRequest(key: [0], rangeEnd: [0])
            (request.revision, request.minModRevision) = (revision, revision)
            let written = try store.range(request).records
            #expect(written.count == 1)
            for record in written { #expect(seen.insert(record.value).inserted) }
        }
    }

    /// Requests of all kinds: the log alone, and a checkpoint with the rest of the log, give the state that the member
    /// had.
    @Test func theSameLogGivesTheSameState() throws {
        var random = SeededRandom(seed: testSeed("CrashTests"))
        var failures = 0
        var revisions: Int64 = 0
        for _ in 0..<20 {
            var maker = RequestMaker(random: random.split())
            var member = try TestMember()
            member.settle()
            for turn in 0..<40 {
                for _ in 0...maker.number(0...5) {
                    let identity = maker.identity(member.replica.auth.revision)
                    member.step(.propose(Write(maker.request(), identity: identity), waiter: WaiterID(1)))
                }
                member.step(.turnEnded)
                member.settle()
                if turn % 7 == 3 { member.pass(.seconds(1)) }
                if turn < 30, turn % 9 == 8 { member.writeCheckpoint() }
                member.settle()
            }
            failures += member.replies.filter { $0.result.failure != nil }.count
            let moment = Moment(monotonic: .seconds(99), wallMilliseconds: 1_700_000_999_000)
            var fromCheckpoint = try TestMember(disk: member.disk, at: moment)
            var fromLog = try TestMember(disk: member.disk, at: moment, ignoresTables: true)
            #expect(fromCheckpoint.replica.applied.index > fromLog.replica.applied.index)
            fromCheckpoint.settle()
            fromLog.settle()
            #expect(fromLog.replica.stateDigest() == fromCheckpoint.replica.stateDigest())
            #expect(fromLog.replica.store.stateDigest() == member.replica.store.stateDigest())
            revisions += fromLog.replica.store.revision
        }
        #expect(failures > 0 && revisions > 400)
    }

    /// Equal events at equal moments: equal effects, to the byte.
    @Test func runsRepeat() throws {
        func run(_ seed: UInt64) throws -> (digest: UInt64, log: Int, replies: [WaiterID]) {
            var maker = RequestMaker(random: SeededRandom(seed: seed))
            var member = try TestMember()
            for turn in 0..<100 {
                let identity = maker.identity(member.replica.auth.revision)
                member.step(.propose(Write(maker.request(), identity: identity), waiter: WaiterID(UInt64(turn))))
                if maker.flag() { member.step(.turnEnded) }
                if maker.flag(), let batch = member.disk.sync(maker.number(1...4)) { member.step(.synced(batch)) }
                if maker.flag() { member.pass(.seconds(1)) }
                if maker.flag() { member.writeCheckpoint() }
            }
            member.step(.turnEnded)
            member.settle()
            let log = try member.disk.log(after: LogIndex(0))
            var hash: UInt64 = 0
            for entry in log.entries { for byte in entry.data { hash = hash &* 31 &+ UInt64(byte) } }
            return (member.replica.stateDigest(), Int(truncatingIfNeeded: hash), member.replies.map(\.waiter))
        }
        let seed = testSeed("CrashTests")
        #expect(try run(seed) == run(seed))
        #expect(try run(seed).log != run(seed + 1).log)
    }
}
