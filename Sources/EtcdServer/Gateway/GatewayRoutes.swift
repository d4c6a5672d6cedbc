// SPDX-License-Identifier: Apache-2.0

/// Which method answers which path of the gateway.
enum GatewayRoutes {
    /// gRPC paths by the paths of HTTP.
    static let methods: [String: String] = {
        var methods: [String: String] = [:]
        for service in services {
            for (path, method) in service.methods { methods["/v3/\(path)"] = "/\(service.name)/\(method)" }
        }
        return methods
    }()

    private static let services: [(name: String, methods: [(path: String, method: String)])] = [
        (
            "etcdserverpb.KV",
            [
                ("kv/range", "Range"), ("kv/put", "Put"), ("kv/deleterange", "DeleteRange"), ("kv/txn", "Txn"),
                ("kv/compaction", "Compact"),
            ]
        ),
        ("etcdserverpb.Watch", [("watch", "Watch")]),
        (
            // Some also have the paths of their first releases.
            "etcdserverpb.Lease",
            [
                ("lease/grant", "LeaseGrant"), ("lease/keepalive", "LeaseKeepAlive"),
                ("lease/revoke", "LeaseRevoke"), ("kv/lease/revoke", "LeaseRevoke"),
                ("lease/timetolive", "LeaseTimeToLive"), ("kv/lease/timetolive", "LeaseTimeToLive"),
                ("lease/leases", "LeaseLeases"), ("kv/lease/leases", "LeaseLeases"),
            ]
        ),
        (
            "etcdserverpb.Cluster",
            [
                ("cluster/member/add", "MemberAdd"), ("cluster/member/remove", "MemberRemove"),
                ("cluster/member/update", "MemberUpdate"), ("cluster/member/list", "MemberList"),
                ("cluster/member/promote", "MemberPromote"),
            ]
        ),
        (
            "etcdserverpb.Maintenance",
            [
                ("maintenance/alarm", "Alarm"), ("maintenance/status", "Status"),
                ("maintenance/defragment", "Defragment"), ("maintenance/hash", "Hash"),
                ("maintenance/hashkv", "HashKV"), ("maintenance/snapshot", "Snapshot"),
                ("maintenance/transfer-leadership", "MoveLeader"), ("maintenance/downgrade", "Downgrade"),
            ]
        ),
        (
            "etcdserverpb.Auth",
            [
                ("auth/enable", "AuthEnable"), ("auth/disable", "AuthDisable"), ("auth/status", "AuthStatus"),
                ("auth/authenticate", "Authenticate"), ("auth/user/add", "UserAdd"), ("auth/user/get", "UserGet"),
                ("auth/user/list", "UserList"), ("auth/user/delete", "UserDelete"),
                ("auth/user/changepw", "UserChangePassword"), ("auth/user/grant", "UserGrantRole"),
                ("auth/user/revoke", "UserRevokeRole"), ("auth/role/add", "RoleAdd"), ("auth/role/get", "RoleGet"),
                ("auth/role/list", "RoleList"), ("auth/role/delete", "RoleDelete"),
                ("auth/role/grant", "RoleGrantPermission"), ("auth/role/revoke", "RoleRevokePermission"),
            ]
        ),
        ("v3lockpb.Lock", [("lock/lock", "Lock"), ("lock/unlock", "Unlock")]),
        (
            "v3electionpb.Election",
            [
                ("election/campaign", "Campaign"), ("election/proclaim", "Proclaim"), ("election/leader", "Leader"),
                ("election/observe", "Observe"), ("election/resign", "Resign"),
            ]
        ),
    ]
}
