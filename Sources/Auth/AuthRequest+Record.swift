// SPDX-License-Identifier: Apache-2.0

/// The form of requests in the log: one field of etcd's `InternalRaftRequest`, the message of the API inside.
///
///     1000 AuthEnable   1011 AuthDisable   1012 InternalAuthenticate {name=1 simple_token=3}   1013 AuthStatus
///     1100 UserAdd {name=1 options=3{no_password=1} hashedPassword=4}
///     1101 UserDelete {name=1}   1102 UserGet {name=1}   1103 ChangePassword {name=1 hashedPassword=3}
///     1104 UserGrantRole {user=1 role=2}   1105 UserRevokeRole {name=1 role=2}   1106 UserList   1107 RoleList
///     1200 RoleAdd {name=1}   1201 RoleDelete {role=1}   1202 RoleGet {role=1}
///     1203 RoleGrantPermission {name=1 perm=2}   1204 RoleRevokePermission {role=1 key=2 range_end=3}
///
/// Plain passwords never get here; etcd before 3.5 logged them, and such a field is not read.
extension AuthRequest {
    /// The number of the field.
    public var recordField: UInt64 {
        switch self {
        case .enable: 1000
        case .disable: 1011
        case .authenticate: 1012
        case .status: 1013
        case .userAdd: 1100
        case .userDelete: 1101
        case .userGet: 1102
        case .userChangePassword: 1103
        case .userGrantRole: 1104
        case .userRevokeRole: 1105
        case .userList: 1106
        case .roleList: 1107
        case .roleAdd: 1200
        case .roleDelete: 1201
        case .roleGet: 1202
        case .roleGrantPermission: 1203
        case .roleRevokePermission: 1204
        }
    }

    /// The message inside the field.
    public var recordBytes: [UInt8] {
        var writer = FieldWriter()
        switch self {
        case .enable, .disable, .status, .userList, .roleList: break
        case .authenticate(let name, let simpleToken):
            writer.put(name.bytes, as: 1)
            writer.put(Array(simpleToken.utf8), as: 3)
        case .userAdd(let name, let hash, let options):
            writer.put(name.bytes, as: 1)
            if let options { writer.put(AuthProtobuf.encode(options), as: 3, evenIfEmpty: true) }
            writer.put(Array(hash.utf8), as: 4)
        case .userChangePassword(let name, let hash):
            writer.put(name.bytes, as: 1)
            writer.put(Array(hash.utf8), as: 3)
        case .userDelete(let name), .userGet(let name), .roleAdd(let name), .roleDelete(let name),
            .roleGet(let name):
            writer.put(name.bytes, as: 1)
        case .userGrantRole(let user, let role), .userRevokeRole(let user, let role):
            writer.put(user.bytes, as: 1)
            writer.put(role.bytes, as: 2)
        case .roleGrantPermission(let name, let permission):
            writer.put(name.bytes, as: 1)
            if let permission { writer.put(AuthProtobuf.encode(permission), as: 2, evenIfEmpty: true) }
        case .roleRevokePermission(let role, let key, let rangeEnd):
            writer.put(role.bytes, as: 1)
            writer.put(key, as: 2)
            writer.put(rangeEnd, as: 3)
        }
        return writer.bytes
    }

    /// Reads a field of a record. Nil: the number is none of ours, or the bytes are no such message. Fields that the
    /// message does not know are skipped.
    public init?(recordField: UInt64, bytes: [UInt8]) {
        var parts: [UInt64: [UInt8]] = [:]
        var reader = FieldReader(bytes[...])
        while let field = reader.next() {
            if case .bytes(let number, let value) = field { parts[number] = Array(value) }
        }
        guard reader.isAtEnd else { return nil }
        let first = AuthName(bytes: parts[1] ?? [])
        let second = AuthName(bytes: parts[2] ?? [])
        func text(_ number: UInt64) -> String { String(decoding: parts[number] ?? [], as: UTF8.self) }
        switch recordField {
        case 1000: self = .enable
        case 1011: self = .disable
        case 1012: self = .authenticate(name: first, simpleToken: text(3))
        case 1013: self = .status
        case 1100:
            var options: AuthUser.Options?
            if let bytes = parts[3] {
                guard let decoded = AuthProtobuf.decodeOptions(bytes[...]) else { return nil }
                options = decoded
            }
            self = .userAdd(name: first, hash: text(4), options: options)
        case 1101: self = .userDelete(name: first)
        case 1102: self = .userGet(name: first)
        case 1103: self = .userChangePassword(name: first, hash: text(3))
        case 1104: self = .userGrantRole(user: first, role: second)
        case 1105: self = .userRevokeRole(name: first, role: second)
        case 1106: self = .userList
        case 1107: self = .roleList
        case 1200: self = .roleAdd(name: first)
        case 1201: self = .roleDelete(role: first)
        case 1202: self = .roleGet(role: first)
        case 1203:
            var permission: AuthPermission?
            if let bytes = parts[2] {
                guard let decoded = AuthProtobuf.decodePermission(bytes[...]) else { return nil }
                permission = decoded
            }
            self = .roleGrantPermission(name: first, permission: permission)
        case 1204: self = .roleRevokePermission(role: first, key: parts[2] ?? [], rangeEnd: parts[3] ?? [])
        default: return nil
        }
    }
}
