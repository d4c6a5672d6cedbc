// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdSnapshot
import MartletStorage

/// Users, roles and whether they count, between a member's tables and etcd's snapshot.
enum SnapshotAuth {
    static func read(_ reader: borrowing TableReader) throws -> BackendAuth {
        var auth = BackendAuth()
        auth.revision = 1
        return auth
    }

    /// - Throws: `.refused` for users or roles: a member that forgot them would let everybody in.
    static func add(_ auth: BackendAuth, to batch: inout TableBatch) throws(SnapshotError) {
        guard auth.users.isEmpty, auth.roles.isEmpty, auth.isEnabled != true else {
            throw SnapshotError(.refused, "the snapshot holds users or roles, which this version can't restore")
        }
    }
}
