// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGreeterFixture
import SwiftProtobuf
import Testing

/// A message that is `Codable` as well: it must count as a message in every overload.
extension CountResponse: Codable {
    enum CodingKeys: String, CodingKey { case value }

    package init(from decoder: any Swift.Decoder) throws {
        self.init()
        self.value = try decoder.container(keyedBy: CodingKeys.self).decode(Int64.self, forKey: .value)
    }

    package func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(self.value, forKey: .value)
    }
}

@Suite struct BothKindsTests {
    @Test func typesThatAreBothSpeakProtobufAndProtobufsJSON() async throws {
        let registry = InMemoryRegistry()
        var service = MicroService("test.both", registry: registry)
        service.handle("Both.Echo") { (request: CountResponse, context) in request }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let sent = CountResponse.with { $0.value = 1 << 60 }
                let answer: CountResponse = try await client.call("test.both", "Both.Echo", sent)
                #expect(answer == sent)
                let bytes = try await client.call("test.both", "Both.Echo", bytes: [8, 5], codec: .protobuf)
                #expect(bytes == [8, 5])
                // Protobuf's JSON writes 64-bit numbers as text, Codable's would write them bare.
                let text = try await client.call("test.both", "Both.Echo", json: #"{"value":"7"}"#)
                #expect(text == #"{"value":"7"}"#)
            }
        }
    }
}
