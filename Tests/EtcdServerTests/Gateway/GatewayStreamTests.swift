// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletTestPrograms
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization
import Testing

/// Calls that stream, over real connections.
@Suite(.timeLimit(.minutes(30))) struct GatewayStreamTests {
    private static let header = #""header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","#

    private func results(_ answer: HTTPPeer.Answer) -> [Substring] {
        answer.body.split(separator: "\n", omittingEmptySubsequences: true)
    }

    private func watchStreams(_ server: EtcdServer) async -> Int? {
        let page = await server.respond(to: HTTP1Request(method: "GET", uri: "/metrics"))
        let line = String(decoding: page.body, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("etcd_debugging_mvcc_watch_stream_total ") }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }

    @Test func watchIsToldOfEachChange() async throws {
        try await ServerFixture.with { fixture in
            try await HTTPPeer.with(fixture.port) { watcher in
                watcher.send("POST", "/v3/watch", #"{"create_request":{"key":"Zm9v"}}"#)
                let created = try await watcher.answer { results($0).count == 1 }
                #expect(created.status == 200)
                #expect(created.headers["content-type"] == "application/json")
                #expect(created.headers["grpc-metadata-content-type"] == "application/grpc")
                #expect(
                    created.body == #"{"result":{\#(Self.header)"revision":"1","raft_term":"2"},"created":true}}"#
                        + "\n")
                try await HTTPPeer.with(fixture.port) { writer in
                    for _ in 0..<3 { _ = try await writer.request("POST", "/v3/kv/put", #"{"key":"Zm9v"}"#) }
                }
                let answer = try await watcher.answer { results($0).count == 4 }
                #expect(!answer.isWhole)
                for (line, revision) in zip(results(answer).dropFirst(), 2...) {
                    #expect(line.contains(#""mod_revision":"\#(revision)","#))
                }
            }
        }
    }

    /// Cut off in the middle of a stream, or before it began to flow: the service forgets the watchers.
    @Test(arguments: [#"{"create_request":{"key":"Zm9v"}}"#, "{}"])
    func clientThatGoesAway(request: String) async throws {
        try await ServerFixture.with { fixture in
            let watcher = try await HTTPPeer.connect(fixture.port)
            watcher.send("POST", "/v3/watch", request)
            #expect(try await eventually { await watchStreams(fixture.server) == 1 })
            watcher.close()
            #expect(try await eventually { await watchStreams(fixture.server) == 0 })
        }
    }

    /// A client that takes nothing costs a bounded number of bytes, and misses nothing once it does.
    @Test func slowReader() async throws {
        try await ServerFixture.with { fixture in
            let watcher = try await HTTPPeer.connect(fixture.port, reads: false)
            watcher.send("POST", "/v3/watch", #"{"create_request":{"key":"Zm9v"}}"#)
            #expect(try await eventually { await watchStreams(fixture.server) == 1 })
            let value = String(repeating: "AAAA", count: 50_000)
            try await HTTPPeer.with(fixture.port) { writer in
                for _ in 0..<60 {
                    let answer = try await writer.request("POST", "/v3/kv/put", #"{"key":"Zm9v","value":"\#(value)"}"#)
                    #expect(answer.status == 200)
                }
            }
            try await watcher.read()
            #expect(try await eventually { watcher.receivedBytes > 60 * value.utf8.count })
            let answer = try await watcher.answer { $0.body.hasSuffix("\n") && $0.body.contains(#""version":"60""#) }
            let revisions = answer.body.split(separator: #""mod_revision":""#).dropFirst()
                .compactMap { $0.split(separator: "\"").first.flatMap { Int($0) } }
            #expect(revisions == Array(2...61))
            watcher.close()
        }
    }

    @Test func probesReadTheStore() async throws {
        try await ServerFixture.with { fixture in
            try await HTTPPeer.with(fixture.port) { peer in
                for path in ["/health", "/readyz", "/livez", "/readyz/linearizable_read"] {
                    #expect(try await peer.request("GET", path).status == 200)
                }
                let refused = try await peer.request("DELETE", "/readyz")
                #expect(refused.status == 405)
                // A member that has ended reads nothing for others, and still has its own.
                try await fixture.server.stop()
                let health = try await peer.request("GET", "/health?exclude=NOSPACE")
                #expect(health.status == 503)
                #expect(try await peer.request("GET", "/readyz?exclude=linearizable_read").status == 200)
            }
        }
    }

    /// A method whose handler is a task: it waits for a client that doesn't read, and ends with one that has gone.
    @Test func handlersThatTakeLong() async throws {
        let sent = Mutex(0)
        let isOver = Mutex(false)
        var methods = EtcdMethods()
        methods["/etcdserverpb.Maintenance/Snapshot"] = .task { _, requests, respond in
            defer { isOver.withLock { $0 = true } }
            #expect(try await requests.next() == [])
            for number in 0..<200 {
                try await respond(
                    try Etcdserverpb_SnapshotResponse.with {
                        $0.blob = [UInt8](repeating: UInt8(number), count: 150_000).data
                    }.serializedBytes())
                sent.withLock { $0 += 1 }
            }
            throw GRPCStatus(.unavailable, "enough")
        }
        let gateway = Gateway(
            methods: methods, eventLoop: MultiThreadedEventLoopGroup.singleton.any(), maximumMessageBytes: 1 << 20)
        var settings = WireServerConfiguration()
        settings.http1 = { await gateway.respond(to: $0, path: $0.uri) }
        let wire = try WireServer(router: GRPCRouter(), configuration: settings, logger: Logger(label: "test"))
        let port = try #require(try await wire.bind(.hostPort("127.0.0.1", 0)).port)
        for readsAll in [true, false] {
            sent.withLock { $0 = 0 }
            isOver.withLock { $0 = false }
            let peer = try await HTTPPeer.connect(port, reads: false)
            peer.send("POST", "/v3/maintenance/snapshot", "{}")
            #expect(try await eventually { sent.withLock { $0 } > 2 })
            var before = -1
            #expect(
                try await eventually {
                    let now = sent.withLock { $0 }
                    defer { before = now }
                    try await Task.sleep(for: .milliseconds(100))
                    return now == before
                })
            #expect(before < 200)
            if readsAll {
                try await peer.read()
                #expect(try await eventually { isOver.withLock { $0 } && peer.received.hasSuffix("0\r\n\r\n") })
                let answer = try await peer.answer { $0.isWhole }
                #expect(results(answer).count == 201)
                #expect(answer.body.hasSuffix(#""message":"enough","http_status":"Service Unavailable"}}"#))
            }
            peer.close()
            #expect(try await eventually { isOver.withLock { $0 } })
        }
        await wire.close()
    }

    @Test func manyRequestsInOneBody() async throws {
        try await ServerFixture.with { fixture in
            try await HTTPPeer.with(fixture.port) { peer in
                let count = 3_000
                let body = (1...count).map { #"{"ID":\#($0)}"# }.joined(separator: " ")
                let answer = try await peer.request("POST", "/v3/lease/keepalive", body)
                #expect(answer.status == 200)
                let ids = results(answer).compactMap { line in
                    line.split(separator: #""ID":""#).last?.split(separator: "\"").first.flatMap { Int($0) }
                }
                #expect(ids == Array(1...count))
                // The connection goes on.
                let next = try await peer.request("GET", "/version")
                #expect(next.status == 200)
            }
        }
    }

    @Test(arguments: [
        ("", 200, ""),
        ("{bad", 500, failure("invalid character 'b' looking for beginning of object key string", code: 2)),
        (#"{"ID":true}"#, 500, failure("json: cannot unmarshal bool into Go value of type int64", code: 2)),
        (
            #"{"ID":1}{bad"#, 200,
            #"{"result":{\#(header)"revision":"1","raft_term":"2"},"ID":"1"}}"# + "\n"
        ),
    ])
    func keepAliveOf(body: String, status: Int, answer: String) async throws {
        try await ServerFixture.with { fixture in
            try await HTTPPeer.with(fixture.port) { peer in
                let received = try await peer.request("POST", "/v3/lease/keepalive", body)
                #expect(received.status == status)
                #expect(received.body == answer)
            }
        }
    }

    /// The end of a stream that fails is told in the stream; of one that has not begun, by its status.
    @Test func failures() async throws {
        try await ServerFixture.with { fixture in
            let late =
                #"{"error":{"grpc_code":4,"http_code":504,"message":"context deadline exceeded","#
                + #""http_status":"Gateway Timeout"}}"#
            try await HTTPPeer.with(fixture.port) { peer in
                let watch = #"{"create_request":{"key":"Zm9v"}}"#
                let begun = try await peer.request("POST", "/v3/watch", watch, headers: ["Grpc-Timeout: 50m"])
                #expect(begun.status == 200)
                #expect(begun.body.hasSuffix("\n" + late))
                let observe = #"{"name":"bm9uZQ=="}"#
                let silent = try await peer.request(
                    "POST", "/v3/election/observe", observe, headers: ["Grpc-Timeout: 50m"])
                #expect(silent.status == 504)
                #expect(silent.body == late)
                #expect(try await eventually { await watchStreams(fixture.server) == 0 })
            }
        }
    }

    /// An HTTP/1.0 client hears the end of the stream by the end of the connection.
    @Test func oldClients() async throws {
        try await ServerFixture.with { fixture in
            try await HTTPPeer.with(fixture.port) { peer in
                peer.send("POST /v3/lease/keepalive HTTP/1.0\r\nContent-Length: 8\r\n\r\n{\"ID\":1}")
                let answer = try await peer.answer { $0.isWhole }
                #expect(answer.headers["transfer-encoding"] == nil)
                #expect(results(answer).count == 1)
                #expect(peer.isClosed)
            }
        }
    }

    /// A lock is waited for, and its place in the queue is given up by a client that goes away.
    @Test func lockThatIsWaitedFor() async throws {
        try await ServerFixture.with { fixture in
            func lock(_ peer: HTTPPeer) { peer.send("POST", "/v3/lock/lock", #"{"name":"bA=="}"#) }
            func places() async throws -> Int {
                try await HTTPPeer.with(fixture.port) { peer in
                    let range = #"{"key":"bC8=","range_end":"bDA=","keys_only":true}"#
                    return try await peer.request("POST", "/v3/kv/range", range).body
                        .split(separator: "create_revision").count - 1
                }
            }
            let first = try await HTTPPeer.connect(fixture.port)
            lock(first)
            let taken = try await first.answer { $0.isWhole }
            #expect(taken.status == 200)
            let impatient = try await HTTPPeer.connect(fixture.port)
            lock(impatient)
            #expect(try await eventually { try await places() == 2 })
            #expect(impatient.received.isEmpty)
            impatient.close()
            #expect(try await eventually { try await places() == 1 })
            first.close()
        }
    }

    /// Streams that are open neither keep a server from ending nor end without a word.
    @Test func serverThatStops() async throws {
        var watcher: HTTPPeer?
        try await ServerFixture.with { fixture in
            let peer = try await HTTPPeer.connect(fixture.port)
            watcher = peer
            peer.send("POST", "/v3/watch", #"{"create_request":{"key":"Zm9v"}}"#)
            _ = try await peer.answer { results($0).count == 1 }
            try await fixture.server.endWatches()
            let clock = ContinuousClock()
            let start = clock.now
            await fixture.wire.drain(limit: .seconds(1_200))
            #expect(clock.now - start < .seconds(600), "it waited for its limit")
        }
        let peer = try #require(watcher)
        #expect(try await eventually { peer.isClosed })
        #expect(
            peer.received.contains(#""message":"etcdserver: server stopped","http_status":"Service Unavailable"}}"#))
    }
}
