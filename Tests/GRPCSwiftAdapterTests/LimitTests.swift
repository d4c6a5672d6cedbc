// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPC
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import SwiftProtobuf
import Testing

@Suite struct LimitTests {
    static let limit = 4 << 20

    /// A request that encodes to `bytes` bytes.
    private static func request(of bytes: Int) throws -> HelloRequest {
        // Tag, then a length of four bytes for what is between 2 MiB and 256 MiB.
        let request = HelloRequest(name: "len:" + String(repeating: "x", count: bytes - 5 - 4))
        let encoded: [UInt8] = try request.serializedBytes()
        try #require(encoded.count == bytes)
        return request
    }

    @Test func fourMebibytesPassBothWaysAndOneByteMoreDoesNot() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let greeting = try await fixture.stub.hello(Self.request(of: Self.limit)).greeting
            #expect(greeting == "len \(Self.limit - 5)")
            let sent = await #expect(throws: RPCError.self) {
                try await fixture.stub.hello(Self.request(of: Self.limit + 1))
            }
            #expect(sent?.code == .resourceExhausted)
            // Tag and length of the blob take five bytes, too.
            let blob = try await fixture.stub.hello(HelloRequest(name: "blob:\(Self.limit - 5)")).blob
            #expect(blob.count == Self.limit - 5)
            #expect(blob.enumerated().allSatisfy { $1 == UInt8($0 % 251) })
            let received = await #expect(throws: RPCError.self) {
                try await fixture.stub.hello(HelloRequest(name: "blob:\(Self.limit - 4)"))
            }
            #expect(received?.code == .resourceExhausted)
            // The connection lives.
            #expect(try await fixture.stub.hello(HelloRequest(name: "after")).greeting == "Hello after")
        }
    }

    @Test func aCallMaySetItsOwnLimits() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let sent = await #expect(throws: RPCError.self) {
                try await fixture.stub.hello(
                    HelloRequest(name: "John"), options: .with { $0.maxRequestMessageBytes = 5 })
            }
            #expect(sent?.code == .resourceExhausted)
            let received = await #expect(throws: RPCError.self) {
                try await fixture.stub.hello(
                    HelloRequest(name: "blob:1000"), options: .with { $0.maxResponseMessageBytes = 1_000 })
            }
            #expect(received?.code == .resourceExhausted)
            let larger = try await fixture.stub.hello(
                HelloRequest(name: "blob:\(Self.limit)"), options: .with { $0.maxResponseMessageBytes = 5 << 20 })
            #expect(larger.blob.count == Self.limit)
        }
    }

    @Test func gzipOnBothSides() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let name = "len:" + String(repeating: "a", count: 100_000)
            let reply = try await fixture.stub.hello(
                HelloRequest(name: name), options: .with { $0.compression = .gzip })
            #expect(reply.greeting == "len 100004")
            let blob = try await fixture.stub.hello(
                HelloRequest(name: "blob:100000"), options: .with { $0.compression = .gzip })
            #expect(blob.blob.count == 100_000)
        }
    }
}
