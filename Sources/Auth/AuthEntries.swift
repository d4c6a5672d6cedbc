// SPDX-License-Identifier: Apache-2.0

/// The name of one stored entry: etcd's buckets and the keys in them.
///
///     bucket     key            value
///     auth       authEnabled    one byte, 1 or 0
///     auth       authRevision   8 bytes, big-endian
///     authUsers  the name       authpb.User
///     authRoles  the name       authpb.Role
///
/// Source: etcd server/storage/schema.
public enum AuthEntryKey: Hashable, Sendable {
    case enabled
    case revision
    case user(AuthName)
    case role(AuthName)

    public enum Bucket: String, Hashable, Sendable, CaseIterable {
        case settings = "auth"
        case roles = "authRoles"
        case users = "authUsers"
    }

    public var bucket: Bucket {
        switch self {
        case .enabled, .revision: .settings
        case .user: .users
        case .role: .roles
        }
    }

    /// The key inside its bucket.
    public var bytes: [UInt8] {
        switch self {
        case .enabled: Array("authEnabled".utf8)
        case .revision: Array("authRevision".utf8)
        case .user(let name), .role(let name): name.bytes
        }
    }

    /// Nil for a key that the bucket does not know.
    public init?(bucket: Bucket, bytes: [UInt8]) {
        switch bucket {
        case .users: self = .user(AuthName(bytes: bytes))
        case .roles: self = .role(AuthName(bytes: bytes))
        case .settings:
            switch String(decoding: bytes, as: UTF8.self) {
            case "authEnabled": self = .enabled
            case "authRevision": self = .revision
            default: return nil
            }
        }
    }
}

public struct AuthEntry: Hashable, Sendable {
    public var key: AuthEntryKey
    public var value: [UInt8]

    public init(_ key: AuthEntryKey, value: [UInt8]) {
        self.key = key
        self.value = value
    }
}

/// A stored entry that can't be read.
public struct AuthEntryError: Error, Hashable, Sendable {
    public var key: AuthEntryKey
    public var reason: String

    public init(key: AuthEntryKey, reason: String) {
        self.key = key
        self.reason = reason
    }
}

extension AuthStore {
    /// The whole state, in the order of buckets and keys: the same for equal stores, byte for byte.
    public var entries: [AuthEntry] {
        var keys: [AuthEntryKey] = [.enabled, .revision]
        keys += roles.names.map { .role($0) }
        keys += users.names.map { .user($0) }
        return keys.compactMap { key in value(of: key).map { AuthEntry(key, value: $0) } }
    }

    /// What is stored under `key`; nil if that user or role does not exist, so that its entry must go.
    public func value(of key: AuthEntryKey) -> [UInt8]? {
        switch key {
        case .enabled: [isEnabled ? 1 : 0]
        case .revision: (0..<8).map { UInt8(truncatingIfNeeded: revision >> (56 - 8 * UInt64($0))) }
        case .user(let name): user(name).map(AuthProtobuf.encode)
        case .role(let name): role(name).map(AuthProtobuf.encode)
        }
    }

    /// Far below what a number holds, however often users change behind it.
    public static let maximumRevision: UInt64 = 1 << 62

    /// Reads back what ``entries`` gave, or what etcd stored, in any order. A missing revision is the first, a missing
    /// switch is off.
    public init(restoring entries: [AuthEntry]) throws(AuthEntryError) {
        self.init()
        var restoredUsers: [AuthUser] = []
        for entry in entries {
            switch entry.key {
            case .enabled: isEnabled = entry.value == [1]
            case .revision:
                guard entry.value.count == 8 else {
                    throw AuthEntryError(key: entry.key, reason: "\(entry.value.count) bytes instead of 8")
                }
                let stored = entry.value.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                guard stored < Self.maximumRevision else {
                    throw AuthEntryError(key: entry.key, reason: "a revision of \(stored)")
                }
                revision = max(stored, Self.firstRevision)
            case .user(let name):
                guard let user = AuthProtobuf.decodeUser(entry.value), user.name == name else {
                    throw AuthEntryError(key: entry.key, reason: "not a user of this name")
                }
                restoredUsers.append(user)
            case .role(let name):
                guard let role = AuthProtobuf.decodeRole(entry.value), role.name == name else {
                    throw AuthEntryError(key: entry.key, reason: "not a role of this name")
                }
                roles.set(name, to: role)
            }
        }
        // Permissions are merged only when every role is known.
        for user in restoredUsers { store(user) }
    }
}
