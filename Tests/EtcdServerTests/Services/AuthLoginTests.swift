// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletAuthTokens
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletHTTP2Session
import SwiftProtobuf
import Testing

/// Passwords and tokens over real connections.
@Suite(.timeLimit(.minutes(30))) struct AuthLoginTests {
    /// A client with users `root` (password `rootpw`) and `alice` (`alicepw`, no rights), and authentication on.
    private func withUsers(
        _ configure: (inout EtcdServerConfiguration) -> Void = { _ in },
        _ body: (AuthClient, ServerFixture) async throws -> Void
    ) async throws {
        try await ServerFixture.with { configuration in
            configuration.bcryptCost = Bcrypt.minimumCost
            configure(&configuration)
        } _: { fixture in
            let wire = try WireClient(
                .hostPort("127.0.0.1", fixture.port), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            let client = AuthClient(wire: wire)
            do {
                try await client.makeUsers()
                try await body(client, fixture)
            } catch {
                Issue.record(error)
            }
            await wire.close()
        }
    }

    @Test func passwords() async throws {
        try await withUsers { client, _ in
            let failed = Ending(
                .invalidArgument, "etcdserver: authentication failed, invalid user ID or password")
            #expect(await client.status { _ = try await client.logIn("alice", "wrong") } == failed)
            #expect(await client.status { _ = try await client.logIn("nobody", "alicepw") } == failed)
            #expect(await client.status { _ = try await client.logIn("", "") } == failed)
            let root = try await client.logIn("root", "rootpw")
            let alice = try await client.logIn("alice", "alicepw")
            // Sixteen letters, a point, and the index of the record.
            #expect(alice.prefix(16).allSatisfy(\.isLetter) && alice.dropFirst(16).first == ".")
            #expect(await client.status { try await client.put("k", alice) } == .denied)
            #expect(await client.status { try await client.put("k", root) } == nil)

            try await client.setPassword("alice", "other", root)
            // Changed, and so logged out.
            #expect(await client.status { try await client.put("k", alice) } == .invalidToken)
            #expect(await client.status { _ = try await client.logIn("alice", "alicepw") } == failed)
            _ = try await client.logIn("alice", "other")
            // What somebody else has hashed.
            var change = Etcdserverpb_AuthUserChangePasswordRequest()
            change.name = "alice"
            change.hashedPassword = "no base64"
            #expect(
                await client.status {
                    _ = try await client.auth("UserChangePassword", change, root)
                }?.message == "auth: authentication failed, password was given for no password user")
            let long = String(repeating: "x", count: 73)
            #expect(
                await client.status { try await client.setPassword("alice", long, root) }
                    == Ending(.unknown, "bcrypt: password length exceeds 72 bytes"))
        }
    }

    @Test func withoutAuthentication() async throws {
        try await withUsers { client, _ in
            let root = try await client.logIn("root", "rootpw")
            _ = try await client.auth("AuthDisable", Etcdserverpb_AuthDisableRequest(), root)
            #expect(
                await client.status { _ = try await client.logIn("root", "rootpw") }
                    == Ending(.failedPrecondition, "etcdserver: authentication is not enabled"))
            #expect(await client.status { try await client.put("k", nil) } == nil)
            _ = try await client.auth("AuthEnable", Etcdserverpb_AuthEnableRequest())
            // All tokens ended with it.
            #expect(await client.status { try await client.put("k", root) } == .invalidToken)
        }
    }

    /// More at once than there are threads to check passwords.
    @Test func manyLogins() async throws {
        try await withUsers { client, _ in
            let tokens = try await withThrowingTaskGroup(of: String.self) { tasks in
                for _ in 0..<40 { tasks.addTask { try await client.logIn("alice", "alicepw") } }
                return try await tasks.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(tokens.count == 40)
        }
    }

    @Test func signedTokens() async throws {
        let options = try AuthTokenOptions("jwt,sign-method=HS256,priv-key=secret,ttl=1h")
        let provider = try TokenProvider(options, reading: { _ in Array("a secret of some length".utf8) })
        try await withUsers {
            $0.tokens = provider
        } _: { client, _ in
            let root = try await client.logIn("root", "rootpw")
            #expect(root.split(separator: ".").count == 3)
            #expect(await client.status { try await client.put("k", root) } == nil)
            #expect(await client.status { try await client.put("k", root + "x") } == .invalidToken)
            // It carries the revision of users that it was made at.
            var add = Etcdserverpb_AuthRoleAddRequest()
            add.name = "r"
            _ = try await client.auth("RoleAdd", add, root)
            #expect(
                await client.status { try await client.put("k", root) }
                    == Ending(.invalidArgument, "etcdserver: revision of auth store is old"))
        }
    }

    @Test func gateway() async throws {
        try await withUsers { _, fixture in
            func post(_ path: String, _ body: String, token: String? = nil) async -> HTTP1Response {
                let headers = token.map { [("Authorization", $0)] } ?? []
                return await fixture.server.respond(
                    to: HTTP1Request(
                        method: "POST", uri: "/v3/" + path, headers: headers, body: Array(body.utf8)))
            }
            let answer = await post("auth/authenticate", #"{"name":"root","password":"rootpw"}"#)
            #expect(answer.status == 200)
            let text = String(decoding: answer.body, as: UTF8.self)
            let token = try #require(text.split(separator: "\"token\":\"").last?.split(separator: "\"").first)
            #expect(await post("kv/put", #"{"key":"aw=="}"#).status == 400)
            #expect(await post("kv/put", #"{"key":"aw=="}"#, token: "nobody's.1").status == 401)
            #expect(await post("kv/put", #"{"key":"aw=="}"#, token: String(token)).status == 200)
            #expect(await post("kv/put", #"{"key":"aw=="}"#, token: "Bearer \(token)").status == 200)
            let users = await post("auth/user/list", "{}", token: String(token))
            #expect(String(decoding: users.body, as: UTF8.self).contains(#""users":["alice","root"]"#))
        }
    }

    /// Whole methods that take rights: asked before their service sees the call.
    @Test func gate() async throws {
        try await withUsers { client, _ in
            let root = try await client.logIn("root", "rootpw")
            let alice = try await client.logIn("alice", "alicepw")
            func status(_ path: String, _ request: some Message, _ token: String?) async -> Ending? {
                await client.status { _ = try await client.call(path, request, token) }
            }
            let administration: [(String, any Message)] = [
                ("Maintenance/Hash", Etcdserverpb_HashRequest()),
                ("Maintenance/HashKV", Etcdserverpb_HashKVRequest()),
                ("Maintenance/Defragment", Etcdserverpb_DefragmentRequest()),
                ("Maintenance/MoveLeader", Etcdserverpb_MoveLeaderRequest()),
                ("Maintenance/Downgrade", Etcdserverpb_DowngradeRequest()),
                ("Cluster/MemberRemove", Etcdserverpb_MemberRemoveRequest()),
                ("Cluster/MemberPromote", Etcdserverpb_MemberPromoteRequest()),
            ]
            for (path, request) in administration {
                #expect(await status(path, request, alice) == .denied, "\(path)")
                #expect(await status(path, request, nil) == .anonymous, "\(path)")
                let answer = await status(path, request, root)
                #expect(answer != .denied && answer != .anonymous, "\(path)")
            }
            let questions: [(String, any Message)] = [
                ("Maintenance/Status", Etcdserverpb_StatusRequest()),
                ("Maintenance/Alarm", Etcdserverpb_AlarmRequest()),
                ("Cluster/MemberList", Etcdserverpb_MemberListRequest()),
            ]
            for (path, request) in questions {
                #expect(await status(path, request, alice) == nil, "\(path)")
                #expect(await status(path, request, nil) == .anonymous, "\(path)")
            }
            var raise = Etcdserverpb_AlarmRequest()
            raise.action = .activate
            raise.alarm = .nospace
            #expect(await status("Maintenance/Alarm", raise, alice) == .denied)
            // URLs that are none are told before.
            var add = Etcdserverpb_MemberAddRequest()
            #expect(
                await status("Cluster/MemberAdd", add, alice)?.message
                    == "etcdserver: given member URLs are invalid")
            add.peerUrls = ["http://127.0.0.1:1"]
            #expect(await status("Cluster/MemberAdd", add, alice) == .denied)
            let refused = await client.status {
                try await client.wire.withStream("/etcdserverpb.Maintenance/Snapshot") { stream in
                    try await stream.write([])
                    stream.finishWriting()
                    while try await stream.next() != nil {}
                }
            }
            #expect(refused == .anonymous)
        }
    }
}

/// Calls of one connection, each with its own token.
private struct AuthClient: Sendable {
    let wire: WireClient

    func call(_ path: String, _ request: some Message, _ token: String? = nil) async throws -> [UInt8] {
        var options = WireCallOptions()
        if let token { options.metadata.append("token", token) }
        return try await wire.unary("/etcdserverpb." + path, try request.serializedBytes(), options: options).message
    }

    func auth(_ method: String, _ request: some Message, _ token: String? = nil) async throws -> [UInt8] {
        try await call("Auth/" + method, request, token)
    }

    /// Nil: `body` went well.
    func status(_ body: () async throws -> Void) async -> Ending? {
        do {
            try await body()
            return nil
        } catch {
            return Ending(error)
        }
    }

    func makeUsers() async throws {
        for name in ["root", "alice"] {
            var request = Etcdserverpb_AuthUserAddRequest()
            request.name = name
            request.password = name + "pw"
            _ = try await auth("UserAdd", request)
        }
        var grant = Etcdserverpb_AuthUserGrantRoleRequest()
        grant.user = "root"
        grant.role = "root"
        _ = try await auth("UserGrantRole", grant)
        _ = try await auth("AuthEnable", Etcdserverpb_AuthEnableRequest())
    }

    func logIn(_ name: String, _ password: String) async throws -> String {
        var request = Etcdserverpb_AuthenticateRequest()
        request.name = name
        request.password = password
        let response = try await auth("Authenticate", request)
        return try Etcdserverpb_AuthenticateResponse(serializedBytes: response).token
    }

    func setPassword(_ name: String, _ password: String, _ token: String) async throws {
        var request = Etcdserverpb_AuthUserChangePasswordRequest()
        request.name = name
        request.password = password
        _ = try await auth("UserChangePassword", request, token)
    }

    func put(_ key: String, _ token: String?) async throws {
        var request = Etcdserverpb_PutRequest()
        request.key = Array(key.utf8).data
        _ = try await call("KV/Put", request, token)
    }
}
