// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGRPCWire
import Testing

@Suite struct MountTests {
    @Test func mountedMethodsAreCalledByTheirEnd() async throws {
        let registry = InMemoryRegistry()
        var service = MicroService("test.greeter", registry: registry)
        service.mount("/some.pkg.Mounted/Echo", isStreaming: false, .unary(subtypes: .any) { _, bytes in bytes })
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                for endpoint in ["Mounted.Echo", "/some.pkg.Mounted/Echo"] {
                    let answer = try await client.call("test.greeter", endpoint, bytes: [1, 2], codec: .protobuf)
                    #expect(answer == [1, 2])
                }
            }
            let record = try await registry.services(named: "test.greeter").first
            #expect(record?.endpoints?.contains { $0.name == "Mounted.Echo" } == true)
        }
    }
}
