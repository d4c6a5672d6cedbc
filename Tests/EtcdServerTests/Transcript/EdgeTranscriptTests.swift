// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

/// What a real etcd 3.6.14 answered at the edges of its API, asked again: of this server, over the wire, and of a real
/// 3.5.1 where there is one, so that the requests are known to be those of the transcript.
@Suite(.timeLimit(.minutes(30))) struct EdgeTranscriptTests {
    private static let file = "etcd-transcript-3.6.14.txt"

    /// Two answers that the recorder has cut, whole.
    private static let whole = [
        "txn nested + read own write": """
        OK header:<cluster_id:14841639068965178418 member_id:10276657743932975437 revision:9 raft_term:2 > \
        succeeded:true responses:<response_put:<header:<revision:9 > > > responses:<response_txn:<header:<> \
        succeeded:true responses:<response_put:<header:<revision:9 > > > > > responses:<response_range:<header:<\
        revision:9 > kvs:<key:"n1" create_revision:9 mod_revision:9 version:1 value:"1" > \
        kvs:<key:"n2" create_revision:9 mod_revision:9 version:1 value:"2" > count:2 > >
        """,
        "watch create rev 4 history": """
        OK header:<cluster_id:14841639068965178418 member_id:10276657743932975437 revision:9 raft_term:2 > watch_id:2 \
        events:<kv:<key:"a" create_revision:2 mod_revision:4 version:3 value:"2" > > \
        events:<kv:<key:"a" create_revision:2 mod_revision:5 version:4 value:"3" > \
        prev_kv:<key:"a" create_revision:2 mod_revision:4 version:3 value:"2" > > \
        events:<kv:<key:"a" create_revision:2 mod_revision:6 version:5 value:"4" > \
        prev_kv:<key:"a" create_revision:2 mod_revision:5 version:4 value:"3" > > \
        events:<kv:<key:"a" create_revision:2 mod_revision:7 version:6 value:"prev" > \
        prev_kv:<key:"a" create_revision:2 mod_revision:6 version:5 value:"4" > >
        """,
    ]

    /// Fields whose values are the machine's, the run's, or those of a file that is made otherwise.
    private static let ownFields: [String: [String]] = [
        "grant ttl -3": ["ID"],
        "status": ["dbSize", "dbSizeInUse", "raftIndex", "raftAppliedIndex"],
        "hashkv 0": ["hash"],
        "hash": ["hash"],
    ]

    /// What 3.5.1 answers otherwise: it takes any sort order, lacks fields, refuses to cancel no downgrade, and tells
    /// progress to a stream whose watches have yet to begin.
    private static let otherIn35: Set = [
        "range bad sort order", "status", "hashkv 0", "downgrade cancel", "watch progress with a future-rev watcher",
    ]
    /// What 3.5.1 takes for a watch from the next revision, whose ID would then count.
    private static let notAskedOf35: Set = ["watch create rev -1"]

    private static func transcript() throws -> EdgeTranscript {
        try EdgeTranscript(file: file, whole: whole)
    }

    private static func answerCounts(_ transcript: EdgeTranscript) -> [String: Int] {
        Dictionary(
            uniqueKeysWithValues: transcript.rows.map { ($0.name, $0.answers == [.silence] ? 0 : $0.answers.count) })
    }

    /// An answer without what is the machine's own.
    private func masked(_ answer: EdgeAnswer, of name: String, alsoIDs: Bool) -> EdgeAnswer {
        guard case .response(var text) = answer else { return answer }
        var fields = Self.ownFields[name] ?? []
        if alsoIDs { fields += ["cluster_id", "member_id", "peerURLs", "clientURLs", "name"] }
        if alsoIDs, name == "member list" { fields.append("ID") }
        for field in fields {
            text = text.replacingOccurrences(
                of: #"(?m)^( *\#(field)): .*$"#, with: "$1: *", options: .regularExpression)
        }
        // A lease's ID that the server has chosen.
        if name == "leases" {
            text = text.replacingOccurrences(of: #"ID: [0-9]{4,}"#, with: "ID: *", options: .regularExpression)
        }
        return .response(text)
    }

    private func expectTranscript(_ outcome: EdgeSession.Outcome, isOf36: Bool) throws {
        for row in try Self.transcript().rows {
            guard let answers = outcome.answers[row.name] else {
                #expect(!isOf36 && Self.notAskedOf35.contains(row.name), "\(row.name)")
                continue
            }
            let method = try #require(EdgeRequest.all.first { $0.name == row.name }).method
            let expected = try row.answers.map { answer -> EdgeAnswer in
                guard case .response(let text) = answer else { return answer }
                return .response(try method.respelled(text))
            }
            let found = answers.map { masked($0, of: row.name, alsoIDs: !isOf36) }
            let wanted = expected.map { masked($0, of: row.name, alsoIDs: !isOf36) }
            if !isOf36, Self.otherIn35.contains(row.name) {
                #expect(found != wanted, "\(row.name)")
            } else {
                #expect(found == wanted, "\(row.name)")
            }
        }
    }

    /// Asks until nothing was so slow that a lease may have ended meanwhile.
    private func outcome(
        _ requests: [EdgeRequest], _ serve: ((Int) async throws -> Void) async throws -> Void
    ) async throws -> EdgeSession.Outcome {
        let counts = Self.answerCounts(try Self.transcript())
        var outcome: EdgeSession.Outcome?
        for _ in 0..<40 where outcome?.isInTime != true {
            try await serve { port in
                outcome = try await EdgeSession.run(port: port, requests: requests, answerCounts: counts)
            }
        }
        return try #require(outcome)
    }

    @Test func transcriptIsRead() throws {
        let rows = try Self.transcript().rows
        #expect(rows.map(\.name) == EdgeRequest.all.map(\.name))
        #expect(rows.reduce(0) { $0 + $1.answers.count } == 81)
        #expect(rows.filter { if case .failure = $0.answers[0] { true } else { false } }.count == 39)
    }

    @Test(arguments: [false, true]) func thisServer(isDurable: Bool) async throws {
        let outcome = try await outcome(EdgeRequest.all) { body in
            guard isDurable else { return try await ServerFixture.with { try await body($0.port) } }
            try await ServerFixture.with(in: try TemporaryFolder()) { try await body($0.port) }
        }
        try expectTranscript(outcome, isOf36: true)
    }

    @Test(.enabled(if: EtcdProcess.Kind.etcd35.binary != nil, "no etcd 3.5 on this machine"))
    func realServer() async throws {
        let requests = EdgeRequest.all.filter { !Self.notAskedOf35.contains($0.name) }
        let outcome = try await outcome(requests) { body in
            try await EtcdProcess.with(.etcd35) { etcd in
                try await body(try #require(Int(etcd.endpoint.split(separator: ":")[1])))
            }
        }
        try expectTranscript(outcome, isOf36: false)
        // The hash of keys and values is the same, for they are.
        let own = try await self.outcome(requests) { body in
            try await ServerFixture.with { try await body($0.port) }
        }
        #expect(try hash(own) == hash(outcome))
    }

    private func hash(_ outcome: EdgeSession.Outcome) throws -> Substring {
        let text = try #require(outcome.answers["hashkv 0"]?.first).description
        return try #require(text.firstMatch(of: /(?m)^hash: ([0-9]+)$/)).1
    }
}
