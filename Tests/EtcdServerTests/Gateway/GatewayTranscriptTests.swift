// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

/// What a real etcd 3.5.1 answered, asked again: of this server, and of a real one where there is one.
@Suite(.timeLimit(.minutes(30))) struct GatewayTranscriptTests {
    private static let file = "etcd-gateway-3.5.1.txt"

    /// Go's own pages, and what 3.5.1 lacks or has and we don't.
    private static let leftOut: Set = ["/debug/vars", "/debug/requests", "/debug/pprof/"]

    /// Where this server speaks as 3.6 does.
    private static let changed: [String: (status: Int, body: String)] = [
        "/version": (200, #"{"etcdserver":"3.6.14","etcdcluster":"3.6.0","storage":"3.6.0"}"#),
        "/livez": (200, "ok\n"),
        "/livez?verbose": (200, "[+]serializable_read ok\nok\n"),
        "/readyz?verbose": (
            200, "[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n"
        ),
        "/readyz/linearizable_read": (200, "ok\n"),
    ]

    private static func exchanges() throws -> [GatewayTranscript.Exchange] {
        try GatewayTranscript(file: file).exchanges.filter { $0.port == 2379 && !leftOut.contains($0.path) }
    }

    /// Leaves out what differs from run to run.
    private func normalised(_ body: String) -> String {
        var text = body
        for (pattern, replacement) in [
            (#""(cluster_id|member_id|raft_term)":"[0-9]+""#, #""$1":"0""#),
            (#""ID":"[0-9]{4,}""#, #""ID":"0""#),
        ] {
            text = text.replacingOccurrences(of: pattern, with: replacement, options: .regularExpression)
        }
        return text
    }

    private func answer(_ exchange: GatewayTranscript.Exchange, _ port: Int) async throws -> HTTPPeer.Answer {
        try await HTTPPeer.with(port) { peer in
            peer.send(exchange.method, exchange.path, exchange.requestBody)
            // A watch has no end: what was seen of it has come.
            let isWatch = exchange.path.hasSuffix("/watch")
            return try await peer.answer { isWatch ? lines($0.body) >= lines(exchange.body) : $0.isWhole }
        }
    }

    private func lines(_ text: String) -> Int { text.filter { $0 == "\n" }.count }

    @Test func transcriptIsRead() throws {
        let exchanges = try Self.exchanges()
        #expect(exchanges.count == 27)
        #expect(exchanges.filter { $0.status == 200 }.count == 12)
        #expect(exchanges[8].requestBody == #"{"create_request":{"key":"Zm9v","start_revision":"2"}}"#)
    }

    @Test func thisServer() async throws {
        try await ServerFixture.with { fixture in
            for exchange in try Self.exchanges() {
                let answer = try await answer(exchange, fixture.port)
                let comment = Comment(rawValue: "\(exchange.path) \(exchange.requestBody)")
                switch exchange.path {
                case "/v3/maintenance/hashkv":
                    // 3.5.1 had forgotten its path.
                    #expect(answer.status != 404, comment)
                case "/v3/maintenance/status":
                    #expect(answer.status == 200, comment)
                    for name in ["dbSize", "leader", "raftIndex", "raftTerm", "raftAppliedIndex", "dbSizeInUse"] {
                        #expect(answer.body.contains(#","\#(name)":""#), comment)
                    }
                    #expect(answer.body.contains(#","version":"3.6.14","#), comment)
                default:
                    let expected = Self.changed[exchange.path] ?? (exchange.status, exchange.body)
                    #expect(answer.status == expected.status, comment)
                    #expect(normalised(answer.body) == normalised(expected.body), comment)
                    #expect(answer.headers["content-type"] == exchange.contentType, comment)
                }
            }
        }
    }

    /// That the transcript says what it should.
    @Test(.enabled(if: EtcdProcess.Kind.etcd35.binary != nil, "no etcd 3.5 on this machine"))
    func realServer() async throws {
        try await EtcdProcess.with(.etcd35) { etcd in
            let port = try #require(Int(etcd.endpoint.split(separator: ":")[1]))
            for exchange in try Self.exchanges() {
                let answer = try await answer(exchange, port)
                let comment = Comment(rawValue: "\(exchange.path) \(exchange.requestBody)")
                #expect(answer.status == exchange.status, comment)
                #expect(answer.headers["content-type"] == exchange.contentType, comment)
                guard !exchange.path.hasSuffix("/status"), !exchange.path.hasSuffix("/list") else { continue }
                #expect(normalised(answer.body) == normalised(exchange.body), comment)
            }
        }
    }
}
