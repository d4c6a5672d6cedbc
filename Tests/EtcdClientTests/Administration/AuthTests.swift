// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient
import MartletTestPrograms
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct AuthTests {
    static func client(_ server: EtcdProcess, _ user: String, _ password: String) throws -> EtcdClient {
        var configuration = EtcdClient.Configuration.patient([server.endpoint])
        configuration.credentials = EtcdCredentials(user: user, password: password)
        return try EtcdClient(configuration)
    }

    /// A server with authentication on: `root`, and `app`, which reads and writes below `app/` and reads `shared`.
    static func run(
        _ kind: EtcdProcess.Kind, _ body: (_ root: EtcdClient, _ app: EtcdClient, EtcdProcess) async throws -> Void
    ) async throws {
        try await EtcdClientTests.run(kind) { anybody, server in
            try await anybody.auth.addUser("root", password: "secret")
            try await anybody.auth.addRole("root")
            try await anybody.auth.grantRole("root", toUser: "root")
            try await anybody.auth.addUser("app", password: "word")
            try await anybody.auth.addRole("worker")
            try await anybody.auth.grant(EtcdPermission(.readWrite, .prefix("app/")), toRole: "worker")
            try await anybody.auth.grant(EtcdPermission(.read, "shared"), toRole: "worker")
            try await anybody.auth.grantRole("worker", toUser: "app")
            try await anybody.auth.enable()
            let root = try Self.client(server, "root", "secret")
            let app = try Self.client(server, "app", "word")
            try await body(root, app, server)
            await root.close()
            await app.close()
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func usersAndRoles(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { client, _ in
            let auth = client.auth
            #expect(try await auth.users() == [])
            try await auth.addUser("b", password: "1")
            try await auth.addUser("a", password: nil)
            #expect(try await auth.users() == ["a", "b"])
            await EtcdClientTests.expect(.alreadyExists) { try await auth.addUser("a", password: "1") }
            await EtcdClientTests.expect(.invalidRequest) { try await auth.addUser("", password: "1") }
            try await auth.addRole("r")
            try await auth.addRole("q")
            await EtcdClientTests.expect(.alreadyExists) { try await auth.addRole("r") }
            #expect(try await auth.roles() == ["q", "r"])
            let permissions = [
                EtcdPermission(.read, .prefix("p/")), EtcdPermission(.write, "single"),
                EtcdPermission(.readWrite, .from([0x7A])),
            ]
            for permission in permissions { try await auth.grant(permission, toRole: "r") }
            #expect(Set(try await auth.permissions(ofRole: "r")) == Set(permissions))
            try await auth.revokePermission(for: .prefix("p/"), fromRole: "r")
            #expect(Set(try await auth.permissions(ofRole: "r")) == Set(permissions.dropFirst()))
            await EtcdClientTests.expect(.notFound) { try await auth.revokePermission(for: "none", fromRole: "r") }
            try await auth.grantRole("r", toUser: "b")
            #expect(try await auth.roles(ofUser: "b") == ["r"])
            try await auth.revokeRole("r", fromUser: "b")
            #expect(try await auth.roles(ofUser: "b") == [])
            await EtcdClientTests.expect(.notFound) { try await auth.revokeRole("r", fromUser: "b") }
            await EtcdClientTests.expect(.notFound) { _ = try await auth.roles(ofUser: "none") }
            await EtcdClientTests.expect(.notFound) { _ = try await auth.permissions(ofRole: "none") }
            try await auth.deleteRole("q")
            try await auth.deleteUser("a")
            #expect(try await auth.roles() == ["r"])
            #expect(try await auth.users() == ["b"])
            await EtcdClientTests.expect(.invalidRequest) { try await auth.enable() }
            if kind == .etcd34 {
                await EtcdClientTests.expect(.notSupported) { _ = try await auth.status() }
            } else {
                #expect(try await auth.status().isEnabled == false)
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func eachMayDoWhatItsRolesAllow(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { root, app, server in
            try await root.put("shared", "1")
            try await app.put("app/x", "1")
            #expect(try await app.get("shared").keyValues.map(\.valueText) == ["1"])
            await EtcdClientTests.expect(.denied) { try await app.put("shared", "2") }
            await EtcdClientTests.expect(.denied) { _ = try await app.get("other") }
            await EtcdClientTests.expect(.denied) { _ = try await app.auth.users() }
            var watch = app.watch("other").makeAsyncIterator()
            await EtcdClientTests.expect(.denied) { _ = try await watch.next() }
            let anybody = try EtcdClient.patient(server.endpoint)
            await EtcdClientTests.expect(.invalidRequest) { _ = try await anybody.get("shared") }
            await anybody.close()
            let wrong = try Self.client(server, "app", "guess")
            await EtcdClientTests.expect(.denied) { _ = try await wrong.get("shared") }
            await wrong.close()
            // Recipes go along.
            try await app.withLock("app/lock") { lock in #expect(lock.fencingToken > 0) }
            #expect(try await root.auth.roles(ofUser: "app") == ["worker"])
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func tokensAreRenewedWhenTheyAreForgotten(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { root, app, server in
            var watch = app.watch(.prefix("app/"), from: 1).makeAsyncIterator()
            try await app.put("app/x", "1")
            #expect(try await EtcdClientTests.take(1, &watch).map(\.keyValue.valueText) == ["1"])
            // Changing a password makes the user's tokens worthless, also to the same one.
            try await root.auth.changePassword(ofUser: "app", to: "word")
            try await app.put("app/x", "2")
            // A restarted server knows no token at all.
            try await server.restart()
            #expect(try await eventually { (try? await app.get("app/x").count) == 1 })
            try await app.put("app/x", "3")
            #expect(try await EtcdClientTests.take(2, &watch).map(\.keyValue.valueText) == ["2", "3"])
            let lease = try await app.grantLease(ttlSeconds: 30)
            #expect(try await app.keepAliveOnce(lease.id) == 30)
            // A watch that is opened with a token that has gone since.
            try await root.auth.changePassword(ofUser: "app", to: "word")
            var late = app.watch(.prefix("app/"), from: 1).makeAsyncIterator()
            #expect(try await EtcdClientTests.take(3, &late).count == 3)
            // Many requests at once get one new token.
            try await root.auth.changePassword(ofUser: "app", to: "word")
            try await withThrowingTaskGroup { group in
                for number in 0..<20 { group.addTask { _ = try await app.put("app/\(number)", "1") } }
                try await group.waitForAll()
            }
            try await root.auth.changePassword(ofUser: "app", to: "another")
            await EtcdClientTests.expect(.denied) { try await app.put("app/x", "4") }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func credentialsAreReadyForWhenTheyAreNeeded(kind: EtcdProcess.Kind) async throws {
        try await EtcdClientTests.run(kind) { anybody, server in
            let root = try Self.client(server, "root", "secret")
            // Nobody asks yet.
            try await root.put("k", "1")
            try await root.auth.addUser("root", password: "secret")
            try await root.auth.addRole("root")
            try await root.auth.grantRole("root", toUser: "root")
            try await root.auth.enable()
            try await root.put("k", "2")
            #expect(try await root.auth.users() == ["root"])
            if kind != .etcd34 { #expect(try await root.auth.status().isEnabled) }
            try await root.auth.disable()
            #expect(try await anybody.get("k").keyValues.map(\.valueText) == ["2"])
            await root.close()
        }
    }
}
