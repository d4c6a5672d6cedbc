// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import Testing

@Suite struct AdministratorTests {
    static let administration: [AuthRequest] = [
        .enable, .disable, .status, .userAdd(name: "x", hash: anyHash, options: nil), .userList,
        .userDelete(name: "bob"), .userChangePassword(name: "bob", hash: anyHash),
        .userGrantRole(user: "bob", role: "readers"), .userRevokeRole(name: "alice", role: "readers"),
        .roleAdd(name: "x"), .roleList, .roleDelete(role: "readers"),
        .roleGrantPermission(name: "readers", permission: .init(.read, key: [1])),
        .roleRevokePermission(role: "readers", key: bytes("a"), rangeEnd: bytes("m")),
    ]

    @Test(arguments: administration)
    func onlyRootAdministers(_ request: AuthRequest) throws {
        var store = try AuthStore.populated()
        #expect(request.needsAdministrator)
        #expect(throws: AuthError.userNameEmpty) { try store.run(request, as: .anonymous) }
        #expect(throws: AuthError.permissionDenied) { try store.run(request, as: store.identity("alice")) }
        #expect(throws: AuthError.userNotFound) { try store.run(request, as: store.identity("nobody")) }
        #expect(throws: Never.self) { try store.run(request, as: store.identity("root")) }
    }

    @Test func anAdministratorIsWhoeverHasTheRole() throws {
        var store = try AuthStore.populated()
        try store.run(.userGrantRole(user: "bob", role: "root"), as: store.identity("root"))
        #expect(throws: Never.self) { try store.checkAdministrator(store.identity("bob")) }
    }

    @Test func oldCredentialsAdminister() throws {
        var store = try AuthStore.populated()
        let old = AuthIdentity(name: "root", revision: 1)
        try store.run(.roleAdd(name: "x"), as: old)
        #expect(store.role("x") != nil)
    }

    @Test func usersReadThemselvesAndTheirRoles() throws {
        var store = try AuthStore.populated()
        let alice = store.identity("alice")
        #expect(try store.run(.userGet(name: "alice"), as: alice).response == .names(["readers", "writers"]))
        #expect(throws: AuthError.permissionDenied) { try store.run(.userGet(name: "bob"), as: alice) }
        #expect(throws: AuthError.permissionDenied) { try store.run(.userGet(name: "nobody"), as: alice) }
        #expect(
            try store.run(.roleGet(role: "readers"), as: alice).response
                == .permissions([.init(.read, key: bytes("a"), rangeEnd: bytes("m"))]))
        #expect(throws: AuthError.permissionDenied) { try store.run(.roleGet(role: "nothing"), as: alice) }
        let bob = store.identity("bob")
        #expect(throws: AuthError.permissionDenied) { try store.run(.roleGet(role: "readers"), as: bob) }
        #expect(throws: AuthError.userNameEmpty) { try store.run(.userGet(name: "bob"), as: .anonymous) }
        #expect(throws: AuthError.userNameEmpty) { try store.run(.roleGet(role: "readers"), as: .anonymous) }
    }

    @Test func loggingIn() throws {
        var store = try AuthStore.populated(enabled: false)
        #expect(throws: AuthError.authNotEnabled) { try store.passwordHash(of: "alice") }
        #expect(throws: AuthError.authNotEnabled) {
            try store.run(.authenticate(name: "alice", simpleToken: "p"))
        }
        try store.run(.userAdd(name: "cert", hash: "", options: .init(noPassword: true)))
        try store.run(.enable)
        let found = try store.passwordHash(of: "alice")
        #expect(found.hash == bytes("$2a$10$hash"))
        #expect(found.revision == store.revision)
        #expect(throws: AuthError.authenticationFailed) { try store.passwordHash(of: "nobody") }
        #expect(throws: AuthError.noPasswordUser) { try store.passwordHash(of: "cert") }
        #expect(AuthError.noPasswordUser.text == "auth: authentication failed, password was given for no password user")
        // Nobody need be logged in to log in.
        let outcome = try store.run(.authenticate(name: "alice", simpleToken: "p"), as: .anonymous)
        #expect(outcome.response == .authenticated(name: "alice", revision: store.revision, simpleToken: "p"))
        #expect(outcome.changes.isEmpty)
        for name: AuthName in ["nobody", "cert"] {
            #expect(throws: AuthError.authenticationFailed) {
                try store.run(.authenticate(name: name, simpleToken: "p"))
            }
        }
    }

    @Test func credentials() throws {
        var store = try AuthStore.populated()
        #expect(throws: AuthError.userNameEmpty) { try store.checkCredentials(.anonymous) }
        #expect(throws: Never.self) { try store.checkCredentials(store.identity("bob")) }
        try store.run(.disable, as: store.identity("root"))
        #expect(throws: Never.self) { try store.checkCredentials(.anonymous) }
        #expect(throws: Never.self) { try store.checkAdministrator(.anonymous) }
    }

    @Test func everyMethodHasARequirement() {
        #expect(AuthRequirement.paths.count == 53)
        #expect(AuthRequirement.of("etcdserverpb.KV/Compact") == .administrator)
        #expect(AuthRequirement.of("etcdserverpb.Auth/Authenticate") == .nothing)
        #expect(AuthRequirement.of("martlet.v1.Cluster/ReplaceMember") == .administrator)
        #expect(AuthRequirement.of("etcdserverpb.Cluster/MemberList") == .credentials)
        #expect(AuthRequirement.of("etcdserverpb.KV/Nothing") == nil)
    }

    @Test func errorTexts() {
        let texts = AuthError.allCases.map(\.text)
        #expect(Set(texts).count == AuthError.allCases.count)
        #expect(AuthError.oldRevision.text == "auth: revision in header is old")
    }
}
