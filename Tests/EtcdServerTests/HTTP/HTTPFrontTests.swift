// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdServer
import MartletGRPCWire
import NIOPosix
import Testing

/// What all answers over HTTP/1.1 have in common.
@Suite struct HTTPFrontTests {
    private func withServer(
        origins: [String], _ body: (EtcdServer) async throws -> Void
    ) async throws {
        var configuration = EtcdServerConfiguration()
        configuration.allowedOrigins = origins
        let server = try await EtcdServer.start(
            configuration: configuration, logger: Logger(label: "test"),
            on: MultiThreadedEventLoopGroup.singleton.any())
        try await body(server)
        try await server.stop()
    }

    private func value(_ name: String, _ response: HTTP1Response) -> String? {
        response.headers.first { $0.0 == name }?.1
    }

    @Test func everyOriginUnlessTold() async throws {
        try await withServer(origins: ["*"]) { server in
            for uri in ["/health", "/nosuch", "/v3/kv/range", "/v3/nosuch"] {
                let response = await server.respond(to: HTTP1Request(method: "POST", uri: uri))
                #expect(value("Access-Control-Allow-Origin", response) == "*")
                #expect(value("Access-Control-Allow-Methods", response) == "POST, GET, OPTIONS, PUT, DELETE")
                #expect(value("Access-Control-Allow-Headers", response) == "accept, content-type, authorization")
            }
            let question = await server.respond(to: HTTP1Request(method: "OPTIONS", uri: "/v3/kv/range"))
            #expect(question.status == 200)
            #expect(question.body.isEmpty)
        }
    }

    @Test func namedOrigins() async throws {
        try await withServer(origins: ["https://a.test", "https://b.test"]) { server in
            for (origin, isAllowed) in [("https://b.test", true), ("https://c.test", false)] {
                let request = HTTP1Request(method: "GET", uri: "/health", headers: [("origin", origin)])
                let response = await server.respond(to: request)
                #expect(value("Access-Control-Allow-Origin", response) == (isAllowed ? origin : nil))
                #expect(response.status == 200)
            }
            let response = await server.respond(to: HTTP1Request(method: "GET", uri: "/health"))
            #expect(value("Access-Control-Allow-Origin", response) == nil)
        }
    }

    @Test(arguments: [
        ("/v3/kv/range", 400), ("/v3beta/kv/range", 400), ("/v3/kv/r%61nge?x=1", 400), ("/v3/kv/range%2F", 404),
        ("/v3beta/v3beta/kv/range", 404), ("/v3alpha/kv/range", 404), ("/v3", 404), ("/v3/%", 404), ("/v3/%zz", 404),
    ])
    func paths(uri: String, status: Int) async throws {
        try await withServer(origins: []) { server in
            let response = await server.respond(to: HTTP1Request(method: "POST", uri: uri))
            #expect(response.status == status)
        }
    }
}
