// SPDX-License-Identifier: Apache-2.0

/// The buckets `auth`, `authUsers` and `authRoles`.
package struct BackendAuth: Hashable, Sendable {
    /// Nil if authentication was never switched.
    package var isEnabled: Bool?
    /// Nil only in files older than any supported version.
    package var revision: UInt64?
    package var users: [BackendUser] = []
    package var roles: [BackendRole] = []

    package init() {}

    var entries: [BucketEntry] {
        var result: [BucketEntry] = []
        if let isEnabled { result.append((BackendKey.authEnabled, [isEnabled ? 1 : 0])) }
        if let revision { result.append((BackendKey.authRevision, [UInt8](bigEndian: revision))) }
        return result
    }

    /// Every entry of the three buckets, each as it is stored.
    package var stored: [(bucket: BackendBucket, key: [UInt8], value: [UInt8])] {
        entries.map { (.auth, $0.key, $0.value) } + roles.map { (.authRoles, $0.name, $0.bucketValue) }
            + users.map { (.authUsers, $0.name, $0.bucketValue) }
    }

    /// Adds an entry as it is stored; those of other buckets are none of ours.
    package mutating func add(
        _ bucket: BackendBucket, key: [UInt8], value: [UInt8]
    ) throws(EtcdSnapshotError) {
        switch bucket {
        case .auth: try take((key, value))
        case .authRoles: roles.append(try BackendRole((key, value)))
        case .authUsers: users.append(try BackendUser((key, value)))
        default: preconditionFailure("bucket \(bucket.rawValue) holds no users and roles")
        }
    }

    mutating func take(_ entry: BucketEntry) throws(EtcdSnapshotError) {
        if entry.key == BackendKey.authEnabled {
            isEnabled = entry.value == [1]
        } else if entry.key == BackendKey.authRevision {
            guard entry.value.count == 8 else {
                throw EtcdSnapshotError(.damaged, "bucket auth: authRevision has \(entry.value.count) bytes")
            }
            revision = entry.value.bigEndian(at: 0)
        }
    }
}

package struct BackendUser: Hashable, Sendable {
    package var name: [UInt8]
    /// The bcrypt hash as text; empty for a user without a password.
    package var passwordHash: [UInt8]
    package var roles: [String]
    /// Whether the user may only come with a client certificate; nil where the file says nothing.
    package var hasNoPassword: Bool?

    package init(name: [UInt8], passwordHash: [UInt8], roles: [String], hasNoPassword: Bool? = false) {
        self.name = name
        self.passwordHash = passwordHash
        self.roles = roles
        self.hasNoPassword = hasNoPassword
    }

    var bucketValue: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(field: 1, name)
        bytes.append(field: 2, passwordHash)
        for role in roles { bytes.append(always: 3, Array(role.utf8)) }
        if let hasNoPassword {
            var options: [UInt8] = []
            options.append(field: 1, hasNoPassword ? 1 : 0)
            bytes.append(always: 4, options)
        }
        return bytes
    }

    init(_ entry: BucketEntry) throws(EtcdSnapshotError) {
        self.init(name: entry.key, passwordHash: [], roles: [], hasNoPassword: nil)
        var fields = ProtobufFields(entry.value[...], in: .authUsers)
        while let field = try fields.next() {
            switch (field.number, field.value) {
            case (2, .bytes(let bytes)): passwordHash = Array(bytes)
            case (3, .bytes(let bytes)): roles.append(String(decoding: bytes, as: UTF8.self))
            case (4, .bytes(let bytes)):
                var options = ProtobufFields(bytes, in: .authUsers)
                hasNoPassword = false
                while let option = try options.next() {
                    if option.number == 1, case .varint(let flag) = option.value { hasNoPassword = flag != 0 }
                }
            default: break  // The name, which the entry's key says; or a field of a later version.
            }
        }
    }
}

package struct BackendRole: Hashable, Sendable {
    package struct Permission: Hashable, Sendable {
        package enum Kind: UInt64, Sendable {
            case read = 0
            case write = 1
            case readWrite = 2
        }

        package var kind: Kind
        package var key: [UInt8]
        /// As in a range request: empty for one key, a zero byte for all keys from `key` on.
        package var rangeEnd: [UInt8]

        package init(kind: Kind, key: [UInt8], rangeEnd: [UInt8]) {
            self.kind = kind
            self.key = key
            self.rangeEnd = rangeEnd
        }
    }

    package var name: [UInt8]
    package var permissions: [Permission]

    package init(name: [UInt8], permissions: [Permission]) {
        self.name = name
        self.permissions = permissions
    }

    var bucketValue: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(field: 1, name)
        for permission in permissions {
            var content: [UInt8] = []
            content.append(field: 1, Int64(permission.kind.rawValue))
            content.append(field: 2, permission.key)
            content.append(field: 3, permission.rangeEnd)
            bytes.append(always: 2, content)
        }
        return bytes
    }

    init(_ entry: BucketEntry) throws(EtcdSnapshotError) {
        self.init(name: entry.key, permissions: [])
        var fields = ProtobufFields(entry.value[...], in: .authRoles)
        while let field = try fields.next() {
            guard field.number == 2, case .bytes(let bytes) = field.value else { continue }
            permissions.append(try Self.permission(bytes))
        }
    }

    private static func permission(_ bytes: ArraySlice<UInt8>) throws(EtcdSnapshotError) -> Permission {
        var result = Permission(kind: .read, key: [], rangeEnd: [])
        var fields = ProtobufFields(bytes, in: .authRoles)
        while let field = try fields.next() {
            switch (field.number, field.value) {
            case (1, .varint(let number)):
                guard let kind = Permission.Kind(rawValue: number) else {
                    throw EtcdSnapshotError(.damaged, "bucket authRoles: a permission is of kind \(number)")
                }
                result.kind = kind
            case (2, .bytes(let key)): result.key = Array(key)
            case (3, .bytes(let end)): result.rangeEnd = Array(end)
            default: break  // A field of a later version.
            }
        }
        return result
    }
}
