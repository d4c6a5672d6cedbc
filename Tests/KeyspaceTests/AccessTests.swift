// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletStreams
import Testing

/// Users and what they may do. Texts are those of Redis 7.2 and later.
@Suite struct AccessTests {
    private static let pw = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4"

    private static func command(_ name: String) -> String {
        "-NOPERM User al has no permissions to run the '\(name)' command"
    }
    private static let key = "-NOPERM No permissions to access a key"
    private static let channel = "-NOPERM No permissions to access a channel"

    private func check(_ exchanges: [(String, String)], client: UInt64 = 1) {
        var server = LocalServer()
        check(&server, exchanges, client: client)
    }

    private func check(_ server: inout LocalServer, _ exchanges: [(String, String)], client: UInt64 = 1) {
        for (command, expected) in exchanges {
            #expect(notation(server.run(command, client: client)) == expected, "\(command)")
        }
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ), ("pw", pw),
    ]) func digests(text: String, digest: String) {
        #expect(String(decoding: SHA256.hexadecimal(Array(text.utf8)[...]), as: UTF8.self) == digest)
    }

    @Test func users() {
        check([
            ("ACL WHOAMI", "$\"default\""), ("ACL LIST", "*[$\"user default on nopass ~* &* +@all\"]"),
            ("ACL GETUSER nope", "null"), ("ACL SETUSER al", "+OK"),
            (
                "ACL GETUSER al",
                """
                *[$"flags", *[$"off"], $"passwords", *[], $"commands", $"-@all", $"keys", $"", $"channels", $"", \
                $"selectors", *[]]
                """
            ),
            ("ACL SETUSER al on >pw ~k* %R~r* %W~w* &c* +@read -get +xadd +config|get", "+OK"),
            (
                "ACL LIST",
                """
                *[$"user al on #\(Self.pw) ~k* %R~r* %W~w* resetchannels &c* -@all +@read -get +xadd +config|get", \
                $"user default on nopass ~* &* +@all"]
                """
            ), ("ACL USERS", "*[$\"al\", $\"default\"]"),
            ("ACL SETUSER al <pw clearselectors (+get ~x* &y) nocommands +get resetkeys allchannels", "+OK"),
            (
                "ACL GETUSER al",
                """
                *[$"flags", *[$"on"], $"passwords", *[], $"commands", $"-@all +get", $"keys", $"", $"channels", \
                $"&*", $"selectors", *[*[$"commands", $"-@all +get", $"keys", $"~x*", $"channels", $"&y"]]]
                """
            ), ("ACL SETUSER al reset", "+OK"),
            (
                "ACL LIST",
                """
                *[$"user al off sanitize-payload resetchannels -@all", $"user default on nopass ~* &* +@all"]
                """
            ), ("ACL SETUSER al ( +get ~x* ) (+set ~y*)", "+OK"),
            (
                "ACL LIST",
                """
                *[$"user al off sanitize-payload resetchannels -@all (~x* resetchannels -@all +get) \
                (~y* resetchannels -@all +set)", $"user default on nopass ~* &* +@all"]
                """
            ), ("ACL DELUSER default", "-ERR The 'default' user cannot be removed"), ("ACL DELUSER al nope", ":1"),
            ("ACL USERS", "*[$\"default\"]"),
        ])
    }

    @Test func modifiersThatAreNone() {
        func refused(_ word: String, _ reason: String) -> (String, String) {
            ("ACL SETUSER al on \(word)", "-ERR Error in ACL SETUSER modifier '\(word)': \(reason)")
        }
        let unknown = "Unknown command or category name in ACL"
        let hash = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
        let gone = "The password you are trying to remove from the user does not exist"
        check([
            refused("+foo", unknown), refused("+@foo", unknown), refused("-config|foo", unknown),
            refused("+config|get|x", "Allowing first-arg of a subcommand is not supported"),
            refused("+config|get|", "Allowing first-arg of a subcommand is not supported"),
            refused("-config|get|x", unknown), refused("-select|0", unknown), refused("+nope|0", unknown),
            refused("+select|0|1", unknown), refused("+@read|x", unknown), refused("+|", unknown),
            refused("+select|", "Syntax error"), refused("+config|", "Syntax error"),
            refused("+config|foo", unknown), refused("(+select|)", "Syntax error"),
            refused("foo", "Syntax error"), refused("#12", hash), refused("%Z~x", "Syntax error"),
            refused("%~x", "Syntax error"), refused("(+foo)", unknown), refused("(>pw)", "Syntax error"),
            refused("!" + String(repeating: "0", count: 64), gone),
            (
                "ACL SETUSER al allkeys ~x",
                """
                -ERR Error in ACL SETUSER modifier '~x': Adding a pattern after the * pattern (or the 'allkeys' flag) \
                is not valid and does not have any effect. Try 'resetkeys' to start with an empty list of patterns
                """
            ),
            ("ACL SETUSER al (+get", "-ERR Unmatched parenthesis in acl selector starting at '(+get'."),
            ("ACL SETUSER \"a b\"", "-ERR Usernames can't contain spaces or null characters"),
            // All of them or none.
            ("ACL USERS", "*[$\"default\"]"),
        ])
        var server = LocalServer()
        #expect(notation(server.run("ACL SETUSER al <no")).hasSuffix(gone))
    }

    /// Expected texts and decisions are those of Redis 7.0 beside its 7.2's order of rules.
    @Test func firstArguments() {
        func rules(_ modifiers: String, _ told: String) -> [(String, String)] {
            [
                ("ACL SETUSER al reset \(modifiers)", "+OK"),
                (
                    "ACL LIST",
                    """
                    *[$"user al off sanitize-payload resetchannels \(told)", $"user default on nopass ~* &* +@all"]
                    """
                ),
            ]
        }
        check(rules("+SELECT|0 +Get|K1", "-@all +select|0 +get|k1"))
        check(rules("+select|0 +select|1 +select|0", "-@all +select|1 +select|0"))
        check(rules("+select|0 +select", "-@all +select"))
        check(rules("+select|0 -select", "-@all -select"))
        check(rules("+select|0 -@connection", "-@all +select|0 -@connection"))
        check(rules("+select|0 +@all", "+@all"))
        check(rules("(+select|0)", "-@all (resetchannels -@all +select|0)"))
        var server = LocalServer()
        check(
            &server,
            [
                ("ACL SETUSER al on nopass ~* +@all -select +select|0 -get +get|K1 -xlen +xlen|s +xlen", "+OK"),
                ("ACL SETUSER bo on nopass ~* +select|0 +get|k -@all", "+OK"),
                ("ACL SETUSER cy on nopass ~* +select|0 -@connection", "+OK"),
                ("ACL SETUSER di on nopass ~* +select|1 (+select|0)", "+OK"),
                ("ACL DRYRUN al SELECT 0", "+OK"), ("ACL DRYRUN al select 00", dry("al", "select")),
                ("ACL DRYRUN al SELECT 1", dry("al", "select")), ("ACL DRYRUN al GET k1", "+OK"),
                ("ACL DRYRUN al GET K1", "+OK"), ("ACL DRYRUN al GET k2", dry("al", "get")),
                ("ACL DRYRUN al XLEN t", "+OK"), ("ACL DRYRUN bo SELECT 0", dry("bo", "select")),
                ("ACL DRYRUN cy SELECT 0", dry("cy", "select")), ("ACL DRYRUN di SELECT 0", "+OK"),
                ("ACL DRYRUN di SELECT 1", "+OK"), ("ACL DRYRUN di SELECT 2", dry("di", "select")),
                ("AUTH al x", "+OK"), ("SELECT 1", Self.command("select")), ("SELECT 0", "+OK"),
                ("GET k2", Self.command("get")), ("GET k1", "null"),
            ])
        // A word of a rule that is no text can't be written down, nor can blanks.
        check([
            ("ACL SETUSER al \"+select|\\xff\"", "-ERR Error in ACL SETUSER modifier '+select|\u{FFFD}': Syntax error")
        ])
        check([("ACL SETUSER al \"+select|a b\"", "-ERR Error in ACL SETUSER modifier '+select|a b': Syntax error")])
    }

    private func dry(_ user: String, _ command: String) -> String {
        "$\"User \(user) has no permissions to run the '\(command)' command\""
    }

    @Test func whatUsersMay() {
        var server = LocalServer()
        check(
            &server,
            [
                ("SET k1 v", "+OK"), ("XADD s1 1-0 f v", "$\"1-0\""), ("SET r1 v", "+OK"),
                ("ACL SETUSER al on >pw ~k* %R~r* %W~w* ~s* &c* +@all -@dangerous -config -lpush +config|get", "+OK"),
            ])
        check(
            &server,
            [
                ("AUTH al no", "-WRONGPASS invalid username-password pair or user is disabled."),
                ("AUTH nobody pw", "-WRONGPASS invalid username-password pair or user is disabled."),
                ("AUTH al pw", "+OK"), ("ACL WHOAMI", "$\"al\""), ("GET k1", "$\"v\""), ("GET x", Self.key),
                ("SET k2 v", "+OK"), ("GET r1", "$\"v\""), ("SET r1 w", Self.key), ("SET w1 v", "+OK"),
                ("GET w1", Self.key), ("SET w1 v GET", Self.key), ("GETDEL w1", Self.key), ("STRLEN w1", ":1"),
                ("EXISTS r1", ":1"), ("COPY r1 w2", ":1"), ("COPY w1 r2", Self.key), ("RENAME k2 w3", "+OK"),
                ("RENAME r1 w3", Self.key), ("MGET k1 x", Self.key), ("LPUSH k9 x", Self.command("lpush")),
                ("KEYS *", Self.command("keys")), ("FLUSHALL", Self.command("flushall")),
                ("CONFIG SET save x", Self.command("config|set")),
                ("XREAD COUNT 1 STREAMS s1 x1 0 0", Self.key), ("XLEN s1", ":1"), ("XGROUP CREATE x g 0", Self.key),
                ("XGROUP CREATE s1 g 0", "+OK"), ("XREADGROUP GROUP g c STREAMS s1 x >  >", Self.key),
                ("SINTERSTORE w4 r1 k1", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
                ("SINTERSTORE r4 r1 k1", Self.key), ("SINTERCARD 1 x", Self.key), ("PUBLISH x m", Self.channel),
                ("SUBSCRIBE d", Self.channel), ("PSUBSCRIBE c?", Self.channel), ("PING", "+PONG"),
                ("SPUBLISH x m", Self.channel), ("SSUBSCRIBE d", Self.channel),
                ("MULTI", "+OK"), ("GET x", Self.key),
                ("EXEC", "-EXECABORT Transaction discarded because of previous errors."),
                ("ACL SETUSER al allkeys", Self.command("acl|setuser")), ("FOO", "-ERR unknown command 'FOO'"),
            ], client: 2)
    }

    /// Another set of rules may allow what the first doesn't, but no two of them together.
    @Test func selectors() {
        var server = LocalServer()
        check(&server, [("ACL SETUSER al on nopass ~a* +get (~b* +set) (~c* +@all)", "+OK"), ("SET a1 v", "+OK")])
        check(
            &server,
            [
                ("AUTH al whatever", "+OK"), ("GET a1", "$\"v\""), ("GET b1", Self.key), ("SET b1 v", "+OK"),
                ("SET a1 v", Self.key), ("DEL c1", ":0"), ("DEL a1", Self.key), ("MGET a1 c1", Self.key),
            ], client: 2)
    }

    @Test func changesHoldAtOnce() {
        var server = LocalServer()
        check(&server, [("ACL SETUSER al on nopass allkeys +@all", "+OK")])
        check(&server, [("AUTH al x", "+OK"), ("SET k v", "+OK"), ("MULTI", "+OK"), ("SET k w", "+QUEUED")], client: 2)
        check(&server, [("ACL SETUSER al -set", "+OK")])
        check(
            &server,
            [
                ("EXEC", "-EXECABORT Transaction discarded because of previous errors."),
                ("SET k w", Self.command("set")),
                ("GET k", "$\"v\""),
            ], client: 2)
        check(&server, [("ACL SETUSER al off", "+OK")])
        check(
            &server,
            [("GET k", "$\"v\""), ("AUTH al x", "-WRONGPASS invalid username-password pair or user is disabled.")],
            client: 2)
        check(&server, [("ACL DELUSER al", ":1")])
        // Sent away without a word.
        #expect(server.run("GET k", client: 2) == nil)
    }

    @Test func theDefaultUser() {
        var server = LocalServer()
        check(
            &server,
            [
                (
                    "AUTH x",
                    """
                    -ERR AUTH <password> called without any password configured for the default user. Are you sure \
                    your configuration is correct?
                    """
                ), ("ACL SETUSER default >pw -@all +ping", "+OK"), ("PING", "+PONG"),
                ("GET k", "-NOPERM User default has no permissions to run the 'get' command"), ("AUTH pw", "+OK"),
                ("AUTH default pw", "+OK"),
                ("AUTH no", "-WRONGPASS invalid username-password pair or user is disabled."),
            ])
        #expect(Session(id: 9, access: server.space.keyspace.access).isAuthenticated == false)
    }

    @Test func dryRuns() {
        check([
            ("ACL SETUSER bo on >pw ~k* +get +set +publish &c*", "+OK"), ("ACL DRYRUN bo get k1", "+OK"),
            ("ACL DRYRUN bo get x", "$\"User bo has no permissions to access the 'x' key\""),
            ("ACL DRYRUN bo del k1", "$\"User bo has no permissions to run the 'del' command\""),
            ("ACL DRYRUN nope get k", "-ERR User 'nope' not found"),
            ("ACL DRYRUN bo foo", "-ERR Command 'foo' not found"),
            ("ACL DRYRUN bo publish x y", "$\"User bo has no permissions to access the 'x' channel\""),
            ("ACL DRYRUN bo get", "-ERR wrong number of arguments for 'get' command"),
            ("ACL CAT foo", "-ERR Unknown category 'foo'"),
        ])
    }

    /// Source: COMMAND INFO of Redis 7.0.15.
    @Test(arguments: [
        ("get", "@read @string @fast"), ("set", "@write @string @slow"),
        ("flushall", "@keyspace @write @slow @dangerous"),
        ("keys", "@keyspace @read @slow @dangerous"), ("blpop", "@write @list @slow @blocking"),
        ("xreadgroup", "@write @stream @slow @blocking"), ("config|set", "@admin @slow @dangerous"),
        ("client|list", "@admin @slow @dangerous @connection"), ("client|id", "@slow @connection"),
        ("info", "@slow @dangerous"), ("exec", "@slow @transaction"), ("watch", "@fast @transaction"),
        ("role", "@admin @fast @dangerous"), ("lolwut", "@read @fast"), ("wait", "@slow @connection"),
        ("xinfo|help", "@stream @slow"), ("memory|usage", "@read @slow"), ("acl", "@slow"),
        ("dump", "@keyspace @read @slow"),
        ("restore", "@keyspace @write @slow @dangerous"), ("swapdb", "@keyspace @write @fast @dangerous"),
        ("time", "@fast"), ("publish", "@pubsub @fast"), ("spublish", "@pubsub @fast"),
        ("ssubscribe", "@pubsub @slow"), ("pubsub|shardnumsub", "@pubsub @slow"),
        ("command", "@slow @connection"), ("eval", "@slow @scripting"),
    ]) func categories(name: String, expected: String) throws {
        let words = name.split(separator: "|").map(String.init)
        var entry = try #require(CommandTable.shared.entry(named: words[0]))
        if words.count == 2 { entry = try #require(entry.subcommands.first { $0.name == name }) }
        #expect(entry.categoryList.map { "@\($0.rawValue)" }.joined(separator: " ") == expected)
    }

    @Test func aTransactionOnKeysWithoutWordsIsRefused() {
        check([
            ("ACL SETUSER al on +@all ~k*", "+OK"),
            ("ACL DRYRUN al kv.txn", "$\"User al has no permissions to access the '' key\""),
        ])
    }

    // MARK: As state

    @Test func passwordsStayOutOfTheLog() {
        let sealed = AccessList.withoutPasswords(Arguments("acl", "setuser", "al", ">pw", "<pw", "~>pw", "on"))
        let words = (0..<sealed.count).map { sealed.text($0) }
        #expect(words == ["acl", "setuser", "al", "#\(Self.pw)", "!\(Self.pw)", "~>pw", "on"])
    }

    /// Not even in the text of an error that others could read: nothing keeps the command.
    @Test(
        arguments: [
            ("(>pw)", "Error in ACL SETUSER modifier '(>pw)': Syntax error"),
            ("(+get <pw)", "Error in ACL SETUSER modifier '(+get <pw)': Syntax error"),
            ("(+get >pw", "Unmatched parenthesis in acl selector starting at '(+get'."),
        ], [false, true])
    func selectorsWithPasswordsAreRefusedAtOnce(_ example: (words: String, error: String), inTransaction: Bool) {
        var session = Session(id: 1)
        let keyspace = Keyspace(hashSeed: 1)
        func reply(_ line: String) -> String? {
            let arguments = Arguments(line.split(separator: " ").map { Array($0.utf8) })
            var reply = ReplyWriter(isRESP3: false)
            let step = session.step(
                CommandTable.shared.find(arguments), arguments, keyspace, now: 1, environment: .init(), &reply)
            guard case .answered = step else { return nil }
            return String(decoding: reply.bytes, as: UTF8.self)
        }
        if inTransaction { #expect(reply("MULTI") == "+OK\r\n") }
        #expect(reply("ACL SETUSER al \(example.words)") == "-ERR \(example.error)\r\n")
    }

    @Test func usersComeBackFromACheckpoint() throws {
        var server = LocalServer()
        for line in [
            "ACL SETUSER al on >pw ~k* %R~r* &c* +@read -get +config|get (+set ~x* %W~y*)", "ACL SETUSER default +@all",
            "ACL SETUSER gone", "ACL DELUSER gone", "SET k v",
        ] {
            #expect(notation(server.run(line)).first != "-")
        }
        var tables: [TableKey: [UInt8]] = [:]
        func write(_ checkpoint: KeyspaceCheckpoint) -> Int {
            var batch = TableBatch()
            checkpoint.encode(into: &batch)
            var count = 0
            batch.forEach { key, value in
                if let value { tables[key] = [UInt8](copying: value) } else { tables[key] = nil }
                count += 1
            }
            return count
        }
        let failed = server.space.keyspace.beginCheckpoint()
        server.space.keyspace.failCheckpoint(failed)
        #expect(write(server.space.keyspace.beginCheckpoint()) == 3)
        #expect(write(server.space.keyspace.beginCheckpoint()) == 1)
        var restorer = KeyspaceRestorer(hashSeed: 3)
        for (key, value) in tables.sorted(by: { $0.key < $1.key }) { try restorer.load(key, value.span.bytes) }
        var restored = LocalServer(try restorer.finish())
        #expect(restored.space.keyspace.access.list == server.space.keyspace.access.list)
        #expect(restored.space.keyspace.stateDigest() == server.space.keyspace.stateDigest())
        #expect(notation(restored.run("ACL LIST")) == notation(server.run("ACL LIST")))
        check(
            &restored, [("AUTH al pw", "+OK"), ("CONFIG GET save", "-ERR not here"), ("GET k", Self.command("get"))],
            client: 2)
        // Damage is found.
        let key = try #require(tables.keys.first { $0.object == 1 && $0.table == KeyspaceTable.keyspaces })
        var random = SeededRandom(seed: 4)
        var refused = 0
        for _ in 0..<500 {
            var damaged = tables
            let place = damaged[key]!.indices.randomElement(using: &random)!
            damaged[key]![place] = UInt8.random(in: 0...255, using: &random)
            var restorer = KeyspaceRestorer(hashSeed: 3)
            do throws(KeyspaceRestoreError) {
                for (key, value) in damaged.sorted(by: { $0.key < $1.key }) { try restorer.load(key, value.span.bytes) }
                _ = try restorer.finish()
            } catch {
                refused += 1
            }
        }
        #expect(refused > 100)
    }

    @Test func usersAreBounded() {
        var server = LocalServer()
        let patterns = (0..<5000).map { "~pattern\($0)" }.joined(separator: " ")
        #expect(notation(server.run("ACL SETUSER al \(patterns)")) == "-ERR too many rules for one user")
        for number in 1..<AccessList.maximumUsers { #expect(notation(server.run("ACL SETUSER u\(number)")) == "+OK") }
        #expect(notation(server.run("ACL SETUSER onemore")) == "-ERR too many users")
        #expect(notation(server.run("ACL SETUSER u1 on")) == "+OK")
    }
}
