// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue

/// Where users, roles and settings of authentication stand in the checkpoint, and what the next one must bring.
///
///     table    object        value
///     6        a number      kind 1 byte, name as a count and its bytes, then what etcd stores under that name
///
/// Kinds are 1 the switch, 2 the revision, 3 a user, 4 a role; the first two have no name. Numbers are given in the
/// order in which names first change, and a name keeps its number while it is in the checkpoint. They are this member's
/// own, and nothing shows them.
struct AuthTable: Sendable {
    static let id = TableID(6)

    /// One record of a checkpoint: a value to put, `nil` to remove.
    struct Change: Sendable {
        var key: TableKey
        var value: [UInt8]?
    }

    private var numbers: [AuthEntryKey: UInt64] = [:]
    private var next: UInt64 = 1
    /// Changed since the last checkpoint began, in order.
    private var dirty: [AuthEntryKey] = []
    private var underway: [AuthEntryKey] = []
    private var dirtyBytes = 0
    private var underwayBytes = 0

    init() {}

    /// What a change takes until a checkpoint holds it. A removal has no value; its name stays here for so long.
    private static let changeBytes = 128

    /// Bytes of changes that no written checkpoint holds.
    var byteCount: Int { dirtyBytes + underwayBytes }

    mutating func note(_ changes: [AuthEntryKey], in store: AuthStore) {
        for key in changes {
            dirty.append(key)
            dirtyBytes += Self.changeBytes + (store.value(of: key)?.count ?? 0)
        }
    }

    /// Complexity: O(changes · log users).
    mutating func beginCheckpoint(of store: AuthStore) -> [Change] {
        var seen: Set<AuthEntryKey> = []
        underway = dirty.filter { seen.insert($0).inserted }
        dirty = []
        (underwayBytes, dirtyBytes) = (dirtyBytes, 0)
        return underway.map { key in
            let value = store.value(of: key).map { Self.encode(key, $0) }
            return Change(key: TableKey(Self.id, object: number(of: key)), value: value)
        }
    }

    mutating func endCheckpoint(isWritten: Bool, of store: AuthStore) {
        if isWritten {
            let again = Set(dirty)
            for key in underway where store.value(of: key) == nil && !again.contains(key) { numbers[key] = nil }
        } else {
            dirty = underway + dirty
            dirtyBytes += underwayBytes
        }
        (underway, underwayBytes) = ([], 0)
    }

    private mutating func number(of key: AuthEntryKey) -> UInt64 {
        if let known = numbers[key] { return known }
        defer { next += 1 }
        numbers[key] = next
        return next
    }

    // MARK: Records

    private static func encode(_ key: AuthEntryKey, _ value: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        let (kind, name): (UInt8, AuthName?) =
            switch key {
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
        return bytes + value
    }

    private static func decode(_ bytes: RawSpan) -> AuthEntry? {
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

    /// Takes the next record of a checkpoint; they come with rising numbers.
    mutating func load(_ key: TableKey, _ value: RawSpan) throws(CheckpointError) -> AuthEntry {
        guard let entry = Self.decode(value) else { throw .unreadable(key) }
        guard key.id == 0, key.object >= next, key.object < .max, numbers[entry.key] == nil else {
            throw .inconsistent(key)
        }
        numbers[entry.key] = key.object
        next = key.object + 1
        return entry
    }

    /// Where a restored entry stands.
    func key(of entry: AuthEntryKey) -> TableKey { TableKey(Self.id, object: numbers[entry] ?? 0) }
}

extension AuthStore {
    /// Adds everything that two equal stores share, in one order.
    func digest(into bytes: inout [UInt8]) {
        for entry in entries {
            for part in [Array(entry.key.bucket.rawValue.utf8), entry.key.bytes, entry.value] {
                Varint.append(UInt64(part.count), to: &bytes)
                bytes += part
            }
        }
    }
}
