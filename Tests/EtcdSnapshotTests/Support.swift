// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import MartletKeyValue
import MartletSnapshotStream
import Testing

/// The seed of a random test: from MARTLET_SEED, else a fixed one, so that a run repeats. Prints it.
func testSeed(_ test: String) -> UInt64 {
    let seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A snapshot that a real etcd gave.
func fixture(_ name: String) throws -> [UInt8] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
    return [UInt8](try Data(contentsOf: folder.appending(path: name)))
}

typealias Reader = EtcdSnapshotReader<BoltMemoryImage>

extension EtcdSnapshotReader {
    func allRevisions() throws(EtcdSnapshotError) -> [BackendRevision] {
        var cursor = try revisions()
        var result: [BackendRevision] = []
        while let revision = try cursor.next() { result.append(revision) }
        return result
    }

    func allLeases() throws(EtcdSnapshotError) -> [BackendLease] {
        var cursor = try leases()
        var result: [BackendLease] = []
        while let lease = try cursor.next() { result.append(lease) }
        return result
    }
}

/// Both passes, and the whole snapshot's bytes.
func snapshot(
    _ contents: EtcdSnapshotContents, _ revisions: [BackendRevision], _ leases: [BackendLease]
) throws(EtcdSnapshotError) -> [UInt8] {
    var stream = try stream(contents, revisions, leases)
    var result: [UInt8] = []
    while let chunk = try stream.next() { result += chunk }
    return result
}

func stream(
    _ contents: EtcdSnapshotContents, _ revisions: [BackendRevision], _ leases: [BackendLease],
    chunkByteCount: Int = etcdSnapshotChunkByteCount
) throws(EtcdSnapshotError) -> EtcdSnapshotStream<
    IndexingIterator<[BackendRevision]>, IndexingIterator<[BackendLease]>
> {
    var plan = try EtcdSnapshotPlan(contents)
    for revision in revisions { try plan.add(revision) }
    for lease in leases { try plan.add(lease) }
    return try EtcdSnapshotStream(
        plan.finish(), revisions: revisions.makeIterator(), leases: leases.makeIterator(),
        chunkByteCount: chunkByteCount)
}

/// Every bucket's raw entries.
func rawBuckets(_ snapshot: [UInt8]) throws -> [String: [[UInt8]: [UInt8]]] {
    let reader = try BoltReader(BoltMemoryImage(snapshot))
    var result: [String: [[UInt8]: [UInt8]]] = [:]
    var root = reader.cursor(in: reader.root)
    while let named = try root.next() {
        guard case .bucket(let bucket) = named.content else { continue }
        var entries: [[UInt8]: [UInt8]] = [:]
        var cursor = reader.cursor(in: bucket)
        while let entry = try cursor.next() {
            guard case .value(let value) = entry.content else { continue }
            entries[entry.key] = value
        }
        result[text(named.key)] = entries
    }
    return result
}
