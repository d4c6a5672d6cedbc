// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import Testing

/// Which commands on streams each right admits: of roles by ranges of keys, of users of `ACL SETUSER` by commands.
@Suite struct StreamRightsTests {
    /// One of each command, `$` for the stream, and what a role must be allowed with it.
    private static let commands: [(line: String, need: AuthPermission.Kind)] = [
        ("XRANGE $ - +", .read), ("XREVRANGE $ + -", .read), ("XREAD STREAMS $ 0", .read), ("XLEN $", .read),
        ("XPENDING $ g", .read), ("XINFO STREAM $", .read), ("XINFO GROUPS $", .read), ("XINFO CONSUMERS $ g", .read),
        ("XDELAYED $ - +", .read), ("XCRON LIST $", .read),
        ("XADD $ * f v", .write), ("XADD $ DELAY 1000 * f v", .write), ("XADD $ MAXLEN 5 * f v", .write),
        ("XDEL $ 1-1", .write), ("XDELEX $ IDS 1 1-1", .write), ("XTRIM $ MAXLEN 0", .write),
        ("XSETID $ 9-9", .write), ("XCFGSET $ IDMP-DURATION 5", .write), ("XIDMPRECORD $ p i 1-1", .write),
        ("XCANCEL $ 1-1", .write), ("XRETAIN $ MAXLEN 5", .write), ("XCRON SET $ j @daily * f v", .write),
        ("XCRON DEL $ j", .write), ("XGROUP CREATE $ g 0", .write), ("XGROUP SETID $ g 0", .write),
        ("XGROUP DESTROY $ g", .write), ("XGROUP CREATECONSUMER $ g c", .write),
        ("XGROUP DELCONSUMER $ g c", .write), ("XGROUP SETPOLICY $ g VISIBILITY 5", .write),
        ("XACK $ g 1-1", .write), ("XACKDEL $ g IDS 1 1-1", .write), ("XNACK $ g FAIL IDS 1 1-1", .write),
        // They show entries, and change who has them.
        ("XREADGROUP GROUP g c STREAMS $ >", .readWrite), ("XCLAIM $ g c 0 1-1", .readWrite),
        ("XAUTOCLAIM $ g c 0 0", .readWrite), ("XREPLAY $ b9", .readWrite),
    ]

    private static func find(_ line: String) throws -> (entry: CommandEntry, words: Arguments) {
        let words = Arguments(line.split(separator: " ").map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(words) else { throw NoCommand(line: line) }
        return (entry, words)
    }

    private struct NoCommand: Error { var line: String }

    /// A command that comes is to be thought of here, too.
    @Test func allCommandsAreListed() throws {
        let listed = Set(try Self.commands.map { try Self.find($0.line).entry.name })
        let known = CommandTable.shared.all.filter {
            $0.group == .stream && $0.subcommands.isEmpty && !$0.name.hasSuffix("|help")
        }
        #expect(Set(known.map(\.name)).subtracting(listed).isEmpty)
        #expect(listed.isSubset(of: known.map(\.name)))
    }

    /// ann reads `r…`, writes `w…`, and does both to `b…`.
    private static func service() throws -> AuthStore {
        var store = AuthStore()
        func run(_ request: AuthRequest) throws { _ = try store.apply(request, as: .anonymous) }
        for name: AuthName in ["root", "ann"] {
            let hash = StandardBase64.encode(LocalServer.hash(Array("pw".utf8)))
            try run(.userAdd(name: name, hash: hash, options: .init(noPassword: false)))
        }
        try run(.userGrantRole(user: "root", role: "root"))
        try run(.roleAdd(name: "some"))
        for (kind, key) in [(AuthPermission.Kind.read, "r"), (.write, "w"), (.readWrite, "b")] {
            let begin = Array(key.utf8)
            let permission = AuthPermission(kind, key: begin, rangeEnd: [begin[0] + 1])
            try run(.roleGrantPermission(name: "some", permission: permission))
        }
        try run(.userGrantRole(user: "ann", role: "some"))
        try run(.enable)
        return store
    }

    /// Appending takes WRITE, reading READ, and consuming both: they are what etcd's roles have, and one range is of
    /// keys and of streams.
    @Test func rolesAdmitByReadAndWrite() throws {
        let service = try Self.service()
        for (line, need) in Self.commands {
            for (key, has) in [("r1", AuthPermission.Kind.read), ("w1", .write), ("b1", .readWrite)] {
                let (entry, words) = try Self.find(line.replacing("$", with: key))
                let denial = service.denial(of: "ann", entry, words)
                let isAllowed = has == .readWrite || has == need
                #expect(denial == (isAllowed ? nil : .key(Array(key.utf8))), "\(line) with \(has)")
            }
            let (entry, words) = try Self.find(line.replacing("$", with: "x1"))
            #expect(service.denial(of: "ann", entry, words) == .key(Array("x1".utf8)), "\(line) elsewhere")
        }
        // Where entries are taken from one stream and put into another, the other must be written.
        let (entry, words) = try Self.find("XREPLAY b1 r1")
        #expect(service.denial(of: "ann", entry, words) == .key(Array("r1".utf8)))
    }

    /// Who may do less than to write does so by rules that name commands, for streams of some names.
    @Test(arguments: [
        // Appends, and sees nothing.
        ("+xadd", ["xadd"]),
        // Consumes, and neither appends nor deletes.
        (
            "+xreadgroup +xack +xnack +xclaim +xautoclaim +xpending",
            ["xreadgroup", "xack", "xnack", "xclaim", "xautoclaim", "xpending"]
        ),
    ])
    func usersOfTheListMayDoLess(_ rules: String, _ allowed: [String]) throws {
        var server = LocalServer()
        #expect(notation(server.run("ACL SETUSER al on >pw ~orders* \(rules)")) == "+OK")
        for (line, _) in Self.commands where !line.hasPrefix("XREPLAY") {
            let name = try Self.find(line).entry.name
            let answer = notation(server.run("ACL DRYRUN al \(line.replacing("$", with: "orders.eu"))"))
            let denied = "$\"User al has no permissions to run the '\(name)' command\""
            #expect(answer == (allowed.contains(name) ? "+OK" : denied), "\(line)")
            guard allowed.contains(name) else { continue }
            let elsewhere = notation(server.run("ACL DRYRUN al \(line.replacing("$", with: "other"))"))
            #expect(elsewhere == "$\"User al has no permissions to access the 'other' key\"", "\(line)")
        }
        for line in ["DEL orders", "RENAME orders orders2", "KEYS orders*", "FLUSHALL", "COPY orders orders2"] {
            #expect(notation(server.run("ACL DRYRUN al \(line)")) != "+OK", "\(line)")
        }
    }
}
