// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletKeyspace
import MartletRESPCodec
import Testing

@Suite struct SessionTests {
    /// Runs lines one after the other; the replies in `notation`.
    private func replies(_ lines: String..., isRESP3: Bool = false) -> [String] {
        var server = LocalServer()
        return lines.map { notation(server.run($0, isRESP3: isRESP3)) }
    }

    /// Each command has a number of its own, and is found by it.
    @Test func numbers() {
        let table = CommandTable.shared
        for (number, entry) in table.all.enumerated() { #expect(entry.number == number, "\(entry.name)") }
        #expect(Set(table.all.map(\.name)).count == table.all.count)
        for entry in table.entries {
            #expect(table.all[entry.number] === entry)
            for subcommand in entry.subcommands { #expect(table.all[subcommand.number] === subcommand) }
        }
    }

    /// A key is watched once, in each database.
    @Test func watchedKeysCountOnce() {
        var server = LocalServer()
        _ = server.run("WATCH k k l")
        _ = server.run("WATCH k")
        _ = server.run("SELECT 1")
        _ = server.run("WATCH k")
        #expect(server.watched().map(\.database) == [0, 0, 1])
        _ = server.run("UNWATCH")
        _ = server.run("WATCH k")
        #expect(server.watched().map(\.database) == [1])
    }

    @Test func transactionsAreCarriedOutTogether() {
        #expect(
            replies("MULTI", "SET a 1", "SELECT 3", "SET b 2", "PING", "EXEC", "GET b", "SELECT 0", "GET a")
                == [
                    "+OK", "+QUEUED", "+QUEUED", "+QUEUED", "+QUEUED", "*[+OK, +OK, +OK, +PONG]", "$\"2\"", "+OK",
                    "$\"1\"",
                ])
        #expect(replies("MULTI", "FOO", "EXEC")[2] == "-EXECABORT Transaction discarded because of previous errors.")
        #expect(replies("MULTI", "GET", "DISCARD", "EXEC").dropFirst(2) == ["+OK", "-ERR EXEC without MULTI"])
        #expect(
            replies("MULTI", "MULTI", "WATCH a", "EXEC")
                == ["+OK", "-ERR MULTI calls can not be nested", "-ERR WATCH inside MULTI is not allowed", "*[]"])
        #expect(replies("DISCARD") == ["-ERR DISCARD without MULTI"])
        #expect(
            replies("MULTI", "LPUSH l x", "INCR l", "SET a 1", "EXEC").last
                == "*[:1, -WRONGTYPE Operation against a key holding the wrong kind of value, +OK]")
    }

    @Test(arguments: [
        ("SET k 2", true), ("DEL k", true), ("EXPIRE k 100", true), ("GET k", false), ("SET other 1", false),
        ("FLUSHALL", true), ("SWAPDB 0 1", true), ("RENAME k l", true), ("APPEND k x", true),
    ]) func aWatchedKeyThatChangedEndsATransaction(command: String, fails: Bool) {
        var server = LocalServer()
        _ = server.run("SET k 1")
        _ = server.run("WATCH k")
        _ = server.run(command, client: 2)
        _ = server.run("MULTI")
        _ = server.run("PING")
        #expect(notation(server.run("EXEC")) == (fails ? "*-1" : "*[+PONG]"))
    }

    /// What changes nothing is nobody's loss.
    @Test(arguments: [
        ("LREM l 0 y", false), ("LREM l 0 x", true), ("LPOP l 0", false), ("LPOP l", true), ("LSET l 9 y", false),
        ("LRANGE l 0 1", false),
    ]) func aWatchedListThatChangedEndsATransaction(command: String, fails: Bool) {
        var server = LocalServer()
        _ = server.run("RPUSH l x x")
        _ = server.run("WATCH l")
        _ = server.run(command, client: 2)
        _ = server.run("MULTI")
        #expect(notation(server.run("EXEC")) == (fails ? "*-1" : "*[]"))
    }

    @Test func aWatchedKeyThatWasNotThere() {
        var server = LocalServer()
        _ = server.run("WATCH k")
        for line in ["SET k 1", "DEL k"] { _ = server.run(line, client: 2) }
        _ = server.run("MULTI")
        #expect(notation(server.run("EXEC")) == "*-1")
        _ = server.run("WATCH k")
        _ = server.run("UNWATCH")
        _ = server.run("SET k 1", client: 2)
        _ = server.run("MULTI")
        #expect(notation(server.run("EXEC")) == "*[]")
    }

    @Test func aWatchedKeyThatExpires() {
        var server = LocalServer()
        _ = server.run("SET k 1 PX 50")
        _ = server.run("WATCH k")
        server.pass(milliseconds: 60)
        _ = server.run("MULTI")
        #expect(notation(server.run("EXEC")) == "*-1")
    }

    @Test func agreesOnAProtocol() {
        #expect(
            replies("HELLO 3 SETNAME me")
                == [
                    "%{$\"server\" => $\"redis\", $\"version\" => $\"8.8.0\", $\"proto\" => :3, $\"id\" => :1, "
                        + "$\"mode\" => $\"standalone\", $\"role\" => $\"master\", $\"modules\" => *[]}"
                ])
        #expect(
            replies("HELLO 4", "HELLO x", "HELLO 3 FOO")
                == [
                    "-NOPROTO unsupported protocol version",
                    "-ERR Protocol version is not an integer or out of range",
                    "-ERR Syntax error in HELLO option 'FOO'",
                ])
    }

    @Test func asksForAPassword() {
        var environment = Session.Environment()
        environment.password = Array("secret".utf8)
        var session = Session(id: 1, environment: environment)
        func step(_ words: String...) -> String {
            var reply = ReplyWriter()
            let arguments = Arguments(words.map { Array($0.utf8) })
            guard
                case .answered = session.step(
                    CommandTable.shared.find(arguments), arguments, Keyspace(), now: 1, environment: environment, &reply
                )
            else {
                return "run"
            }
            return notation(LocalServer.value(reply.bytes))
        }
        #expect(step("GET", "k") == "-NOAUTH Authentication required.")
        #expect(step("FOO") == "-NOAUTH Authentication required.")
        #expect(step("AUTH", "wrong!") == "-WRONGPASS invalid username-password pair or user is disabled.")
        #expect(step("AUTH", "other", "secret") == "-WRONGPASS invalid username-password pair or user is disabled.")
        #expect(step("AUTH", "default", "secret") == "+OK")
        #expect(step("GET", "k") == "run")
        #expect(replies("AUTH x")[0].hasPrefix("-ERR AUTH <password> called without any password configured"))
    }

    /// Whom a certificate names while authentication is on, without a password.
    @Test func isWhomItsCertificateNames() throws {
        var keyspace = Keyspace()
        func change(_ request: AuthRequest, _ identity: AuthIdentity = .anonymous) throws {
            _ = try keyspace.access.service.apply(request, as: identity)
        }
        let root = AuthIdentity(name: .root, revision: .max)
        for name: AuthName in ["root", "ann"] { try change(.userAdd(name: name, hash: "aGFzaA==", options: nil)) }
        try change(.userGrantRole(user: "root", role: "root"))
        try change(.roleAdd(name: "r"))
        try change(
            .roleGrantPermission(name: "r", permission: AuthPermission(.read, key: Array("a".utf8), rangeEnd: [])))
        try change(.userGrantRole(user: "ann", role: "r"))
        func step(_ session: inout Session, _ line: String) -> String {
            var reply = ReplyWriter()
            let words = Arguments(line.split(separator: " ").map { Array($0.utf8) })
            let finding = CommandTable.shared.find(words)
            switch session.step(finding, words, keyspace, now: 1, environment: .init(), &reply) {
            case .answered: return notation(LocalServer.value(reply.bytes))
            case .run: return "run"
            case .server(let entry):
                if entry.name == "reset" { session.reset(.init(), keyspace.access) }
                return entry.name
            case .close: return "close"
            case .transaction, .login: return "other"
            }
        }
        // While it is off a certificate makes no difference.
        var (ann, later) = (Session(id: 1, access: keyspace.access), Session(id: 2, access: keyspace.access))
        ann.certify("ann", keyspace.access)
        #expect(step(&ann, "ACL WHOAMI") == "$\"default\"" && step(&ann, "GET b") == "run")
        try change(.enable)
        #expect(step(&ann, "GET b") == "close" && !keyspace.access.allows(ann))
        ann = Session(id: 1, access: keyspace.access)
        ann.certify("ann", keyspace.access)
        #expect(step(&ann, "ACL WHOAMI") == "$\"ann\"" && step(&ann, "GET a") == "run")
        #expect(step(&ann, "GET b") == "-NOPERM No permissions to access a key")
        // Another password is not the certificate's business; RESET makes nobody of nobody.
        try change(.userChangePassword(name: "ann", hash: "b3RoZXI="), root)
        #expect(keyspace.access.allows(ann) && step(&ann, "GET a") == "run")
        #expect(step(&ann, "RESET") == "reset" && step(&ann, "ACL WHOAMI") == "$\"ann\"")
        // A user who comes later is one from then on; one who goes is sent away.
        later = Session(id: 2, access: keyspace.access)
        later.certify("bob", keyspace.access)
        #expect(step(&later, "GET a") == "-NOAUTH Authentication required.")
        try change(.userAdd(name: "bob", hash: "aGFzaA==", options: nil), root)
        #expect(step(&later, "ACL WHOAMI") == "$\"bob\"")
        try change(.userDelete(name: "bob"), root)
        #expect(!keyspace.access.allows(later) && step(&later, "GET a") == "close")
    }

    @Test func tellsAboutCommands() {
        #expect(
            replies("COMMAND INFO xadd nothing")
                == [
                    "*[*[$\"xadd\", :-5, *[+write, +denyoom, +fast], :1, :1, :1, *[+@write, +@stream, +@fast], *[], "
                        + "*[], *[]], *-1]"
                ])
        #expect(replies("COMMAND GETKEYS XREAD COUNT 1 STREAMS a b 1 2") == ["*[$\"a\", $\"b\"]"])
        #expect(replies("COMMAND GETKEYS MSET a 1 b 2") == ["*[$\"a\", $\"b\"]"])
        #expect(replies("COMMAND GETKEYS XGROUP DESTROY s g") == ["*[$\"s\"]"])
        #expect(replies("COMMAND COUNT") == [":\(CommandTable.shared.entries.count)"])
        #expect(
            replies("COMMAND LIST FILTERBY PATTERN xr*") == [
                "*[$\"xrange\", $\"xread\", $\"xreadgroup\", $\"xreplay\", $\"xretain\", $\"xrevrange\"]"
            ])
        #expect(replies("COMMAND DOCS", isRESP3: true)[0].contains("$\"xadd\" => %{$\"summary\" =>"))
    }

    @Test func aDatabaseIsOneOfSixteen() {
        #expect(
            replies("SELECT 15", "SELECT 16", "SELECT -1", "SELECT x", "SELECT 2147483648")
                == [
                    "+OK", "-ERR DB index is out of range", "-ERR DB index is out of range",
                    "-ERR value is not an integer or out of range",
                    "-ERR value is out of range, value must between -2147483648 and 2147483647",
                ])
    }
}
