// SPDX-License-Identifier: Apache-2.0

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
            replies("SELECT 15", "SELECT 16", "SELECT -1", "SELECT x")
                == [
                    "+OK", "-ERR DB index is out of range", "-ERR DB index is out of range",
                    "-ERR value is not an integer or out of range",
                ])
    }
}
