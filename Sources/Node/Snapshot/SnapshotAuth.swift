// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletEtcdSnapshot
import MartletReplica
import MartletStorage

/// Users, roles and whether they count, between a member's tables and etcd's snapshot: the entries are the same.
enum SnapshotAuth {
    /// What etcd stores before anything is changed.
    private static let firstRevision: UInt64 = 1

    static func read(_ reader: borrowing TableReader) throws -> BackendAuth {
        var auth = BackendAuth()
        var records = AuthRecords()
        try reader.forEach(in: AuthRecords.table) { key, value in
            let entry = try records.load(key, value)
            let bucket: BackendBucket =
                switch entry.key.bucket {
                case .settings: .auth
                case .roles: .authRoles
                case .users: .authUsers
                }
            try auth.add(bucket, key: entry.key.bytes, value: entry.value)
            return true
        }
        auth.revision = auth.revision ?? firstRevision
        return auth
    }

    static func add(_ auth: BackendAuth, to batch: inout TableBatch) throws(SnapshotError) {
        var entries: [AuthEntry] = []
        for stored in auth.stored {
            let bucket: AuthEntryKey.Bucket =
                switch stored.bucket {
                case .authRoles: .roles
                case .authUsers: .users
                default: .settings
                }
            guard let key = AuthEntryKey(bucket: bucket, bytes: stored.key) else { continue }
            entries.append(AuthEntry(key, value: stored.value))
        }
        do throws(AuthEntryError) {
            try AuthRecords.add(entries, to: &batch)
        } catch {
            let name = String(decoding: error.key.bytes, as: UTF8.self)
            throw SnapshotError(.snapshot, "bucket \(error.key.bucket.rawValue): \(name) is \(error.reason)")
        }
    }
}
