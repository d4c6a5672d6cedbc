// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletGRPCWire
import Testing

@Suite struct MalformedRequestTests {
    /// On the wire the message stays the bare text of gRPC's and go-micro's servers.
    @Test func malformedRequestsHaveGRPCsTextOnTheWire() async throws {
        try await withService(ServiceTests.service(InMemoryRegistry())) { node in
            let address = try #require(WireAddress(node.address))
            let wire = try WireClient(address, logger: Logger(label: "test"))
            do {
                _ = try await wire.unary("/test.greeter.Greeter/Hello", [0x0A, 5, 65])
                Issue.record("malformed protobuf was taken")
            } catch let status as GRPCStatus {
                #expect(status.code == .internalError)
                #expect(status.message == "grpc: failed to unmarshal the received message unexpected EOF")
            }
            await wire.close()
        }
    }
}
