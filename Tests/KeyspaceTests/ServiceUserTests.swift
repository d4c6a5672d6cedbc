// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec
import Testing

/// Users of the auth service by Redis's protocol.
@Suite struct ServiceUserTests {
    private static let key = "-NOPERM No permissions to access a key"
    private static let channel = "-NOPERM No permissions to access a channel"
    private static func command(_ name: String, _ user: String = "ann") -> String {
        "-NOPERM User \(user) has no permissions to run the '\(name)' command"
    }

    /// root; ann, who reads `r…`, writes `w…`, reads and writes `b…`; all, who reads and writes every key; cert, who
    /// has no password.
    private static func service(isEnabled: Bool = true) throws -> AuthStore {
        var store = AuthStore()
        func run(_ request: AuthRequest) throws { _ = try store.apply(request, as: .anonymous) }
        func grant(_ role: AuthName, _ kind: AuthPermission.Kind, _ key: String, _ end: [UInt8]) throws {
            try run(
                .roleGrantPermission(
                    name: role, permission: AuthPermission(kind, key: Array(key.utf8), rangeEnd: end)))
        }
        for name: AuthName in ["root", "ann", "all", "cert"] {
            let hash = StandardBase64.encode(LocalServer.hash(Array("pw".utf8)))
            try run(.userAdd(name: name, hash: hash, options: .init(noPassword: name == "cert")))
        }
        try run(.userGrantRole(user: "root", role: "root"))
        for role: AuthName in ["some", "all"] { try run(.roleAdd(name: role)) }
        try grant("some", .read, "r", [UInt8(ascii: "s")])
        try grant("some", .write, "w", [UInt8(ascii: "x")])
        try grant("some", .readWrite, "b", [UInt8(ascii: "c")])
        try grant("all", .readWrite, "\0", [0])
        try run(.userGrantRole(user: "ann", role: "some"))
        try run(.userGrantRole(user: "cert", role: "some"))
        try run(.userGrantRole(user: "all", role: "all"))
        if isEnabled { try run(.enable) }
        return store
    }

    private func server(isEnabled: Bool = true) throws -> LocalServer {
        var server = LocalServer()
        server.space.keyspace.access.service = try Self.service(isEnabled: isEnabled)
        return server
    }

    private func change(_ server: inout LocalServer, _ request: AuthRequest) throws {
        let identity = AuthIdentity(name: .root, revision: .max)
        _ = try server.space.keyspace.access.service.apply(request, as: identity)
    }

    private func check(_ server: inout LocalServer, _ exchanges: [(String, String)], client: UInt64 = 1) {
        for (command, expected) in exchanges {
            #expect(notation(server.run(command, client: client)) == expected, "\(command)")
        }
    }

    // MARK: Who one is

    @Test func whileItIsOffNothingIsOtherwise() throws {
        var server = try server(isEnabled: false)
        check(
            &server,
            [
                ("SET k v", "+OK"), ("AUTH ann pw", "-WRONGPASS invalid username-password pair or user is disabled."),
                ("ACL USERS", "*[$\"default\"]"), ("ACL GETUSER ann", "null"), ("GET k", "$\"v\""),
                // But a name stands for one user.
                ("ACL SETUSER ann on", "-ERR User 'ann' is one of the auth service: change it there"),
                ("ACL DELUSER ann", "-ERR User 'ann' is one of the auth service: remove it there"),
            ])
        #expect(server.checkedLogins == 0)
    }

    @Test func logsIn() throws {
        var server = try server()
        let wrong = "-WRONGPASS invalid username-password pair or user is disabled."
        check(
            &server,
            [
                ("GET r1", "-NOAUTH Authentication required."), ("AUTH ann nope", wrong), ("AUTH nobody pw", wrong),
                ("AUTH cert pw", wrong), ("AUTH default x", wrong), ("AUTH ann pw", "+OK"),
                ("ACL WHOAMI", "$\"ann\""), ("GET r1", "null"), ("AUTH root pw", "+OK"), ("SET x 1", "+OK"),
                // A failed login leaves one who one is.
                ("AUTH ann nope", wrong), ("ACL WHOAMI", "$\"root\""), ("RESET", "-ERR not here"),
            ])
        // Whoever isn't there takes as long as who is.
        #expect(server.checkedLogins == 6)
        let hello = notation(server.run("HELLO 3 AUTH ann pw SETNAME n", client: 2))
        #expect(hello.hasPrefix("%{$\"server\""))
        check(&server, [("CLIENT GETNAME", "$\"n\""), ("ACL WHOAMI", "$\"ann\"")], client: 2)
        #expect(notation(server.run("HELLO 3 AUTH ann nope", client: 3)) == wrong)
        #expect(notation(server.run("PING", client: 3)) == "-NOAUTH Authentication required.")
        #expect(server.refusals(of: 3).map(\.isStrangers) == [false, true])
        check(&server, [("MULTI", "+OK"), ("AUTH ann pw", "-ERR Command not allowed inside a transaction")], client: 2)
    }

    @Test func aPasswordThatChangesMeanwhileIsCheckedAnew() throws {
        var server = try server()
        let hash = StandardBase64.encode(LocalServer.hash(Array("new".utf8)))
        server.meanwhile = { access in
            _ = try? access.service.apply(
                .userChangePassword(name: "ann", hash: hash), as: AuthIdentity(name: .root, revision: .max))
        }
        #expect(notation(server.run("AUTH ann pw")).hasPrefix("-WRONGPASS"))
        #expect(server.checkedLogins == 2)
        server.meanwhile = { access in
            _ = try? access.service.apply(.userDelete(name: "ann"), as: AuthIdentity(name: .root, revision: .max))
        }
        #expect(notation(server.run("AUTH ann new")).hasPrefix("-WRONGPASS"))
    }

    @Test func usersOfTheListStayWhoTheyAre() throws {
        var server = try server(isEnabled: false)
        check(&server, [("ACL SETUSER al on >pw +@all ~k*", "+OK"), ("ACL SETUSER free on nopass +get ~k*", "+OK")])
        try change(&server, .enable)
        check(
            &server,
            [
                ("AUTH al pw", "+OK"), ("SET k1 v", "+OK"), ("SET r1 v", Self.key), ("AUTH free x", "+OK"),
                ("GET k1", "$\"v\""),
            ], client: 2)
        #expect(server.checkedLogins == 0)
        // A default user that may not do everything lets in whom it did.
        var open = try self.server(isEnabled: false)
        check(&open, [("ACL SETUSER default resetkeys ~k* -@all +get", "+OK")])
        try change(&open, .enable)
        check(&open, [("GET k1", "null"), ("GET r1", Self.key)], client: 9)
    }

    // MARK: What one may

    @Test func rangesAreKeys() throws {
        var server = try server()
        check(&server, [("AUTH root pw", "+OK"), ("XADD r1 1-0 f v", "$\"1-0\"")], client: 2)
        check(&server, [("XADD b1 1-0 f v", "$\"1-0\""), ("XGROUP CREATE b1 g 0", "+OK")], client: 2)
        check(&server, [("XGROUP CREATE r1 g 0", "+OK")], client: 2)
        let read = "*[*[$\"b1\", *[*[$\"1-0\", *[$\"f\", $\"v\"]]]]]"
        check(
            &server,
            [
                ("AUTH ann pw", "+OK"), ("SET w1 v", "+OK"), ("SET b2 v", "+OK"), ("GET b2", "$\"v\""),
                ("GET w1", Self.key), ("SET r1 v", Self.key), ("SET x v", Self.key), ("SET w1 v GET", Self.key),
                ("EXISTS r1", ":1"), ("EXISTS w1", Self.key), ("TYPE x", Self.key), ("XLEN r1", ":1"),
                ("MGET r1 x", Self.key), ("DEL w1 b2", ":2"), ("DEL w1 r1", Self.key), ("COPY r1 w1", ":1"),
                ("COPY w1 b3", Self.key), ("RENAME b1 r2", Self.key),
                // A stream read for a group changes it.
                ("XRANGE r1 - +", "*[*[$\"1-0\", *[$\"f\", $\"v\"]]]"), ("XREADGROUP GROUP g c STREAMS r1 >", Self.key),
                ("XREADGROUP GROUP g c STREAMS b1 >", read), ("XACK b1 g 1-0", ":1"), ("XACK r1 g 1-0", Self.key),
                ("XADD w2 1-0 f v", "$\"1-0\""), ("XAUTOCLAIM w2 g c 0 0", Self.key), ("XINFO STREAM w2", Self.key),
                ("XGROUP SETPOLICY b1 g MAXDELIVERIES 1 DEADLETTER x", Self.key),
                ("XGROUP SETPOLICY b1 g MAXDELIVERIES 1 DEADLETTER w3", "+OK"),
                // In every database.
                ("SELECT 3", "+OK"), ("SET x v", Self.key), ("SET b1 v", "+OK"), ("MOVE b1 4", ":1"),
            ])
        #expect(server.refusals(of: 1).count == 16)
        #expect(server.refusals(of: 1).allSatisfy { $0.user == Array("ann".utf8) })
    }

    @Test func whatNamesNoKeyConcernsAll() throws {
        var server = try server()
        check(
            &server,
            [
                ("AUTH ann pw", "+OK"), ("SET b1 v", "+OK"), ("KEYS b*", "*[$\"b1\"]"), ("KEYS b1", "*[$\"b1\"]"),
                ("KEYS *", Self.key), ("KEYS [b]*", Self.key), ("KEYS \\b*", "*[$\"b1\"]"), ("KEYS w*", Self.key),
                ("SCAN 0 MATCH b?", "*[$\"0\", *[$\"b1\"]]"), ("SCAN 0", Self.key), ("SCAN 0 COUNT 5", Self.key),
                ("SCAN 0 MATCH b* MATCH *", Self.key), ("DBSIZE", Self.key), ("RANDOMKEY", Self.key),
                ("FLUSHDB", Self.key), ("FLUSHALL", Self.key), ("SWAPDB 0 1", Self.key),
                ("SUBSCRIBE x", Self.channel), ("SUBSCRIBE r1", "-ERR not here"), ("PSUBSCRIBE *", Self.channel),
                ("PSUBSCRIBE r*", "-ERR not here"), ("PUBLISH r1 m", Self.channel), ("PUBLISH w1 m", "-ERR not here"),
                ("PUBSUB CHANNELS", Self.channel), ("PUBSUB CHANNELS r*", "-ERR not here"),
                ("PUBSUB NUMSUB r1 x", Self.channel), ("SSUBSCRIBE x", Self.channel),
                ("SSUBSCRIBE r1", "-ERR not here"),
                ("SPUBLISH r1 m", Self.channel), ("SPUBLISH w1 m", "-ERR not here"),
                ("PUBSUB SHARDCHANNELS", Self.channel), ("PUBSUB SHARDNUMSUB r1 x", Self.channel),
            ])
        check(
            &server,
            [
                ("AUTH all pw", "+OK"), ("KEYS *", "*[$\"b1\"]"), ("DBSIZE", ":1"), ("SET \"\" v", "+OK"),
                ("GET \"\"", "$\"v\""), ("FLUSHDB", "+OK"), ("SCAN 0", "*[$\"0\", *[]]"),
                ("ACL LIST", Self.command("acl|list", "all")),
            ], client: 2)
    }

    @Test func administrationIsRoots() throws {
        var server = try server()
        check(&server, [("AUTH ann pw", "+OK")])
        for (line, name) in [
            ("ACL SETUSER x on", "acl|setuser"), ("ACL LIST", "acl|list"), ("CONFIG GET *", "config|get"),
            ("CLIENT LIST", "client|list"), ("MONITOR", "monitor"), ("SHUTDOWN", "shutdown"),
        ] {
            #expect(notation(server.run(line)) == Self.command(name), "\(line)")
        }
        check(
            &server,
            [("PING", "+PONG"), ("ROLE", "-ERR not here"), ("INFO", "-ERR not here"), ("CLIENT ID", ":1")])
        check(
            &server,
            [("AUTH root pw", "+OK"), ("ACL SETUSER x on >p +@all ~*", "+OK"), ("CONFIG GET *", "-ERR not here")],
            client: 2)
    }

    @Test func keysOfTheStoreAreAskedForAsByEtcd() throws {
        let service = try Self.service()
        func denial(_ line: String) -> AccessDenial? {
            let arguments = Arguments(line.split(separator: " ").map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(arguments) else { return .command("none") }
            return service.denial(of: "ann", entry, arguments, attachedKeys: { _ in [Array("x".utf8)] })
        }
        func key(_ name: String) -> AccessDenial { .key(Array(name.utf8)) }
        #expect(denial("KV.GET r1") == nil && denial("KV.GET r PREFIX") == nil)
        #expect(denial("KV.GET w1") == key("w1") && denial("KV.GET r FROM") == key("r"))
        #expect(denial("KV.PUT w1 v") == nil && denial("KV.PUT w1 v PREVKV") == key("w1"))
        #expect(denial("KV.PUT b1 v LEASE 5") == key(""))
        #expect(denial("KV.DEL b PREFIX PREVKV") == nil && denial("KV.DEL r PREFIX") == key("r"))
        #expect(denial("KV.TXN IF 1 VERSION r1 = 0 THEN 1 3 PUT w1 1 ELSE 1 2 GET b1") == nil)
        #expect(denial("KV.TXN IF 1 VERSION r1 = 0 THEN 1 3 PUT w1 1 ELSE 1 2 GET x") == key("x"))
        #expect(denial("KV.TXN IF 1 VERSION w1 = 0") == key("w1"))
        // What is no request is answered so.
        #expect(denial("KV.PUT x v NONSENSE") == nil)
    }

    @Test func transactionsAreAskedForAgainAtExec() throws {
        var server = try server()
        check(
            &server, [("AUTH ann pw", "+OK"), ("MULTI", "+OK"), ("SET b1 v", "+QUEUED"), ("GET b1", "+QUEUED")])
        try change(&server, .roleRevokePermission(role: "some", key: Array("b".utf8), rangeEnd: Array("c".utf8)))
        check(&server, [("EXEC", "-EXECABORT Transaction discarded because of previous errors.")])
        check(&server, [("MULTI", "+OK"), ("SET x v", Self.key)])
    }

    // MARK: When rights change

    @Test func whoeverLosesThemIsSentAway() throws {
        var server = try server(isEnabled: false)
        #expect(notation(server.run("PING", client: 7)) == "+PONG")
        try change(&server, .enable)
        // It came in as the default user, which lets nobody in any more.
        #expect(!server.isWelcome(7) && server.run("PING", client: 7) == nil)
        check(&server, [("AUTH ann pw", "+OK")], client: 1)
        check(&server, [("AUTH root pw", "+OK")], client: 2)
        check(&server, [("AUTH all pw", "+OK")], client: 3)
        #expect(server.isWelcome(1) && server.isWelcome(2) && server.isWelcome(3))
        // Less is less at once.
        check(&server, [("GET r1", "null")])
        try change(&server, .userRevokeRole(name: "ann", role: "some"))
        #expect(server.isWelcome(1))
        check(&server, [("GET r1", Self.key)])
        // So is another password, and a user that is made anew is another one.
        try change(&server, .userChangePassword(name: "ann", hash: StandardBase64.encode(Array("h".utf8))))
        #expect(!server.isWelcome(1) && server.run("PING", client: 1) == nil)
        try change(&server, .userDelete(name: "all"))
        #expect(!server.isWelcome(3) && server.run("PING", client: 3) == nil)
        try change(&server, .disable)
        #expect(!server.isWelcome(2))
    }

    // MARK: What ACL tells

    @Test func aclTellsOfThem() throws {
        var server = try server()
        try change(&server, .roleAdd(name: "odd"))
        for (key, end) in [("a", "c"), ("k*", ""), ("x y", ""), ("z", "\0")] {
            try change(
                &server,
                .roleGrantPermission(
                    name: "odd",
                    permission: AuthPermission(.read, key: Array(key.utf8), rangeEnd: Array(end.utf8))))
        }
        try change(&server, .userGrantRole(user: "cert", role: "odd"))
        let some = "~b* %R~r* %W~w*"
        let rules = "+@all -@admin +lastsave +role"
        check(
            &server,
            [
                ("AUTH root pw", "+OK"),
                ("ACL USERS", "*[$\"all\", $\"ann\", $\"cert\", $\"default\", $\"root\"]"),
                (
                    "ACL LIST",
                    "*[$\"user all on ~* resetchannels &* \(rules)\", "
                        + "$\"user ann on \(some) resetchannels &b* \(rules)\", "
                        + "$\"user cert off %R~k\\* \(some) %R[a,c) %R[x\\x20y,x\\x20y] %R[z,end) resetchannels &b* "
                        + "\(rules)\", $\"user default on ~* &* +@all\", $\"user root on ~* &* +@all\"]"
                ),
                (
                    "ACL GETUSER ann",
                    "*[$\"flags\", *[$\"on\"], $\"passwords\", *[], $\"commands\", $\"\(rules)\", $\"keys\", "
                        + "$\"\(some)\", $\"channels\", $\"&b*\", $\"selectors\", *[]]"
                ),
                ("ACL DRYRUN ann GET r1", "+OK"),
                ("ACL DRYRUN ann GET x", "$\"User ann has no permissions to access the 'x' key\""),
                ("ACL SETUSER ann off", "-ERR User 'ann' is one of the auth service: change it there"),
            ])
    }

    // MARK: In the log

    @Test func aRecordSaysWhoAsks() throws {
        var server = try server()
        var record = KeyspaceRecord(stamp: 1000, seed: 1)
        record.append(Arguments("SET", "x", "stranger"), database: 0)
        record.append(Arguments("SET", "b1", "ann"), database: 0, user: "ann")
        record.append(Arguments("SET", "x", "ann"), database: 0, user: "ann")
        record.append(Arguments("SET", "x", "root"), database: 0, user: "root")
        record.append(Arguments("SET", "y", "gone"), database: 0, user: "gone")
        var transaction = Transaction()
        for key in ["b2", "x"] {
            let arguments = Arguments("SET", key, "both")
            guard case .found(let entry) = CommandTable.shared.find(arguments) else { return }
            transaction.append(arguments, entry, database: 0)
        }
        transaction.user = "ann"
        record.append(transaction)
        record.append(Arguments("SET", "z", "stranger"), database: 0)
        #expect(record.itemCount == 7)
        var (reply, numbers): (ReplyWriter, [Int]) = (ReplyWriter(), [])
        try server.space.keyspace.apply(
            record: record.bytes.span.bytes, &reply, before: { number, _ in numbers.append(number) },
            after: { _, _, _ in }, outside: { _, _, _ in })
        #expect(numbers == [0, 1, 2, 3, 4, 5, 6])
        let denied = Self.key + "\r\n"
        #expect(
            String(decoding: reply.bytes, as: UTF8.self)
                == "+OK\r\n+OK\r\n\(denied)+OK\r\n\(Self.command("set", "gone"))\r\n"
                + "-EXECABORT Transaction discarded because of previous errors.\r\n+OK\r\n")
        check(
            &server,
            [("AUTH root pw", "+OK"), ("MGET x b1 b2 y z", "*[$\"root\", $\"ann\", null, null, $\"stranger\"]")])
    }
}
