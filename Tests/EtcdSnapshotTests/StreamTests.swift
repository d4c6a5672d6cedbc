// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import MartletSnapshotStream
import Testing

@Suite struct StreamTests {
    @Test(arguments: [1000, 4096, etcdSnapshotChunkByteCount, 1 << 20]) func chunks(_ size: Int) throws {
        let model = Model.random(
            transactions: 500, keys: 100, values: 0...2000, seed: testSeed("chunks"))
        let whole = try snapshot(model.contents(), model.revisions, model.leases)
        var stream = try stream(model.contents(), model.revisions, model.leases, chunkByteCount: size)
        var remaining = UInt64(whole.count - 32)
        #expect(stream.remainingByteCount == remaining)
        var result: [UInt8] = []
        while let chunk = try stream.next() {
            result += chunk
            if remaining > 0 {
                #expect(chunk.count == min(size, Int(remaining)))
                remaining -= UInt64(chunk.count)
            } else {
                #expect(chunk.count == 32)
            }
            #expect(stream.remainingByteCount == remaining)
        }
        #expect(try stream.next() == nil)
        #expect(result == whole)
        #expect(whole.count % 512 == 32)
        let reader = try Reader(BoltMemoryImage(result))
        try reader.verifyTrailer()
        #expect(try reader.allRevisions() == model.revisions)
        #expect(try reader.allLeases() == model.leases)
        #expect(try reader.contents() == model.contents())
    }

    @Test func emptyStore() throws {
        let contents = Model().contents()
        let whole = try snapshot(contents, [], [])
        #expect(Set(try rawBuckets(whole).keys) == Set(BackendBucket.allCases.map(\.rawValue)))
        let reader = try Reader(BoltMemoryImage(whole))
        #expect(try reader.allRevisions() == [])
        #expect(try reader.allLeases() == [])
        #expect(try reader.contents() == contents)
        #expect(try reader.status().revision == 0)
    }

    @Test func lengthsAreEnoughForThePlan() throws {
        let model = Model.random(transactions: 300, keys: 50, values: 0...9000, seed: testSeed("lengths"))
        var lengths = try EtcdSnapshotPlan(model.contents())
        for revision in model.revisions {
            var record = revision.record
            let count = record.value.count
            record.value = []
            try lengths.add(record: record, valueLength: count, isTombstone: revision.isTombstone)
        }
        for lease in model.leases { try lengths.add(lease) }
        let layout = try lengths.finish()
        #expect(layout.byteCount == UInt64(try snapshot(model.contents(), model.revisions, model.leases).count))
    }

    @Test func digestIsSHA256() {
        var digest = SnapshotDigest()
        digest.update(bytes("a"))
        digest.update([])
        digest.update(bytes("bc"))
        let hex = digest.finish().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        #expect(hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func revisionsComeBeforeLeases() throws {
        let model = Model.random(transactions: 3, keys: 5, values: 0...9, seed: 1)
        var plan = try EtcdSnapshotPlan(model.contents())
        try plan.add(model.leases[0])
        let error = #expect(throws: EtcdSnapshotError.self) { try plan.add(model.revisions[0]) }
        #expect(error?.code == .order)
    }

    @Test func otherRevisionsThanPlanned() throws {
        let model = Model.random(transactions: 300, keys: 50, values: 0...900, seed: testSeed("otherRevisions"))
        var plan = try EtcdSnapshotPlan(model.contents())
        for revision in model.revisions { try plan.add(revision) }
        var stream = try EtcdSnapshotStream(
            plan.finish(), revisions: model.revisions[..<20].makeIterator(), leases: model.leases.makeIterator())
        let error = #expect(throws: EtcdSnapshotError.self) { while try stream.next() != nil {} }
        #expect(error?.cause?.code == .planDiffers)
        #expect(try stream.next() == nil)
    }
}
