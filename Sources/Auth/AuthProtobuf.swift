// SPDX-License-Identifier: Apache-2.0

/// `authpb.User` and `authpb.Role` as bytes, as etcd's encoder lays them out: fields in the order of their numbers,
/// empty ones left out, a present message written even when it is empty.
///
///     User        name=1 bytes, password=2 bytes, roles=3 repeated string, options=4 {no_password=1 bool}
///     Role        name=1 bytes, keyPermission=2 repeated Permission
///     Permission  permType=1 enum, key=2 bytes, range_end=3 bytes
enum AuthProtobuf {
    static func encode(_ user: AuthUser) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(user.name.bytes, as: 1)
        writer.put(user.passwordHash, as: 2)
        for role in user.roles { writer.put(role.bytes, as: 3, evenIfEmpty: true) }
        if let options = user.options { writer.put(encode(options), as: 4, evenIfEmpty: true) }
        return writer.bytes
    }

    static func encode(_ options: AuthUser.Options) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(options.noPassword ? 1 : 0, as: 1)
        return writer.bytes
    }

    static func encode(_ role: AuthRole) -> [UInt8] {
        var writer = FieldWriter()
        writer.put(role.name.bytes, as: 1)
        for permission in role.permissions { writer.put(encode(permission), as: 2, evenIfEmpty: true) }
        return writer.bytes
    }

    static func encode(_ permission: AuthPermission) -> [UInt8] {
        var writer = FieldWriter()
        // A negative number takes ten bytes, as the wire format has it.
        writer.put(UInt64(bitPattern: Int64(permission.kind.rawValue)), as: 1)
        writer.put(permission.key, as: 2)
        writer.put(permission.rangeEnd, as: 3)
        return writer.bytes
    }

    /// Nil for bytes that are no such message. Roles come sorted, whatever order they were stored in.
    static func decodeUser(_ bytes: [UInt8]) -> AuthUser? {
        var user = AuthUser(name: "", options: nil)
        var reader = FieldReader(bytes[...])
        while let field = reader.next() {
            switch field {
            case .bytes(1, let value): user.name = AuthName(bytes: Array(value))
            case .bytes(2, let value): user.passwordHash = Array(value)
            case .bytes(3, let value): user.roles.append(AuthName(bytes: Array(value)))
            case .bytes(4, let value):
                guard let options = decodeOptions(value) else { return nil }
                user.options = options
            case .bytes, .number, .skipped: break
            }
        }
        guard reader.isAtEnd else { return nil }
        user.roles.sort()
        return user
    }

    /// Nil for bytes that are no such message.
    static func decodeRole(_ bytes: [UInt8]) -> AuthRole? {
        var role = AuthRole(name: "")
        var reader = FieldReader(bytes[...])
        while let field = reader.next() {
            switch field {
            case .bytes(1, let value): role.name = AuthName(bytes: Array(value))
            case .bytes(2, let value):
                guard let permission = decodePermission(value) else { return nil }
                role.permissions.append(permission)
            case .bytes, .number, .skipped: break
            }
        }
        return reader.isAtEnd ? role : nil
    }

    /// Nil for bytes that are no such message.
    static func decodeOptions(_ bytes: ArraySlice<UInt8>) -> AuthUser.Options? {
        var options = AuthUser.Options()
        var reader = FieldReader(bytes)
        while let field = reader.next() {
            if case .number(1, let flag) = field { options.noPassword = flag != 0 }
        }
        return reader.isAtEnd ? options : nil
    }

    /// Nil for bytes that are no such message.
    static func decodePermission(_ bytes: ArraySlice<UInt8>) -> AuthPermission? {
        var permission = AuthPermission(.read, key: [])
        var reader = FieldReader(bytes)
        while let field = reader.next() {
            switch field {
            case .number(1, let kind): permission.kind = .init(rawValue: Int32(truncatingIfNeeded: kind))
            case .bytes(2, let value): permission.key = Array(value)
            case .bytes(3, let value): permission.rangeEnd = Array(value)
            case .bytes, .number, .skipped: break
            }
        }
        return reader.isAtEnd ? permission : nil
    }
}
