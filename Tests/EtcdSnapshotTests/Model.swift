// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdSnapshot
import MartletKeyValue

/// The plainest key-value store with a history: what a snapshot is made of, and what a server must say of it.
struct Model {
    private(set) var revisions: [BackendRevision] = []
    private(set) var revision: Int64 = 1
    var leases: [BackendLease] = []
    private var live: [[UInt8]: KeyValueRecord] = [:]
    private(set) var compacted: Int64 = 0

    enum Change {
        case put([UInt8], [UInt8], lease: LeaseID)
        case delete([UInt8])
    }

    /// One transaction. Deletes of absent keys change nothing.
    mutating func apply(_ changes: [Change]) {
        let main = revision + 1
        var sub: Int64 = 0
        for change in changes {
            switch change {
            case .put(let key, let value, let lease):
                var record =
                    live[key]
                    ?? KeyValueRecord(
                        key: key, createRevision: main, modRevision: main, version: 0, value: [])
                record.modRevision = main
                record.version += 1
                record.value = value
                record.lease = lease
                live[key] = record
                revisions.append(BackendRevision(revision: Revision(main: main, sub: sub), record: record))
            case .delete(let key):
                guard live.removeValue(forKey: key) != nil else { continue }
                let tombstone = KeyValueRecord.tombstone(key: key, modRevision: main)
                revisions.append(
                    BackendRevision(
                        revision: Revision(main: main, sub: sub), record: tombstone, isTombstone: true))
            }
            sub += 1
        }
        if sub > 0 { revision = main }
    }

    /// Keeps of each key its newest version up to `main`, if that is no tombstone, and all later ones.
    mutating func compact(_ main: Int64) {
        var newest: [[UInt8]: Revision] = [:]
        for entry in revisions where entry.revision.main <= main { newest[entry.record.key] = entry.revision }
        revisions = revisions.filter { entry in
            entry.revision.main > main
                || newest[entry.record.key] == entry.revision && (!entry.isTombstone || entry.revision.main == main)
        }
        compacted = main
    }

    /// What a range over everything at a revision gives.
    func state(at main: Int64) -> [KeyValueRecord] { Self.state(of: revisions, at: main) }

    static func state(of revisions: [BackendRevision], at main: Int64) -> [KeyValueRecord] {
        var live: [[UInt8]: KeyValueRecord] = [:]
        for entry in revisions where entry.revision.main <= main {
            live[entry.record.key] = entry.isTombstone ? nil : entry.record
        }
        return live.values.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }

    static func random(transactions: Int, keys: Int, values: ClosedRange<Int>, seed: UInt64) -> Model {
        var random = SeededRandom(seed: seed)
        var model = Model()
        var ids: Set<Int64> = []
        while ids.count < 20 { ids.insert(Int64.random(in: 1...Int64.max, using: &random)) }
        model.leases = ids.sorted().map {
            BackendLease(id: LeaseID($0), ttlSeconds: Int64.random(in: 5000...90_000, using: &random))
        }
        for _ in 0..<transactions {
            var changes: [Change] = []
            var touched: Set<Int> = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let number = Int.random(in: 0..<keys, using: &random)
                // etcd refuses two changes of one key in one transaction.
                guard touched.insert(number).inserted else { continue }
                let key = bytes("key/\(number)")
                if Int.random(in: 0..<5, using: &random) == 0 {
                    changes.append(.delete(key))
                } else {
                    let count = Int.random(in: values, using: &random)
                    let value = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                    let isLeased = Int.random(in: 0..<4, using: &random) == 0
                    let lease = isLeased ? model.leases.randomElement(using: &random)!.id : .none
                    changes.append(.put(key, value, lease: lease))
                }
            }
            model.apply(changes)
        }
        return model
    }

    /// What goes into the file beside revisions and leases.
    func contents(member: UInt64 = 0x8e9e_05c5_2164_694d) -> EtcdSnapshotContents {
        var contents = EtcdSnapshotContents()
        contents.meta.consistentIndex = LogIndex(UInt64(revision) + 4)
        contents.meta.term = Term(2)
        contents.meta.confState = BackendConfState(voters: [member])
        if compacted > 0 {
            contents.meta.scheduledCompaction = Revision(main: compacted)
            contents.meta.finishedCompaction = Revision(main: compacted)
        }
        contents.members = [
            BackendMember(
                id: member, name: "default", peerURLs: ["http://localhost:2380"],
                clientURLs: ["http://localhost:2379"])
        ]
        contents.auth.revision = 1
        return contents
    }
}
