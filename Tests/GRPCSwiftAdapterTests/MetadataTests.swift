// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPC
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import Testing

@Suite struct MetadataTests {
    static let metadata: Metadata = [
        "x-initial-a": "1", "x-initial-a": "2", "X-Initial-B": "upper", "x-trailing-c": "3",
        "x-initial-raw-bin": .binary([0, 255, 128, 7]), "x-trailing-raw-bin": .binary([]),
    ]

    private static func check(initial: Metadata, trailing: Metadata) {
        #expect(Array(initial[stringValues: "x-initial-a"]) == ["1", "2"])
        #expect(Array(initial[stringValues: "x-initial-b"]) == ["upper"])
        #expect(Array(initial[binaryValues: "x-initial-raw-bin"]) == [[0, 255, 128, 7]])
        #expect(Array(trailing[stringValues: "x-trailing-c"]) == ["3"])
        #expect(Array(trailing[binaryValues: "x-trailing-raw-bin"]) == [[]])
    }

    @Test func goesThereAndBack() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            try await fixture.stub.hello(HelloRequest(name: "John"), metadata: Self.metadata) { response in
                Self.check(initial: response.metadata, trailing: response.trailingMetadata)
                // The wire's own fields stay below.
                #expect(!response.metadata.contains { $0.key == "content-type" || $0.key.hasPrefix(":") })
                #expect(!response.trailingMetadata.contains { $0.key == "grpc-status" })
            }
            try await fixture.stub.count(CountRequest(upto: 2), metadata: Self.metadata) { response in
                var trailing = Metadata()
                for try await part in try response.accepted.get().bodyParts {
                    if case .trailingMetadata(let metadata) = part { trailing = metadata }
                }
                Self.check(initial: response.metadata, trailing: trailing)
            }
        }
    }

    @Test func followsAnError() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            try await fixture.stub.hello(HelloRequest(name: "err:5:gone"), metadata: Self.metadata) { response in
                guard case .failure(let error) = response.accepted else {
                    Issue.record("\(response)")
                    return
                }
                #expect(error.code == .notFound)
                #expect(error.message == "gone")
                #expect(Array(error.metadata[stringValues: "x-trailing-c"]) == ["3"])
                #expect(Array(error.metadata[binaryValues: "x-trailing-raw-bin"]) == [[]])
            }
        }
    }

    @Test func fieldsOfTheWireCannotBeForged() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let forged: Metadata = [
                "content-type": "text/html", "te": "gzip", "grpc-encoding": "br", "connection": "close",
                ":path": "/Greeter/Count", "mine": "yes",
            ]
            let reply = try await fixture.stub.hello(HelloRequest(name: "John"), metadata: forged)
            #expect(reply.metadata["mine"] == "yes")
            #expect(reply.metadata["user-agent"] == "grpc-swift-2 martlet-swift")
            #expect(Set(reply.metadata.keys) == ["mine", "user-agent"])
        }
    }
}
