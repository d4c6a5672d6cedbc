// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import Testing

@Suite struct ManagementTests {
    @Test func aFreshStoreIsOffAtRevisionOne() throws {
        var store = AuthStore()
        #expect(!store.isEnabled)
        #expect(store.revision == 1)
        #expect(try store.run(.status).response == .status(isEnabled: false, revision: 1))
    }

    @Test func enablingTakesRootWithItsRoleAndRaisesNoRevision() throws {
        var store = AuthStore()
        #expect(throws: AuthError.rootUserMissing) { try store.run(.enable) }
        try store.run(.userAdd(name: "root", hash: anyHash, options: nil))
        #expect(throws: AuthError.rootRoleMissing) { try store.run(.enable) }
        let granted = try store.run(.userGrantRole(user: "root", role: "root"))
        #expect(granted.changes == [.user("root"), .revision])
        #expect(store.revision == 3)
        let outcome = try store.run(.enable)
        #expect(outcome.tokens == .begin)
        #expect(outcome.changes == [.enabled])
        #expect(store.isEnabled)
        #expect(store.revision == 3)
        let again = try store.run(.enable, as: store.identity("root"))
        #expect(again.changes.isEmpty && again.tokens == .none)
    }

    @Test func disablingRaisesTheRevisionOnce() throws {
        var store = try AuthStore.populated()
        let revision = store.revision
        let outcome = try store.run(.disable, as: store.identity("root"))
        #expect(outcome.tokens == .endAll)
        #expect(outcome.changes == [.enabled, .revision])
        #expect(!store.isEnabled)
        #expect(store.revision == revision + 1)
        #expect(try store.run(.disable).changes.isEmpty)
        #expect(store.revision == revision + 1)
    }

    @Test func addingUsers() throws {
        var store = AuthStore()
        #expect(throws: AuthError.userNameEmpty) {
            try store.run(.userAdd(name: "", hash: anyHash, options: nil))
        }
        #expect(throws: AuthError.noPasswordUser) {
            try store.run(.userAdd(name: "a", hash: "!!", options: nil))
        }
        #expect(store.user("a") == nil)
        try store.run(.userAdd(name: "a", hash: anyHash, options: nil))
        #expect(throws: AuthError.userExists) {
            try store.run(.userAdd(name: "a", hash: "!!", options: nil))
        }
        #expect(store.user("a")?.passwordHash == bytes("$2a$10$hash"))
        #expect(store.user("a")?.options == .init(noPassword: false))
        try store.run(.userAdd(name: "cert", hash: anyHash, options: .init(noPassword: true)))
        #expect(store.user("cert")?.passwordHash == [])
        #expect(store.revision == 3)
        #expect(try store.run(.userList).response == .names(["a", "cert"]))
    }

    @Test func namesAreBytes() throws {
        var store = AuthStore()
        // One character, written as one scalar and as two: equal as Swift strings.
        let composed: AuthName = "caf\u{E9}"
        let decomposed: AuthName = "cafe\u{301}"
        try store.run(.userAdd(name: composed, hash: anyHash, options: nil))
        #expect(store.user(decomposed) == nil)
        try store.run(.userAdd(name: decomposed, hash: anyHash, options: nil))
        #expect(try store.run(.userList).response == .names([decomposed, composed]))
    }

    @Test func deletingUsersEndsTheirTokens() throws {
        var store = try AuthStore.populated()
        let root = store.identity("root")
        #expect(throws: AuthError.invalidManagement) { try store.run(.userDelete(name: "root"), as: root) }
        #expect(throws: AuthError.userNotFound) { try store.run(.userDelete(name: "nobody"), as: root) }
        let outcome = try store.run(.userDelete(name: "alice"), as: root)
        #expect(outcome.tokens == .end(of: "alice"))
        #expect(outcome.changes == [.user("alice"), .revision])
        #expect(store.user("alice") == nil)
        try store.run(.disable, as: store.identity("root"))
        try store.run(.userDelete(name: "root"))
    }

    @Test func changingPasswordsEndsTokens() throws {
        var store = try AuthStore.populated()
        let root = store.identity("root")
        let other = StandardBase64.encode(bytes("$2a$10$other"))
        #expect(throws: AuthError.userNotFound) {
            try store.run(.userChangePassword(name: "nobody", hash: other), as: root)
        }
        #expect(throws: AuthError.noPasswordUser) {
            try store.run(.userChangePassword(name: "alice", hash: "abc"), as: root)
        }
        let outcome = try store.run(.userChangePassword(name: "alice", hash: other), as: root)
        #expect(outcome.tokens == .end(of: "alice"))
        #expect(store.user("alice")?.passwordHash == bytes("$2a$10$other"))
        #expect(store.user("alice")?.roles == ["readers", "writers"])
        try store.run(.userAdd(name: "cert", hash: "", options: .init(noPassword: true)), as: root)
        try store.run(.userChangePassword(name: "cert", hash: other), as: root)
        #expect(store.user("cert")?.passwordHash == [])
    }

    @Test func grantingAndRevokingRoles() throws {
        var store = try AuthStore.populated()
        let root = store.identity("root")
        #expect(throws: AuthError.userNotFound) {
            try store.run(.userGrantRole(user: "nobody", role: "nothing"), as: root)
        }
        #expect(throws: AuthError.roleNotFound) {
            try store.run(.userGrantRole(user: "bob", role: "nothing"), as: root)
        }
        // The role root may be granted though it doesn't exist; roles stay sorted.
        try store.run(.userGrantRole(user: "bob", role: "writers"), as: root)
        try store.run(.userGrantRole(user: "bob", role: "root"), as: root)
        try store.run(.userGrantRole(user: "bob", role: "readers"), as: root)
        #expect(try store.run(.userGet(name: "bob"), as: root).response == .names(["readers", "root", "writers"]))
        let revision = store.revision
        #expect(try store.run(.userGrantRole(user: "bob", role: "readers"), as: root).changes.isEmpty)
        #expect(store.revision == revision)

        #expect(throws: AuthError.invalidManagement) {
            try store.run(.userRevokeRole(name: "root", role: "root"), as: root)
        }
        #expect(throws: AuthError.userNotFound) {
            try store.run(.userRevokeRole(name: "nobody", role: "root"), as: root)
        }
        #expect(throws: AuthError.roleNotGranted) {
            try store.run(.userRevokeRole(name: "root", role: "readers"), as: root)
        }
        try store.run(.userRevokeRole(name: "bob", role: "root"), as: root)
        #expect(store.user("bob")?.roles == ["readers", "writers"])
        #expect(store.revision == revision + 1)
    }

    @Test func addingAndDeletingRoles() throws {
        var store = try AuthStore.populated()
        let root = store.identity("root")
        #expect(throws: AuthError.roleNameEmpty) { try store.run(.roleAdd(name: ""), as: root) }
        #expect(throws: AuthError.roleExists) { try store.run(.roleAdd(name: "readers"), as: root) }
        #expect(throws: AuthError.roleNotFound) { try store.run(.roleGet(role: "root"), as: root) }
        try store.run(.roleAdd(name: "root"), as: root)
        #expect(try store.run(.roleGet(role: "root"), as: root).response == .permissions([.root]))
        #expect(throws: AuthError.invalidManagement) { try store.run(.roleDelete(role: "root"), as: root) }
        #expect(throws: AuthError.roleNotFound) { try store.run(.roleDelete(role: "nothing"), as: root) }
        #expect(try store.run(.roleList, as: root).response == .names(["readers", "root", "writers"]))
        let outcome = try store.run(.roleDelete(role: "writers"), as: root)
        #expect(outcome.changes == [.role("writers"), .user("alice"), .revision])
        #expect(store.user("alice")?.roles == ["readers"])
    }

    @Test func grantingAndRevokingPermissions() throws {
        var store = AuthStore()
        try store.run(.roleAdd(name: "r"))
        func grant(_ kind: AuthPermission.Kind, _ key: String, _ end: String) -> AuthRequest {
            .roleGrantPermission(name: "r", permission: .init(kind, key: bytes(key), rangeEnd: bytes(end)))
        }
        // Which of two reasons is told: the missing permission, then the bad range, then the missing role.
        #expect(throws: AuthError.permissionNotGiven) {
            try store.run(.roleGrantPermission(name: "nothing", permission: nil))
        }
        #expect(throws: AuthError.invalidManagement) {
            try store.run(.roleGrantPermission(name: "nothing", permission: .init(.read, key: [])))
        }
        #expect(throws: AuthError.roleNotFound) {
            try store.run(.roleGrantPermission(name: "nothing", permission: .init(.read, key: [1])))
        }
        #expect(throws: AuthError.invalidManagement) { try store.run(grant(.read, "b", "a")) }
        #expect(throws: AuthError.invalidManagement) { try store.run(grant(.read, "b", "b")) }
        #expect(throws: AuthError.invalidManagement) { try store.run(grant(.read, "", "\0")) }
        try store.run(grant(.read, "b", "\0"))
        try store.run(grant(.readWrite, "a", "c"))
        try store.run(grant(.read, "a", "b"))
        let first = try store.run(.roleGet(role: "r")).response
        #expect(
            first
                == .permissions([
                    .init(.readWrite, key: bytes("a"), rangeEnd: bytes("c")),
                    .init(.read, key: bytes("a"), rangeEnd: bytes("b")),
                    .init(.read, key: bytes("b"), rangeEnd: [0]),
                ]))
        // A range that is there changes its kind, whichever of several with its key it is.
        let revision = store.revision
        try store.run(grant(.write, "a", "b"))
        #expect(store.role("r")?.permissions[1].kind == .write)
        #expect(store.role("r")?.permissions.count == 3)
        #expect(store.revision == revision + 1)

        #expect(throws: AuthError.roleNotFound) {
            try store.run(.roleRevokePermission(role: "nothing", key: bytes("a"), rangeEnd: bytes("b")))
        }
        #expect(throws: AuthError.permissionNotGranted) {
            try store.run(.roleRevokePermission(role: "r", key: bytes("a"), rangeEnd: []))
        }
        let outcome = try store.run(.roleRevokePermission(role: "r", key: bytes("a"), rangeEnd: bytes("b")))
        #expect(outcome.changes == [.role("r"), .revision])
        #expect(store.role("r")?.permissions.count == 2)
    }

    @Test func refusedRequestsChangeNothing() throws {
        let store = try AuthStore.populated()
        let requests: [AuthRequest] = [
            .userAdd(name: "root", hash: anyHash, options: nil), .userDelete(name: "root"),
            .userChangePassword(name: "alice", hash: "?"), .userGrantRole(user: "alice", role: "nothing"),
            .userRevokeRole(name: "root", role: "root"), .roleAdd(name: ""), .roleDelete(role: "nothing"),
            .roleGrantPermission(name: "readers", permission: nil),
            .roleRevokePermission(role: "readers", key: [1], rangeEnd: []), .userGet(name: "nobody"),
            .authenticate(name: "nobody", simpleToken: "x"),
        ]
        for request in requests {
            var changed = store
            #expect(throws: AuthError.self) { try changed.run(request, as: store.identity("root")) }
            #expect(changed == store)
        }
    }
}
