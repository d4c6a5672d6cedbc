// SPDX-License-Identifier: Apache-2.0

/// What a call of the API must show while authentication is on, beside a token that is valid if one is sent.
public enum AuthRequirement: Hashable, Sendable {
    /// Nothing: logging in, health.
    case nothing
    /// Any user.
    case credentials
    /// A user with the role `root`.
    case administrator
    /// What ``AuthStore/authorize(_:as:attachedKeys:)`` says of the request.
    case keys
    /// What it says of a ``LeaseAccess`` for this purpose, and credentials also where no key is attached.
    case lease(LeaseAccess.Purpose)
    /// What ``AuthStore/apply(_:as:)`` says.
    case record

    /// What the method of that path, `package.Service/Method`, takes; nil for a path that the API does not have.
    ///
    /// Three depend on the request: an alarm is raised and lifted by administrators only, a lease's time to live needs
    /// `.lease(.listKeys)` if its keys are asked for, and the lock and election services act on keys in the caller's
    /// name, each step checked as such.
    public static func of(_ path: String) -> AuthRequirement? { table[path] }

    public static var paths: [String] { table.keys.sorted() }

    private static let table: [String: AuthRequirement] = [
        "etcdserverpb.KV/Range": .keys, "etcdserverpb.KV/RangeStream": .keys,
        "etcdserverpb.KV/Put": .keys,
        "etcdserverpb.KV/DeleteRange": .keys,
        "etcdserverpb.KV/Txn": .keys,
        "etcdserverpb.KV/Compact": .administrator,
        "martlet.v1.Store/Transact": .keys,
        "etcdserverpb.Watch/Watch": .keys,
        "etcdserverpb.Lease/LeaseGrant": .credentials,
        "etcdserverpb.Lease/LeaseRevoke": .lease(.control),
        "etcdserverpb.Lease/LeaseKeepAlive": .lease(.control),
        "etcdserverpb.Lease/LeaseTimeToLive": .credentials,
        "etcdserverpb.Lease/LeaseLeases": .lease(.listKeys),
        "etcdserverpb.Cluster/MemberAdd": .administrator,
        "etcdserverpb.Cluster/MemberRemove": .administrator,
        "etcdserverpb.Cluster/MemberUpdate": .administrator,
        "etcdserverpb.Cluster/MemberPromote": .administrator,
        "martlet.v1.Cluster/ReplaceMember": .administrator,
        "etcdserverpb.Cluster/MemberList": .credentials,
        "etcdserverpb.Maintenance/Alarm": .credentials,
        "etcdserverpb.Maintenance/Status": .credentials,
        "etcdserverpb.Maintenance/Defragment": .administrator,
        "etcdserverpb.Maintenance/Hash": .administrator,
        "etcdserverpb.Maintenance/HashKV": .administrator,
        "etcdserverpb.Maintenance/Snapshot": .administrator,
        "etcdserverpb.Maintenance/MoveLeader": .administrator,
        "etcdserverpb.Maintenance/Downgrade": .administrator,
        "etcdserverpb.Auth/Authenticate": .nothing,
        "etcdserverpb.Auth/AuthEnable": .record,
        "etcdserverpb.Auth/AuthDisable": .record,
        "etcdserverpb.Auth/AuthStatus": .record,
        "etcdserverpb.Auth/UserAdd": .record,
        "etcdserverpb.Auth/UserGet": .record,
        "etcdserverpb.Auth/UserList": .record,
        "etcdserverpb.Auth/UserDelete": .record,
        "etcdserverpb.Auth/UserChangePassword": .record,
        "etcdserverpb.Auth/UserGrantRole": .record,
        "etcdserverpb.Auth/UserRevokeRole": .record,
        "etcdserverpb.Auth/RoleAdd": .record,
        "etcdserverpb.Auth/RoleGet": .record,
        "etcdserverpb.Auth/RoleList": .record,
        "etcdserverpb.Auth/RoleDelete": .record,
        "etcdserverpb.Auth/RoleGrantPermission": .record,
        "etcdserverpb.Auth/RoleRevokePermission": .record,
        "v3lockpb.Lock/Lock": .keys,
        "v3lockpb.Lock/Unlock": .keys,
        "v3electionpb.Election/Campaign": .keys,
        "v3electionpb.Election/Proclaim": .keys,
        "v3electionpb.Election/Leader": .keys,
        "v3electionpb.Election/Observe": .keys,
        "v3electionpb.Election/Resign": .keys,
        "grpc.health.v1.Health/Check": .nothing,
        "grpc.health.v1.Health/Watch": .nothing,
    ]
}
