// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import Testing

@Suite struct AuthorizationTests {
    /// `alice` reads `a..<m`, writes `c..<f`, reads and writes `z`.
    let store: AuthStore
    let alice: AuthIdentity

    init() throws {
        store = try AuthStore.populated()
        alice = store.identity("alice")
    }

    private func allows(
        _ request: some KeyAccessing, as identity: AuthIdentity? = nil, attached: [[UInt8]] = []
    ) -> Bool {
        do {
            try store.authorize(request, as: identity ?? alice, attachedKeys: { _ in attached })
            return true
        } catch {
            #expect(error == .permissionDenied)
            return false
        }
    }

    private func put(_ key: String, lease: Int64 = 0, previous: Bool = false) -> PutRequest {
        var request = PutRequest(key: bytes(key), value: [1], lease: LeaseID(lease))
        request.wantsPrevious = previous
        return request
    }

    private func delete(_ key: String, _ end: String = "", previous: Bool = false) -> DeleteRangeRequest {
        var request = DeleteRangeRequest(key: bytes(key), rangeEnd: bytes(end))
        request.wantsPrevious = previous
        return request
    }

    private func range(_ key: String, _ end: String = "") -> RangeRequest {
        RangeRequest(key: bytes(key), rangeEnd: bytes(end))
    }

    @Test func credentialsAreAskedInOrder() throws {
        let request = range("q")
        #expect(throws: AuthError.userNameEmpty) { try store.authorize(request, as: .anonymous) }
        // The age of credentials is told before what they allow, and before whether the user exists.
        let old = AuthIdentity(name: "nobody", revision: store.revision - 1)
        #expect(throws: AuthError.oldRevision) { try store.authorize(request, as: old) }
        #expect(throws: AuthError.permissionDenied) {
            try store.authorize(request, as: store.identity("nobody"))
        }
        #expect(throws: AuthError.oldRevision) {
            try store.authorize(request, as: AuthIdentity(name: "root", revision: 1))
        }
        #expect(throws: Never.self) { try store.authorize(request, as: store.identity("root")) }
        let newer = AuthIdentity(name: "root", revision: store.revision + 1)
        #expect(throws: Never.self) { try store.authorize(request, as: newer) }
    }

    @Test func whileOffEverythingIsAllowed() throws {
        let off = try AuthStore.populated(enabled: false)
        #expect(throws: Never.self) { try off.authorize(range("q"), as: .anonymous) }
        #expect(throws: Never.self) { try off.authorize(put("q"), as: AuthIdentity(name: "x", revision: 1)) }
    }

    @Test func aChangeEndsWhatWasAllowedBefore() throws {
        var store = store
        let outcome = try store.run(.userRevokeRole(name: "alice", role: "readers"), as: store.identity("root"))
        #expect(outcome.changes.contains(.revision))
        #expect(throws: AuthError.oldRevision) { try store.authorize(range("a"), as: alice) }
        #expect(throws: AuthError.permissionDenied) {
            try store.authorize(range("a"), as: store.identity("alice"))
        }
    }

    @Test func ranges() {
        #expect(allows(range("a")))
        #expect(allows(range("a", "m")))
        #expect(!allows(range("a", "m\0")))
        #expect(!allows(range("a", "\0")))
        #expect(!allows(range("m")))
        #expect(allows(range("z")))
        #expect(allows(range("z", "z\0")))
        #expect(!allows(range("z", "z\u{1}")))
        // Ends before it begins: empty, and judged by its first key.
        #expect(allows(range("b", "a")))
        #expect(!allows(range("q", "a")))
    }

    @Test func watchesFollowTheirInterval() {
        #expect(allows(WatchAccess(KeyInterval(key: bytes("a"), rangeEnd: []))))
        // Everything from a key on is not that key.
        #expect(!allows(WatchAccess(KeyInterval(key: bytes("a"), rangeEnd: [0]))))
        #expect(allows(WatchAccess(KeyInterval(key: bytes("a"), rangeEnd: bytes("m")))))
    }

    @Test func puts() {
        #expect(allows(put("c")))
        #expect(!allows(put("a")))
        #expect(allows(put("c", previous: true)))
        #expect(!allows(put("c", lease: 7), attached: [bytes("d"), bytes("g")]))
        #expect(allows(put("c", lease: 7), attached: [bytes("d"), bytes("z")]))
        // Without a lease nobody asks what is attached.
        #expect(allows(put("c"), attached: [bytes("g")]))
    }

    @Test func previousRecordsTakeTheRightToRead() throws {
        var store = AuthStore()
        for name: AuthName in ["root", "w"] { try store.run(.userAdd(name: name, hash: anyHash, options: nil)) }
        try store.run(.userGrantRole(user: "root", role: "root"))
        try store.run(.roleAdd(name: "w"))
        try store.run(.roleGrantPermission(name: "w", permission: .init(.write, key: [1], rangeEnd: [0])))
        try store.run(.userGrantRole(user: "w", role: "w"))
        try store.run(.enable)
        let writer = store.identity("w")
        #expect(throws: Never.self) { try store.authorize(put("c"), as: writer) }
        #expect(throws: AuthError.permissionDenied) { try store.authorize(put("c", previous: true), as: writer) }
        #expect(throws: Never.self) { try store.authorize(delete("c"), as: writer) }
        #expect(throws: AuthError.permissionDenied) { try store.authorize(delete("c", previous: true), as: writer) }
        for operation: TxnRequest.Operation in [
            .put(put("c", previous: true)), .deleteRange(delete("c", previous: true)),
        ] {
            let nested = TxnRequest(failure: [.txn(TxnRequest(success: [operation]))])
            #expect(throws: AuthError.permissionDenied) { try store.authorize(nested, as: writer) }
        }
    }

    @Test func deletes() {
        #expect(allows(delete("c", "f")))
        #expect(!allows(delete("c", "g")))
        #expect(allows(delete("c", "f", previous: true)))
        #expect(!allows(delete("a", "b")))
    }

    /// Each place of a transaction where an access can hide, two levels deep.
    @Test func everyPlaceOfATransactionIsChecked() {
        let allowed: [TxnRequest.Operation] = [
            .range(range("a", "m")), .put(put("c")), .deleteRange(delete("c", "d")), .unset,
        ]
        let forbidden: [TxnRequest.Operation] = [
            .range(range("m")), .put(put("a")), .deleteRange(delete("a")), .put(put("c", lease: 9)),
        ]
        func places(_ operation: TxnRequest.Operation) -> [TxnRequest] {
            [TxnRequest(success: allowed + [operation]), TxnRequest(failure: allowed + [operation])]
        }
        let attached = [bytes("q")]
        for operation in allowed {
            for outer in places(operation) {
                #expect(allows(outer, attached: attached))
                for inner in places(.txn(outer)) { #expect(allows(inner, attached: attached)) }
            }
        }
        for operation in forbidden {
            for outer in places(operation) {
                #expect(!allows(outer, attached: attached))
                for inner in places(.txn(outer)) { #expect(!allows(inner, attached: attached)) }
            }
        }
        let readable = TxnRequest(compare: [TxnCompare(.version(1), of: bytes("a"), rangeEnd: bytes("m"))])
        let unreadable = TxnRequest(compare: [TxnCompare(.version(1), of: bytes("m"))])
        #expect(allows(readable))
        #expect(!allows(unreadable))
        #expect(allows(TxnRequest(success: [.txn(readable)])))
        #expect(!allows(TxnRequest(failure: [.txn(unreadable)])))
    }

    @Test func anEmptyTransactionTakesCredentials() {
        #expect(throws: AuthError.userNameEmpty) { try store.authorize(TxnRequest(), as: .anonymous) }
        #expect(allows(TxnRequest()))
    }

    @Test func leases() throws {
        let lease = LeaseID(7)
        #expect(allows(LeaseAccess(.control, of: lease, keys: [bytes("c"), bytes("z")])))
        #expect(!allows(LeaseAccess(.control, of: lease, keys: [bytes("c"), bytes("a")])))
        #expect(allows(LeaseAccess(.listKeys, of: lease, keys: [bytes("a"), bytes("c")])))
        #expect(!allows(LeaseAccess(.listKeys, of: lease, keys: [bytes("m")])))
        #expect(throws: AuthError.userNameEmpty) {
            try store.authorize(LeaseAccess(.control, of: lease, keys: []), as: .anonymous)
        }
        // A member ends leases as root, at whatever revision it proposed that.
        #expect(throws: Never.self) {
            try store.authorize(
                LeaseAccess(.control, of: lease, keys: [bytes("q")]), as: AuthIdentity(name: "root", revision: 1))
        }
    }

    /// Against the users and roles themselves, while they change: what is merged for a user must never be stale.
    @Test func agreesWithTheRolesThroughoutChanges() throws {
        var random = SeededRandom(seed: testSeed())
        var store = try AuthStore.populated()
        let names: [AuthName] = ["a", "b", "c"]
        for name in names {
            try store.run(.userAdd(name: name, hash: anyHash, options: nil), as: store.identity("root"))
        }
        var allowed = 0
        for _ in 0..<3000 {
            let user = names.randomElement(using: &random)!
            let role = names.randomElement(using: &random)!
            let lower = [UInt8.random(in: 1...9, using: &random)]
            let end: [UInt8] = Bool.random(using: &random) ? [] : [UInt8.random(in: 0...9, using: &random)]
            let kind = AuthPermission.Kind(rawValue: Int32.random(in: 0...2, using: &random))
            let change: AuthRequest =
                switch Int.random(in: 0..<12, using: &random) {
                case 0: .userDelete(name: user)
                case 1, 2: .userAdd(name: user, hash: anyHash, options: nil)
                case 3: .roleDelete(role: role)
                case 4, 5: .roleAdd(name: role)
                case 6: .userRevokeRole(name: user, role: role)
                case 7, 8: .userGrantRole(user: user, role: role)
                case 9: .roleRevokePermission(role: role, key: lower, rangeEnd: end)
                default: .roleGrantPermission(name: role, permission: .init(kind, key: lower, rangeEnd: end))
                }
            _ = try? store.apply(change, as: store.identity("root"))
            for name in names {
                let granted = (store.user(name)?.roles ?? []).flatMap { store.role($0)?.permissions ?? [] }
                let key = [UInt8.random(in: 1...10, using: &random)]
                let mayRead = granted.contains { $0.kind != .write && $0.interval.contains(key) }
                let mayWrite = granted.contains { $0.kind != .read && $0.interval.contains(key) }
                if mayRead { allowed += 1 }
                let identity = store.identity(name)
                #expect(((try? store.authorize(RangeRequest(key: key), as: identity)) != nil) == mayRead)
                #expect(((try? store.authorize(PutRequest(key: key), as: identity)) != nil) == mayWrite)
            }
        }
        #expect(allowed > 100)
    }
}
