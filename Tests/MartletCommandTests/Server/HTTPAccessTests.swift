// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import MartletGRPCWire
import Testing

@Suite struct HTTPAccessTests {
    private func access(_ arguments: [String] = [], listener: Int = 0) throws -> HTTPAccess {
        try ServerOptions(try ServerFlags(arguments: arguments)).listeners[listener].access
    }

    private func request(
        _ method: String = "GET", _ uri: String = "/version", _ headers: [(String, String)] = []
    ) -> HTTP1Request {
        HTTP1Request(method: method, uri: uri, headers: headers)
    }

    private func answer(_ access: HTTPAccess, _ request: HTTP1Request) async -> HTTP1Response {
        await access.guarding { _ in HTTP1Response(status: 299, headers: [("X", "y")], body: [1]) }(request)
    }

    @Test func letsEverybodyInOfItself() async throws {
        let response = await answer(try access(), request("GET", "/version", [("Host", "evil.example")]))
        #expect(response.status == 299)
        #expect(
            response.headers.map { "\($0.0): \($0.1)" } == [
                "X: y", "Access-Control-Allow-Methods: POST, GET, OPTIONS, PUT, DELETE",
                "Access-Control-Allow-Origin: *",
                "Access-Control-Allow-Headers: accept, content-type, authorization",
            ])
    }

    @Test(arguments: [
        ("good.example", true), ("good.example:2379", true), ("127.0.0.1:1", true), ("[::1]:1", true), ("bad", false),
        ("bad.example:2379", false), ("", false), ("good.example.evil", false),
    ])
    func knowsHosts(_ host: String, _ isLetIn: Bool) async throws {
        let access = try access(["--host-whitelist=good.example,127.0.0.1,::1"])
        let response = await answer(access, request("GET", "/v3/kv/range", [("host", host)]))
        #expect(response.status == (isLetIn ? 299 : 421))
    }

    /// To the byte what etcd 3.5.1 answers: 373 of them.
    @Test func saysHowToBeLetIn() async throws {
        let access = try access(["--host-whitelist=good.example"])
        let response = await answer(access, request("GET", "/health", [("Host", "bad.example:1")]))
        let text = String(decoding: response.body, as: UTF8.self)
        #expect(response.body.count == 373)
        #expect(text.hasPrefix("\netcd received your request, but the Host header was unrecognized.\n\nTo fix this"))
        #expect(text.contains("  - e.g. etcd --host-whitelist \"bad.example\"\n"))
        #expect(response.headers.contains { $0 == ("X-Content-Type-Options", "nosniff") })
    }

    @Test func asksNoHostOverTLS() throws {
        let access = try access([
            "--listen-client-urls=https://127.0.0.1:1", "--auto-tls", "--host-whitelist=good.example",
        ])
        #expect(access.hosts == nil)
    }

    @Test func knowsOrigins() async throws {
        let access = try access(["--cors=http://a.example:80"])
        let known = await answer(access, request("GET", "/version", [("Origin", "http://a.example:80")]))
        #expect(known.headers.contains { $0 == ("Access-Control-Allow-Origin", "http://a.example:80") })
        let unknown = await answer(access, request("GET", "/version", [("Origin", "http://b.example:80")]))
        #expect(unknown.status == 299)
        #expect(unknown.headers.map(\.0) == ["X"])
    }

    @Test func answersPreflights() async throws {
        for origin in ["http://a.example:80", "http://b.example:80"] {
            let response = await answer(
                try access(["--cors=http://a.example:80"]), request("OPTIONS", "/v3/kv/range", [("Origin", origin)]))
            #expect(response.status == 200)
            #expect(response.body.isEmpty)
            #expect(response.headers.isEmpty == (origin == "http://b.example:80"))
        }
    }

    @Test func hasNoGatewayWhereItIsOff() async throws {
        let access = try access(["--enable-grpc-gateway=false"])
        let gateway = await answer(access, request("POST", "/v3/kv/range"))
        #expect(gateway.status == 404)
        let version = await answer(access, request())
        #expect(version.status == 299)
    }

    @Test(arguments: [
        ("/metrics", 299), ("/health?serializable=true", 299), ("/livez", 299), ("/readyz/data_corruption", 299),
        ("/version", 404), ("/v3/kv/range", 404), ("/healthy", 404),
    ])
    func showsOnlyMetrics(_ uri: String, _ status: Int) async throws {
        let access = try access(
            ["--listen-metrics-urls=http://127.0.0.1:1", "--host-whitelist=good.example"], listener: 1)
        let response = await answer(access, request("GET", uri, [("Host", "other")]))
        #expect(response.status == status)
        #expect(!response.headers.contains { $0.0.hasPrefix("Access-Control") })
    }
}
