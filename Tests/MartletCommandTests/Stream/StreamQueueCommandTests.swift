// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletProcesses
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Testing

/// What streams and groups do of themselves, said and shown by commands as they are typed.
@Suite(.serialized, .timeLimit(.minutes(30))) struct StreamQueueCommandTests {
    private static func lines(_ server: String, _ arguments: String...) async throws -> [String] {
        try await output(of: BuiltBinary.path, ["stream"] + arguments + ["--server", server])
            .split(separator: "\n").map(String.init)
    }

    private static func failure(_ server: String, _ arguments: String...) async throws -> FinishedProgram {
        try await run(BuiltBinary.path, ["stream"] + arguments + ["--server", server])
    }

    @Test func entriesComeLaterEndAndAreUrgent() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            let server = peer.address
            // A whole second that no clock comes near while this runs.
            let moment = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded() + 1_000_000)
            let handle = try await Self.lines(server, "add", "s", "n=later", "--at", moment.formatted(.iso8601))
            let milliseconds = Int64(moment.timeIntervalSince1970) * 1000
            #expect(handle.count == 1 && handle[0].hasPrefix("\(milliseconds)-"), "\(handle)")
            let other = try await Self.lines(server, "add", "other", "n=1", "--at", "\(milliseconds)")
            #expect(other.count == 1 && other[0].hasPrefix("\(milliseconds)-"), "\(other)")
            let soon = try await Self.lines(server, "add", "s", "n=soon", "--delay", "100h", "--ttl", "30s")
            _ = try await Self.lines(server, "add", "s", "n=now", "--ttl", "100h", "--priority", "9")
            let delayed = try await Self.lines(server, "delayed", "s")
            #expect(soon.count == 1 && delayed == ["\(soon[0])  n=soon", "\(handle[0])  n=later"], "\(delayed)")
            let list = try await Self.lines(server, "ls", "s", "--json")
            #expect(list.count == 1 && list[0].hasSuffix(#""delayed":2,"ending":1,"prioritized":1}"#), "\(list)")
            #expect(try await Self.lines(server, "delayed", "s", "--cancel", handle[0]) == ["1"])
            #expect(try await Self.lines(server, "delayed", "s", "--cancel", handle[0]) == ["0"])
            #expect(try await Self.lines(server, "delayed", "s", "--count", "1", "--json").count == 1)
        }
    }

    @Test func streamsKeepWhatTheyAreTold() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            let server = peer.address
            _ = try await Self.lines(server, "add", "s", "n=1")
            #expect(try await Self.lines(server, "retain", "s") == ["off"])
            let silent = try await Self.lines(server, "retain", "s", "--age", "1h", "--length", "5", "--acked")
            #expect(silent.isEmpty)
            #expect(try await Self.lines(server, "retain", "s") == ["age 1h0m, length 5, acknowledged"])
            // What isn't said again is no bound.
            _ = try await Self.lines(server, "retain", "s", "--bytes", "4096")
            #expect(try await Self.lines(server, "retain", "s") == ["bytes 4096"])
            _ = try await Self.lines(server, "retain", "s", "--off")
            #expect(try await Self.lines(server, "retain", "s") == ["off"])
            let none = try await Self.failure(server, "retain", "none", "--length", "5")
            #expect(none.exit == .code(1) && none.output.contains("no such key"), "\(none.output)")
        }
    }

    /// What `pending` and `claim` refuse before they ask a server: there is none.
    @Test(arguments: [["pending", "s", "g"], ["claim", "s", "g", "c"]])
    func pendingEntriesAreChosenAlike(_ command: [String]) async throws {
        for (option, reason) in [
            ("--idle=-1", "--idle is seconds"), ("--idle=nan", "--idle is seconds"),
            ("--count=0", "--count is 1 or more"),
        ] {
            let refused = try await run(BuiltBinary.path, ["stream"] + command + [option])
            #expect(refused.exit == .code(64) && refused.output.contains(reason), "\(refused.output)")
        }
    }

    /// A group that gives up after a delivery, and what becomes of its dead letters.
    @Test func groupsPutDeadLettersAwayAndBack() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            let server = peer.address
            try await withRedisClient(server) { (client) async throws in
                try await client.xgroupCreate("s", "g", .beginning, createsStream: true)
                #expect(try await Self.lines(server, "policy", "s", "g") == ["off"])
                let silent = try await Self.lines(
                    server, "policy", "s", "g", "--deliveries", "1", "--dead-letters", "dead", "--order-by", "k")
                #expect(silent.isEmpty)
                #expect(try await Self.lines(server, "policy", "s", "g") == ["1 delivery to dead, order k"])
                for number in 1...3 { _ = try await Self.lines(server, "add", "s", "k=same", "n=\(number)") }
                // The first is out, the others wait behind it.
                let read = try await client.xreadgroup("g", "a", [.undelivered(of: "s")])
                #expect(read.flatMap(\.entries).compactMap { $0.text("n") } == ["1"])
                let groups = try await Self.lines(server, "groups", "s", "--json")
                let end = #""parked":2,"deadLetters":0,"policy":"1 delivery to dead, order k"}"#
                #expect(groups.count == 1 && groups[0].hasSuffix(end), "\(groups)")
                // Claimed, it would be delivered a second time.
                _ = try await Self.lines(server, "claim", "s", "g", "b", "--idle", "0", "--count", "1")
                let report = try await Self.lines(server, "report", "s", "--json")
                #expect(report.count == 1 && report[0].contains(#""deadLetters":1,"policy":"#), "\(report)")
                #expect(try await Self.lines(server, "replay", "dead", "elsewhere") == ["0"])
                #expect(try await Self.lines(server, "replay", "dead", "s") == ["1"])
                #expect(try await client.xlen("dead") == 0)
                #expect(try await client.xlen("s") == 4)
                try await client.xgroupCreate("s", "h", .beginning)
                _ = try await Self.lines(server, "policy", "s", "h", "--visibility", "30s", "--filter", "k=same")
                #expect(try await Self.lines(server, "policy", "s", "h") == ["visible 30.0s, 1 filtered"])
                _ = try await Self.lines(server, "policy", "s", "h", "--off")
                #expect(try await Self.lines(server, "policy", "s", "h") == ["off"])
            }
            let none = try await Self.failure(server, "policy", "s", "nobody")
            #expect(none.exit == .code(1) && none.output.contains("s has no group nobody"))
        }
    }

    @Test func jobsAreSetAndRemoved() async throws {
        try await RedisPeer.with(.memory) { (peer) async throws in
            let server = peer.address
            let next = try await Self.lines(
                server, "cron", "set", "s", "nightly", "30 2 * * *", "kind=full", "--zone", "+05:30", "--grace", "5m",
                "--priority", "4")
            #expect(next.count == 1 && next.first.flatMap { Int64($0) } != nil)
            let jobs = try await Self.lines(server, "cron", "ls", "s", "--json")
            let begin = #"{"job":"nightly","schedule":"30 2 * * *","clock":"+05:30","priority":4,"next":"#
            #expect(jobs.count == 1 && jobs[0].hasPrefix(begin), "\(jobs)")
            let list = try await Self.lines(server, "ls", "--json")
            #expect(list.count == 1 && list[0].contains(#""jobs":1"#), "\(list)")
            #expect(try await Self.lines(server, "cron", "rm", "s", "nightly").isEmpty)
            let gone = try await Self.failure(server, "cron", "rm", "s", "nightly")
            #expect(gone.exit == .code(1) && gone.output.contains("s has no job nightly"))
            let wrong = try await Self.failure(server, "cron", "set", "s", "j", "whenever", "f=v")
            #expect(wrong.exit == .code(1) && wrong.output.contains("ERR Invalid schedule"), "\(wrong.output)")
        }
    }

    /// What can't be meant is told without a server.
    @Test(arguments: [
        (["add", "s", "n=1", "--delay", "soon"], "\"soon\" is no time"),
        (["add", "s", "n=1", "--at", "noon"], "\"noon\" is no moment"),
        (["add", "s", "n=1", "--delay", "1s", "--at", "5"], "give one of --id, --delay and --at"),
        (["add", "s", "n=1", "--priority", "10"], "--priority is 0 to 9"), (["add", "s", "n"], "is no FIELD=VALUE"),
        (["retain", "s", "--off", "--acked"], "--off goes with no other"),
        (["policy", "s", "g", "--deliveries", "3"], "--deliveries and --dead-letters go together"),
        (["policy", "s", "g", "--off", "--urgent-first"], "--off goes with no other"),
    ])
    func tellsWhatIsWrong(_ words: [String], _ text: String) async throws {
        let finished = try await run(BuiltBinary.path, ["stream"] + words)
        #expect(finished.exit == .code(64) && finished.output.contains(text), "\(finished.output)")
    }

    /// Servers that lack it are told of by name.
    @Test(.enabled(if: RedisPeer.Kind.available.contains(.redis))) func othersLackIt() async throws {
        try await RedisPeer.with(.redis) { (peer) async throws in
            let later = try await Self.failure(peer.address, "add", "s", "n=1", "--delay", "1s")
            #expect(later.exit == .code(1) && later.output.contains("Martlet alone has"), "\(later.output)")
            let jobs = try await Self.failure(peer.address, "cron", "ls", "s")
            #expect(jobs.exit == .code(1) && jobs.output.contains("Martlet alone has"), "\(jobs.output)")
        }
    }
}
