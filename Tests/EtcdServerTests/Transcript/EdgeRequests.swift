// SPDX-License-Identifier: Apache-2.0

/// A request of the transcript. They depend on each other: revisions, leases and watches are those of the requests
/// before.
struct EdgeRequest: Sendable {
    var name: String
    var method: EdgeMethod
    /// In protobuf's text form.
    var text: String

    init(_ name: String, _ method: EdgeMethod, _ text: String = "") {
        self.name = name
        self.method = method
        self.text = text
    }
}

extension EdgeRequest {
    /// Puts that the transcript begins behind: `a` is at its fifth version, the store at revision 6.
    static let setUp = (0...4).map { EdgeRequest("put \($0)", .put, #"key: "a" value: "\#($0)""#) }

    static let all = ranges + writes + transactions + compactions + leases + maintenance + cluster + auth + watches

    private static let ranges = [
        EdgeRequest("range empty key", .range),
        EdgeRequest("range bad sort order", .range, #"key: "a" sort_order: 9"#),
        EdgeRequest("range future rev", .range, #"key: "a" revision: 100"#),
        EdgeRequest("range negative rev", .range, #"key: "a" revision: -5"#),
        EdgeRequest("range end<key", .range, #"key: "b" range_end: "a""#),
        EdgeRequest("range negative limit", .range, #"key: "a" limit: -1"#),
        EdgeRequest("range min_mod filter (count?)", .range, #"key: "a" min_mod_revision: 100"#),
        EdgeRequest("range keys_only", .range, #"key: "a" keys_only: true"#),
        EdgeRequest("range count_only", .range, #"key: "a" count_only: true"#),
    ]

    private static let writes = [
        EdgeRequest("put empty key", .put, #"value: "v""#),
        EdgeRequest("put ignore_value missing key", .put, #"key: "none" ignore_value: true"#),
        EdgeRequest("put ignore_value with value", .put, #"key: "a" value: "v" ignore_value: true"#),
        EdgeRequest("put ignore_lease with lease", .put, #"key: "a" lease: 77 ignore_lease: true"#),
        EdgeRequest("put unknown lease", .put, #"key: "a" lease: 4242"#),
        EdgeRequest("put prev_kv", .put, #"key: "a" value: "prev" prev_kv: true"#),
        EdgeRequest("put value 1.5MiB", .put, put("big", bytes: 1_572_864)),
        // A message of 2,187,274 bytes.
        EdgeRequest("put value 2.1MiB", .put, put("big", bytes: 2_187_264)),
        EdgeRequest("delete empty key", .delete),
        EdgeRequest("delete missing key", .delete, #"key: "none""#),
    ]

    private static func put(_ key: String, bytes count: Int) -> String {
        #"key: "\#(key)" value: "\#(String(repeating: "v", count: count))""#
    }

    private static let transactions = [
        EdgeRequest("txn empty", .txn),
        EdgeRequest("txn dup put", .txn, #"success { request_put { key: "x" } } success { request_put { key: "x" } }"#),
        EdgeRequest(
            "txn put+del overlap", .txn,
            #"success { request_put { key: "x" } } success { request_delete_range { key: "w" range_end: "z" } }"#),
        EdgeRequest(
            "txn del+del overlap", .txn,
            """
            success { request_delete_range { key: "w" range_end: "z" } }
            success { request_delete_range { key: "x" } }
            """),
        EdgeRequest("txn empty op", .txn, "success { }"),
        EdgeRequest("txn 129 ops", .txn, puts(129)),
        EdgeRequest("txn 128 ops", .headOfTxn, puts(128)),
        EdgeRequest(
            "txn nested + read own write", .txn,
            """
            success { request_put { key: "n1" value: "1" } }
            success { request_txn { success { request_put { key: "n2" value: "2" } } } }
            success { request_range { key: "n" range_end: "o" } }
            """),
        EdgeRequest("txn read-only future rev", .txn, #"success { request_range { key: "a" revision: 100 } }"#),
        EdgeRequest(
            "txn write future rev", .txn,
            #"success { request_put { key: "x" } } success { request_range { key: "a" revision: 100 } }"#),
        EdgeRequest(
            "txn cmp value != on missing key", .txn,
            """
            compare { result: NOT_EQUAL target: VALUE key: "none" value: "v" }
            success { request_put { key: "x" } }
            failure { request_range { key: "a" } }
            """),
        EdgeRequest(
            "txn cmp create==0 on missing key", .txn,
            """
            compare { result: EQUAL target: CREATE key: "none" create_revision: 0 }
            success { request_range { key: "a" } }
            failure { request_put { key: "x" } }
            """),
    ]

    private static func puts(_ count: Int) -> String {
        (0..<count).map { #"success { request_put { key: "t\#($0)" value: "v" } }"# }.joined(separator: "\n")
    }

    private static let compactions = [
        EdgeRequest("compact future", .compact, "revision: 100"),
        EdgeRequest("compact 4 physical", .compact, "revision: 4 physical: true"),
        EdgeRequest("compact same rev", .compact, "revision: 4"),
        EdgeRequest("compact 0", .compact),
        EdgeRequest("range compacted", .range, #"key: "a" revision: 3"#),
        EdgeRequest("range at compact rev", .range, #"key: "a" revision: 4"#),
    ]

    private static let leases = [
        EdgeRequest("grant ttl=1 id=77", .grant, "ID: 77 TTL: 1"),
        EdgeRequest("grant dup id", .grant, "ID: 77 TTL: 60"),
        EdgeRequest("grant ttl too large", .grant, "ID: 78 TTL: 9000000001"),
        EdgeRequest("grant ttl -3", .grant, "TTL: -3"),
        EdgeRequest("grant id -9", .grant, "ID: -9 TTL: 60"),
        EdgeRequest("revoke unknown", .revoke, "ID: 4242"),
        EdgeRequest("ttl unknown", .timeToLive, "ID: 4242"),
        EdgeRequest("ttl 77", .timeToLive, "ID: 77"),
        EdgeRequest("leases", .leases),
        EdgeRequest("keepalive unknown", .keepAlive, "ID: 4242"),
    ]

    private static let maintenance = [
        EdgeRequest("status", .status),
        EdgeRequest("hashkv 0", .hashKV),
        EdgeRequest("hashkv compacted", .hashKV, "revision: 3"),
        EdgeRequest("hashkv future", .hashKV, "revision: 100"),
        EdgeRequest("hash", .hash),
        EdgeRequest("alarm get", .alarm),
        EdgeRequest("moveleader bad", .moveLeader, "targetID: 4242"),
        EdgeRequest("defragment", .defragment),
        EdgeRequest("downgrade validate 3.0", .downgrade, #"action: VALIDATE version: "3.0""#),
        EdgeRequest("downgrade validate abc", .downgrade, #"action: VALIDATE version: "abc""#),
        EdgeRequest("downgrade cancel", .downgrade, "action: CANCEL"),
    ]

    private static let cluster = [
        EdgeRequest("member list", .memberList),
        EdgeRequest("member remove unknown", .memberRemove, "ID: 4242"),
        EdgeRequest("member update unknown", .memberUpdate, #"ID: 4242 peerURLs: "http://127.0.0.1:4242""#),
        EdgeRequest("member promote unknown", .memberPromote, "ID: 4242"),
        EdgeRequest("member add bad url", .memberAdd, #"peerURLs: "nonsense""#),
    ]

    private static let auth = [
        EdgeRequest("auth enable no root", .authEnable),
        EdgeRequest("auth status", .authStatus),
        EdgeRequest("authenticate, auth off", .authenticate, #"name: "u" password: "p""#),
        EdgeRequest("user add empty", .userAdd, #"password: "p""#),
        EdgeRequest("user get unknown", .userGet, #"name: "u""#),
        EdgeRequest("role add empty", .roleAdd),
        EdgeRequest("role grant no perm", .roleGrant, #"name: "r""#),
    ]

    /// All on one stream.
    private static let watches = [
        EdgeRequest("watch create rev0", .watch, #"create_request { key: "w" }"#),
        EdgeRequest("watch create id=5", .watch, #"create_request { key: "w" watch_id: 5 }"#),
        EdgeRequest("watch create dup id=5", .watch, #"create_request { key: "w" watch_id: 5 }"#),
        EdgeRequest("watch create empty range", .watch, #"create_request { key: "b" range_end: "a" }"#),
        EdgeRequest("watch create rev -1", .watch, #"create_request { key: "w" start_revision: -1 }"#),
        EdgeRequest("watch create compacted rev", .watch, #"create_request { key: "a" start_revision: 2 }"#),
        EdgeRequest(
            "watch create rev 4 history", .watch, #"create_request { key: "a" start_revision: 4 prev_kv: true }"#),
        EdgeRequest("watch create future rev", .watch, #"create_request { key: "a" start_revision: 100 }"#),
        EdgeRequest("watch progress with a future-rev watcher", .watch, "progress_request { }"),
    ]
}
