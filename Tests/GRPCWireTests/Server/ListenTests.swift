// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletTestPrograms
import NIOCore
import Testing

@Suite(.timeLimit(.minutes(30))) struct ListenTests {
    private static var router: GRPCRouter {
        var router = GRPCRouter()
        router.add("/L/Echo", .unary { $1 })
        router.add("/L/Authority", .unary { call, _ in bytes(call.authority) })
        return router
    }

    @Test func unixSocket() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("socket")
        let server = try WireServer(router: Self.router, logger: .silent)
        _ = try await server.bind(.unixSocket(path))
        try await withClient(.unixSocket(path)) { client in
            let reply = try await client.unary("/L/Echo", [1])
            #expect(reply.message == [1])
            let authority = try await client.unary("/L/Authority", [])
            #expect(text(authority.message) == "localhost")
        }
        await server.close()
        // A second server takes over the file that the first one left.
        let next = try WireServer(router: Self.router, logger: .silent)
        _ = try await next.bind(.unixSocket(path))
        try await withClient(.unixSocket(path)) { client in
            let reply = try await client.unary("/L/Echo", [2])
            #expect(reply.message == [2])
        }
        await next.close()
    }

    @Test func localhostIsBothFamilies() async throws {
        let server = try WireServer(router: Self.router, logger: .silent)
        let address = try await server.bind(.hostPort("localhost", 0))
        let port = try #require(address.port)
        #expect(address.ipAddress == "127.0.0.1")
        var hosts = ["127.0.0.1", "localhost"]
        if await Self.hasIPv6 { hosts.append("::1") }
        for host in hosts {
            try await withClient(.hostPort(host, port)) { client in
                let reply = try await client.unary("/L/Echo", [1])
                #expect(reply.message == [1])
            }
        }
        await server.close()
    }

    private static var hasIPv6: Bool {
        get async {
            guard let probe = try? WireServer(router: GRPCRouter(), logger: .silent) else { return false }
            let address = try? await probe.bind(.hostPort("::1", 0))
            await probe.close()
            return address != nil
        }
    }

    @Test func severalAddressesOfOneServer() async throws {
        let server = try WireServer(router: Self.router, logger: .silent)
        for _ in 0..<3 {
            let address = try await server.bind(.hostPort("127.0.0.1", 0))
            try await withClient(address.wireAddress) { client in
                let reply = try await client.unary("/L/Echo", [1])
                #expect(reply.message == [1])
            }
        }
        await server.close()
    }

    @Test func takenPortIsAnError() async throws {
        try await withServer(Self.router) { _, address in
            let second = try WireServer(router: Self.router, logger: .silent)
            await #expect(throws: (any Error).self) { try await second.bind(address) }
            await second.close()
        }
    }

    @Test func closedServerRefuses() async throws {
        try await withServer(Self.router) { server, address in
            await server.close()
            try await withClient(address) { client in
                let status = await status(.unavailable) { _ = try await client.unary("/L/Echo", []) }
                #expect(status?.isConnectFailure == true)
            }
        }
    }
}
