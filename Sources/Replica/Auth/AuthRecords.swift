// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletBasics
package import MartletKeyValue

/// Users, roles and settings of authentication as the checkpoint keeps them.
///
///     table    object               value
///     6        a number from 1      kind 1 byte, name as a count and its bytes, then what etcd stores under that name
///
/// Kinds are 1 the switch, 2 the revision, 3 a user, 4 a role; the first two have no name. A number says nothing but
/// that no two names share it.
package enum AuthRecords {
    package static let table = TableID(6)

    /// Adds the entries to an empty table.
    package static func put(_ entries: [AuthEntry], into batch: inout TableBatch) {
        for (offset, entry) in entries.enumerated() {
            batch.put(TableKey(table, object: UInt64(offset + 1))) { $0 += encode(entry) }
        }
    }

    package static func decode(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) -> AuthEntry {
        guard key.table == table, key.id == 0, key.object > 0, key.object < .max else { throw .foreign(key) }
        guard let entry = entry(value) else { throw .unreadable(key) }
        return entry
    }

    static func encode(_ entry: AuthEntry) -> [UInt8] {
        var bytes: [UInt8] = []
        let (kind, name): (UInt8, AuthName?) =
            switch entry.key {
            case .enabled: (1, nil)
            case .revision: (2, nil)
            case .user(let name): (3, name)
            case .role(let name): (4, name)
            }
        bytes.append(kind)
        if let name {
            Varint.append(UInt64(name.bytes.count), to: &bytes)
            bytes += name.bytes
        }
        return bytes + entry.value
    }

    private static func entry(_ bytes: RawSpan) -> AuthEntry? {
        guard bytes.byteCount > 0 else { return nil }
        let kind = bytes.unsafeLoad(fromByteOffset: 0, as: UInt8.self)
        var offset = 1
        let key: AuthEntryKey
        switch kind {
        case 1: key = .enabled
        case 2: key = .revision
        case 3, 4:
            guard let count = Varint.read(bytes, at: &offset), count <= UInt64(bytes.byteCount - offset) else {
                return nil
            }
            let end = offset + Int(count)
            let name = AuthName(bytes: [UInt8](copying: bytes.extracting(offset..<end)))
            offset = end
            key = kind == 3 ? .user(name) : .role(name)
        default: return nil
        }
        return AuthEntry(key, value: [UInt8](copying: bytes, from: offset))
    }
}
