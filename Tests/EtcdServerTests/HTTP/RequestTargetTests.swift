// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletEtcdServer
import MartletGRPCWire
import NIOPosix
import Testing

/// Which requests are the gateway's.
@Suite struct RequestTargetTests {
    @Test(arguments: [
        ("/v3/kv/range", 400), ("/v3beta/kv/range", 400), ("/v3/kv/r%61nge?x=1", 400), ("/v3/kv/range%2F", 404),
        ("/v3beta/v3beta/kv/range", 404), ("/v3alpha/kv/range", 404), ("/v3", 404), ("/v3/%", 404), ("/v3/%zz", 404),
    ])
    func paths(uri: String, status: Int) async throws {
        let server = try await EtcdServer.start(
            configuration: EtcdServerConfiguration(), logger: Logger(label: "test"),
            on: MultiThreadedEventLoopGroup.singleton.any())
        let response = await server.respond(to: HTTP1Request(method: "POST", uri: uri))
        #expect(response.status == status)
        try await server.stop()
    }
}
