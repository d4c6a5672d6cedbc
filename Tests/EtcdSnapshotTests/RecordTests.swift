// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import Testing

/// The bucket that etcd doesn't know.
@Suite struct RecordTests {
    private static let records = [
        BackendRecord(key: TableKey(TableID(32), object: 1, id: 2), value: [1, 2, 3]),
        BackendRecord(key: TableKey(TableID(32), object: 256), value: []),
        BackendRecord(
            key: TableKey(TableID(39), object: .max, id: .max), value: [UInt8](repeating: 7, count: 100_000)),
    ]

    private func snapshot(_ records: [BackendRecord], leases: [BackendLease] = []) throws -> [UInt8] {
        var plan = try EtcdSnapshotPlan(EtcdSnapshotContents())
        for lease in leases { try plan.add(lease) }
        for record in records { try plan.addRecord(valueLength: record.value.count) }
        let layout = try plan.finish()
        var writer = try EtcdSnapshotWriter(layout)
        for lease in leases { try writer.add(lease) }
        for record in records { try writer.add(record) }
        try writer.finish()
        let file = writer.takeOutput()
        #expect(UInt64(file.count) == layout.fileByteCount)
        return file + writer.makeTrailer()
    }

    @Test func recordsComeBackInOrder() throws {
        let leases = [BackendLease(id: LeaseID(7), ttlSeconds: 9)]
        let reader = try Reader(BoltMemoryImage(snapshot(Self.records, leases: leases)))
        try reader.verifyTrailer()
        var cursor = try #require(try reader.records())
        var found: [BackendRecord] = []
        while let record = try cursor.next() { found.append(record) }
        #expect(found == Self.records)
        #expect(try reader.allLeases() == leases)
        #expect(try reader.status().keyCount == 4 + rawBuckets(snapshot([])).values.map(\.count).reduce(0, +))
    }

    @Test func withoutRecordsThereIsNoBucket() throws {
        let file = try snapshot([])
        #expect(try Reader(BoltMemoryImage(file)).records() == nil)
        #expect(Set(try rawBuckets(file).keys) == Set(BackendBucket.allCases.map(\.rawValue)))
    }

    @Test func nothingComesAfterRecords() throws {
        var plan = try EtcdSnapshotPlan(EtcdSnapshotContents())
        try plan.addRecord(valueLength: 1)
        let error = #expect(throws: EtcdSnapshotError.self) {
            try plan.add(BackendLease(id: LeaseID(1), ttlSeconds: 1))
        }
        #expect(error?.code == .order)
    }

    @Test func aKeyOfAnotherLengthIsDamage() throws {
        let buckets = try rawBuckets(snapshot(Self.records))
        #expect(buckets["martlet"]?.count == 3)
        var plan = BoltPlan()
        let names = (BackendBucket.allCases.map(\.rawValue) + ["martlet"]).sorted()
        for name in names {
            try plan.beginBucket(bytes(name))
            if name == "martlet" { try plan.add(keyLength: 3, valueLength: 1) }
        }
        var writer = BoltWriter(layout: try plan.finish())
        for name in names {
            try writer.beginBucket(bytes(name))
            if name == "martlet" { try writer.add(key: [1, 2, 3], value: [0]) }
        }
        try writer.finish()
        var cursor = try #require(try Reader(BoltMemoryImage(writer.takeOutput())).records())
        let error = #expect(throws: EtcdSnapshotError.self) { try cursor.next() }
        #expect(error?.code == .damaged)
    }
}
