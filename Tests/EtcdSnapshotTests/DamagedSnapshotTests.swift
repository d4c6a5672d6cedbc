// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import Testing

@Suite struct DamagedSnapshotTests {
    /// Every flipped bit shows in the trailer, and no flip ends the process.
    @Test func flippedBytes() throws {
        var random = SeededRandom(seed: testSeed("flippedBytes"))
        let model = Model.random(transactions: 60, keys: 20, values: 0...300, seed: random.next())
        var contents = model.contents()
        contents.auth.users = [BackendUser(name: bytes("u"), passwordHash: bytes("h"), roles: ["r"])]
        contents.auth.roles = [
            BackendRole(name: bytes("r"), permissions: [.init(kind: .write, key: bytes("k"), rangeEnd: [0])])
        ]
        contents.alarms = [BackendAlarm(memberID: 1, alarm: 1)]
        contents.downgrade = BackendDowngrade(targetVersion: "3.5.0", isEnabled: false)
        let file = try snapshot(contents, model.revisions, model.leases)
        // Only bytes in use: padding says nothing.
        let used = file.indices.filter { file[$0] != 0 }
        var refused = 0
        for _ in 0..<3000 {
            var damaged = file
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = used[Int.random(in: 0..<used.count, using: &random)]
                damaged[place] ^= UInt8.random(in: 1...255, using: &random)
            }
            guard damaged != file else { continue }
            do throws(EtcdSnapshotError) {
                let reader = try Reader(BoltMemoryImage(damaged))
                #expect(throws: EtcdSnapshotError.self) { try reader.verifyTrailer() }
                let count = try reader.allRevisions().count
                #expect(count <= file.count / 17)
                _ = try reader.allLeases()
                _ = try reader.contents()
                _ = try reader.status()
            } catch {
                refused += 1
                #expect(!error.message.isEmpty)
            }
        }
        #expect(refused > 300)
    }

    @Test func cutFiles() throws {
        let file = try fixture("etcd-3.5.1.db")
        for length in stride(from: 0, to: file.count, by: 32) {
            let cut = BoltMemoryImage(Array(file[..<length]))
            #expect(throws: EtcdSnapshotError.self) { try Reader(cut).verifyTrailer() }
        }
        let whole = try Reader(BoltMemoryImage(Array(file.dropLast(32))))
        #expect(!whole.hasTrailer)
        let error = #expect(throws: EtcdSnapshotError.self) { try whole.verifyTrailer() }
        #expect(error?.code == .noTrailer)
        #expect(try whole.allRevisions().count == 4)
    }

    @Test func wrongTrailer() throws {
        var file = try fixture("etcd-3.5.1.db")
        file[file.count - 1] ^= 1
        let reader = try Reader(BoltMemoryImage(file))
        let error = #expect(throws: EtcdSnapshotError.self) { try reader.verifyTrailer() }
        #expect(error?.code == .trailerDiffers)
    }

    /// Entries that are no such thing: the bucket's name is in the message.
    @Test func entriesOfAnotherShape() throws {
        let revision = Array(repeating: UInt8(0), count: 8) + bytes("_") + Array(repeating: UInt8(0), count: 8)
        let cases: [(bucket: String, key: [UInt8], value: [UInt8])] = [
            ("key", bytes("short"), []), ("key", revision + bytes("x"), []), ("key", [255] + revision.dropFirst(), []),
            ("key", revision, [0x0A]), ("key", revision, [0x0A, 0x05, 1]), ("key", revision, [0x08, 0x01]),
            ("key", revision, [0x12, 0x00]), ("key", revision, Array(repeating: 0xFF, count: 12)),
            ("key", revision, [0x0B]), ("key", revision, [0x00, 0x01]),
            ("lease", [1], []), ("lease", [0, 0, 0, 0, 0, 0, 0, 1], [8, 2]),
            ("lease", [0, 0, 0, 0, 0, 0, 0, 1], [0x0A, 0]),
            ("meta", bytes("term"), [1]), ("meta", bytes("consistent_index"), []),
            ("meta", bytes("confState"), bytes("{")), ("meta", bytes("confState"), bytes("{\"voters\":[\"1\"]}")),
            ("meta", bytes("confState"), bytes("[]")), ("meta", bytes("scheduledCompactRev"), bytes("x")),
            ("members", bytes("zz"), bytes("{}")), ("members", bytes("1"), bytes("{\"id\":2}")),
            ("members", bytes("1"), bytes("{\"id\":1,\"peerURLs\":[1]}")), ("members", bytes("1"), bytes("null")),
            ("members_removed", bytes("?"), []), ("cluster", bytes("downgrade"), bytes("no")),
            ("auth", bytes("authRevision"), [1]), ("authRoles", bytes("r"), [0x12, 0x02, 0x08, 0x09]),
        ]
        for entry in cases {
            var writer = BoltWriter(layout: try layout(entry))
            let file = try write(entry, &writer)
            let reader = try Reader(BoltMemoryImage(file))
            let error = #expect(throws: EtcdSnapshotError.self, "\(entry)") {
                _ = try reader.allRevisions()
                _ = try reader.allLeases()
                _ = try reader.contents()
            }
            #expect(error?.code == .damaged)
            #expect(error?.message.hasPrefix("bucket \(entry.bucket): ") == true, "\(error?.message ?? "")")
        }
    }

    @Test func missingBuckets() throws {
        for (missing, isRead) in [("key", false), ("lease", false), ("meta", false), ("alarm", true)] {
            let names = BackendBucket.allCases.map(\.rawValue).filter { $0 != missing }
            var plan = BoltPlan()
            for name in names { try plan.beginBucket(bytes(name)) }
            var writer = BoltWriter(layout: try plan.finish())
            for name in names { try writer.beginBucket(bytes(name)) }
            try writer.finish()
            let reader = try Reader(BoltMemoryImage(writer.takeOutput()))
            do throws(EtcdSnapshotError) {
                _ = try reader.allRevisions()
                _ = try reader.allLeases()
                _ = try reader.contents()
                #expect(isRead, "\(missing)")
            } catch {
                #expect(!isRead, "\(missing)")
                #expect(error.code == .missingBucket)
                #expect(error.message.contains(missing))
            }
        }
    }

    private typealias Strange = (bucket: String, key: [UInt8], value: [UInt8])

    private func layout(_ entry: Strange) throws -> BoltLayout {
        var plan = BoltPlan()
        for name in BackendBucket.allCases.map(\.rawValue) {
            try plan.beginBucket(bytes(name))
            if name == entry.bucket { try plan.add(keyLength: entry.key.count, valueLength: entry.value.count) }
        }
        return try plan.finish()
    }

    private func write(_ entry: Strange, _ writer: inout BoltWriter) throws -> [UInt8] {
        for name in BackendBucket.allCases.map(\.rawValue) {
            try writer.beginBucket(bytes(name))
            if name == entry.bucket { try writer.add(key: entry.key, value: entry.value) }
        }
        try writer.finish()
        return writer.takeOutput()
    }
}
