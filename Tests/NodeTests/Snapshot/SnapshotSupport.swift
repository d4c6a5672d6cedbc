// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletAuth
import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import MartletNode
import MartletRaft
import MartletReplica
import MartletSnapshotStream
import MartletStorage
import MartletTestPrograms
import MartletWALCodec
import Testing

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A store with a past, and tables that hold it.
struct TestStore {
    static let member: UInt64 = 0x8e9e_05c5_2164_694d
    static let tables = ReplicaCheckpoint.tables

    private(set) var store: KeyValueStore
    private var random: SeededRandom
    let tables: Tables
    private var index: UInt64 = 1
    /// Of users and roles, for the next checkpoint.
    var authEntries: [AuthEntry] = []

    init(in folder: TemporaryFolder, seed: UInt64) throws {
        var configuration = KeyValueStore.Configuration()
        configuration.isCheckpointed = true
        store = KeyValueStore(configuration: configuration)
        random = SeededRandom(seed: seed)
        tables = try Tables(path: folder.file("db"), tables: Self.tables)
    }

    /// Transactions with puts, deletes and leases, checkpoints between them.
    mutating func fill(_ transactions: Int, keys: Int, longestValue: Int) throws {
        var leases = store.leaseIDs()
        while leases.count < 12 {
            let id = LeaseID(Int64.random(in: 1 ... .max, using: &random))
            _ = try store.grantLease(id: id, ttlSeconds: Int64.random(in: 5000...90_000, using: &random), now: .zero)
            leases.append(id)
        }
        for _ in 0..<transactions {
            var request = TxnRequest()
            for number in Set(
                (0..<Int.random(in: 1...4, using: &random)).map { _ in
                    Int.random(in: 0..<keys, using: &random)
                }
            ).sorted() {
                let key = bytes("key/\(number)")
                if Int.random(in: 0..<5, using: &random) == 0 {
                    request.success.append(.deleteRange(DeleteRangeRequest(key: key)))
                } else {
                    let count = Int.random(in: 0...longestValue, using: &random)
                    let value = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                    let isLeased = Int.random(in: 0..<4, using: &random) == 0
                    let lease = isLeased ? leases.randomElement(using: &random) ?? .none : .none
                    request.success.append(.put(PutRequest(key: key, value: value, lease: lease)))
                }
            }
            _ = try store.txn(request)
        }
        try checkpoint()
    }

    /// - Parameter limit: changes that are looked at; the rest of the removal is left for later.
    mutating func compact(_ revision: Int64, limit: Int = .max) throws {
        _ = try store.compact(CompactionRequest(revision: revision))
        store.reclaimCompacted(limit: limit)
        try checkpoint()
    }

    mutating func checkpoint() throws {
        index += 1
        let checkpoint = store.beginCheckpoint(applied: AppliedPosition(index: LogIndex(index), term: Term(3)))
        var batch = TableBatch()
        checkpoint.encode(into: &batch)
        let id = MemberID(Self.member)
        ClusterState(
            founding: [MemberContext(member: id, peerURLs: ["http://localhost:2380"])],
            alarms: [Alarm(.noSpace, of: MemberID(77))]
        ).add(to: &batch)
        if !authEntries.isEmpty { try AuthRecords.add(authEntries, to: &batch) }
        try tables.write(batch)
        store.endCheckpoint(isWritten: true)
    }

    /// The snapshot's pieces, as a client gets them.
    func pieces(in folder: TemporaryFolder) throws -> [[UInt8]] {
        var source = try SnapshotSource(of: tables, spoolingTo: folder.file("spool"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("spool")))
        var pieces: [[UInt8]] = []
        var remaining = source.fileByteCount
        while let piece = try source.next() {
            pieces.append(piece)
            if source.remainingByteCount != remaining { remaining -= UInt64(piece.count) }
            #expect(source.remainingByteCount == remaining)
        }
        #expect(remaining == 0)
        return pieces
    }
}

/// A user with a role, and whether that counts, as a store holds them.
func someUsers(enabled: Bool) -> [AuthEntry] {
    var auth = BackendAuth()
    auth.isEnabled = enabled
    auth.revision = 12
    auth.users = [
        BackendUser(name: bytes("alice"), passwordHash: bytes("$2a$10$hash"), roles: ["reader"]),
        BackendUser(name: bytes("root"), passwordHash: [], roles: ["root"], hasNoPassword: true),
    ]
    auth.roles = [
        BackendRole(name: bytes("reader"), permissions: [.init(kind: .read, key: bytes("k"), rangeEnd: bytes("l"))]),
        BackendRole(name: bytes("root"), permissions: []),
    ]
    return entries(of: auth)
}

func entries(of auth: BackendAuth) -> [AuthEntry] {
    auth.stored.compactMap { stored in
        AuthEntryKey.Bucket(rawValue: stored.bucket.rawValue).flatMap { AuthEntryKey(bucket: $0, bytes: stored.key) }
            .map { AuthEntry($0, value: stored.value) }
    }
}

/// Writes a snapshot of hand-made parts.
func snapshot(
    _ contents: EtcdSnapshotContents, _ revisions: [BackendRevision], _ leases: [BackendLease] = []
) throws -> [UInt8] {
    var plan = try EtcdSnapshotPlan(contents)
    for revision in revisions { try plan.add(revision) }
    for lease in leases { try plan.add(lease) }
    var stream = try EtcdSnapshotStream(
        plan.finish(), revisions: revisions.makeIterator(), leases: leases.makeIterator())
    var result: [UInt8] = []
    while let chunk = try stream.next() { result += chunk }
    return result
}

func write(_ bytes: [UInt8], to path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

/// A restored folder, read as a member does when it starts.
struct RestoredMember {
    var state: RestoredState
    var log: WALRecovery
    var replica: Replica

    init(_ restore: SnapshotRestore) throws {
        let tables = try Tables(path: restore.dataPath + "/member/tables/db", tables: TestStore.tables)
        defer { tables.close() }
        let configuration = ReplicaConfiguration(
            member: MemberID(restore.memberID), name: "default", clientURLs: [], peerURLs: [], seed: 1)
        var restorer = ReplicaRestorer(configuration)
        try tables.read(until: nil) { reader in
            for table in TestStore.tables {
                try reader.forEach(in: table) { key, value in
                    try restorer.load(key, value)
                    return true
                }
            }
        }
        let moment = Moment(monotonic: .zero, wallMilliseconds: 1_700_000_000_000)
        state = try restorer.finish(at: moment)
        let folder = LogFolder(
            files: PosixFileSystem(), path: restore.logPath ?? restore.dataPath + "/member/wal")
        log = try folder.read(after: state.applied.index).recovery
        replica = try Replica(configuration, restoring: state, log: log, at: moment)
    }

    var store: KeyValueStore { state.store }
}

extension SnapshotRestore {
    /// The only member of a cluster.
    init(to path: String) {
        self.init(
            memberID: TestStore.member, clusterID: 0xcdf8_1819_4e3a_8c32,
            members: [Member(id: TestStore.member, name: "default", peerURLs: ["http://localhost:2380"])],
            dataPath: path)
    }
}

extension KeyValueStore {
    /// Everything at a revision.
    func all(at revision: Int64) throws(KeyValueError) -> [KeyValueRecord] {
        var request = RangeRequest(key: [0], rangeEnd: [0])
        request.revision = revision
        return try range(request).records
    }
}

/// Expects that two stores answer the same, whatever is asked.
func expectEqual(_ left: KeyValueStore, _ right: KeyValueStore) throws {
    #expect(left.revision == right.revision)
    #expect(left.compactRevision == right.compactRevision)
    for revision in stride(from: max(left.compactRevision, 1), through: left.revision, by: 7) {
        let (old, new) = (try left.all(at: revision), try right.all(at: revision))
        #expect(old == new)
    }
    #expect(try left.all(at: 0) == right.all(at: 0))
    if left.compactRevision > 1 {
        #expect(throws: KeyValueError.compacted) { try right.all(at: left.compactRevision - 1) }
    }
    #expect(left.leaseIDs() == right.leaseIDs())
    for id in left.leaseIDs() {
        let (old, new) = (
            left.leaseStatus(id, now: .zero, includingKeys: true),
            right.leaseStatus(id, now: .zero, includingKeys: true)
        )
        #expect(old?.grantedSeconds == new?.grantedSeconds)
        #expect(old?.keys == new?.keys)
    }
}
