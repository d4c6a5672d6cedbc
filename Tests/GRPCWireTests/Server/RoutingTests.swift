// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletHTTP2Session
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct RoutingTests {
    private static var router: GRPCRouter {
        var router = GRPCRouter()
        router.add("/pkg.Known/Echo", .unary { $1 })
        router.add("/pkg.Known/Any", .unary(subtypes: .any) { call, _ in bytes(call.contentSubtype) })
        router.add("/pkg.Known/Json", .unary(subtypes: .only(["json"])) { $1 })
        return router
    }

    @Test(arguments: [
        ("/pkg.Known/Nope", "unknown method Nope for service pkg.Known"),
        ("/pkg.Nobody/Echo", "unknown service pkg.Nobody"),
        ("/a/b/c", "unknown service a/b"),
        ("/noslash", "malformed method name: \"/noslash\""),
    ])
    func unknownPaths(_ path: String, _ message: String) async throws {
        try await withWire(Self.router) { client, _ in
            await status(.unimplemented, message) { _ = try await client.unary(path, [1]) }
            let reply = try await client.unary("/pkg.Known/Echo", [1])
            #expect(reply.message == [1])
        }
    }

    /// A path that fills the header list must not make an answer that cannot be sent.
    @Test func longUnknownPath() async throws {
        try await withWire(Self.router) { client, _ in
            let path = "/" + String(repeating: "ä", count: 25_000) + "/m"
            let status = await status { _ = try await client.unary(path, [1]) }
            #expect(status?.code == .unimplemented || status?.code == .internalError)
        }
    }

    @Test func catchAllSeesWhatNobodyClaims() async throws {
        var router = Self.router
        let lookUps = Counter()
        router.unknown = { path in
            lookUps.add()
            return path.hasPrefix("/any") ? .unary { call, message in bytes(call.path) + message } : nil
        }
        try await withWire(router) { client, _ in
            for _ in 0..<3 {
                let reply = try await client.unary("/any.thing/At", bytes("!"))
                #expect(text(reply.message) == "/any.thing/At!")
            }
            #expect(lookUps.count == 1, "its answers are remembered by each connection")
            await status(.unimplemented, "unknown service other") { _ = try await client.unary("/other/x", []) }
            let known = try await client.unary("/pkg.Known/Echo", [1])
            #expect(known.message == [1])
            // More paths than are remembered.
            for index in 0..<200 { _ = try await client.unary("/any\(index)/m", []) }
        }
    }

    @Test func contentSubtypes() async throws {
        try await withWire(Self.router) { client, _ in
            func call(_ path: String, _ subtype: String) async throws -> WireReply {
                var options = WireCallOptions()
                options.contentSubtype = subtype
                return try await client.unary(path, [1], options: options)
            }
            for subtype in ["", "proto", "json", "bytes", "x-own"] {
                let reply = try await call("/pkg.Known/Any", subtype)
                #expect(text(reply.message) == subtype)
                #expect(reply.metadata.first("content-type") == ContentType.value(subtype: subtype))
            }
            _ = try await call("/pkg.Known/Echo", "")
            _ = try await call("/pkg.Known/Json", "json")
            await status(.unimplemented, "grpc: no codec is registered for content-subtype \"json\"") {
                _ = try await call("/pkg.Known/Echo", "json")
            }
            await status(.unimplemented, "grpc: no codec is registered for content-subtype \"proto\"") {
                _ = try await call("/pkg.Known/Json", "proto")
            }
        }
    }

    @Test func answersInAnotherSubtype() async throws {
        var router = GRPCRouter()
        router.add(
            "/S/M",
            .unary(subtypes: .any) { call, message in
                call.responseSubtype = "json"
                return message
            })
        try await withWire(router) { client, _ in
            let reply = try await client.unary("/S/M", [1])
            #expect(reply.metadata.first("content-type") == "application/grpc+json")
        }
    }

    @Test func wrongContentTypeIs415() async throws {
        try await withServer(Self.router) { _, address in
            let peer = try await RawPeer.connect(address)
            defer { peer.close() }
            try await peer.startClient()
            var head = RawPeer.requestHead(path: "/pkg.Known/Echo")
            head = head.map { $0.0 == "content-type" ? ("content-type", "application/json") : $0 }
            peer.open(1, head, endStream: true)
            #expect(try await peer.response(1).first(":status") == "415")
            let get = RawPeer.requestHead(path: "/pkg.Known/Echo").map { $0.0 == ":method" ? (":method", "GET") : $0 }
            peer.open(3, get, endStream: true)
            #expect(try await peer.response(3).first(":status") == "405")
        }
    }

    @Test func headerListLimit() async throws {
        try await withWire(Self.router, server: { $0.maximumHeaderListBytes = 8_000 }) { client, _ in
            var options = WireCallOptions()
            options.metadata.append("x-long", String(repeating: "v", count: 9_000))
            await status(.resourceExhausted, "grpc: received header list larger than max (8000)") {
                _ = try await client.unary("/pkg.Known/Echo", [1], options: options)
            }
            let reply = try await client.unary("/pkg.Known/Echo", [1])
            #expect(reply.message == [1])
        }
    }

    @Test func unknownCompressionIsStatus12() async throws {
        try await withWire(Self.router) { client, _ in
            var options = WireCallOptions()
            options.metadata = ["grpc-encoding": "snappy"]
            let status = await status(
                .unimplemented, "grpc: Decompressor is not installed for grpc-encoding \"snappy\""
            ) { _ = try await client.unary("/pkg.Known/Echo", [1], options: options) }
            #expect(status?.trailers.first("grpc-accept-encoding") == "gzip")
        }
    }
}
