// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPC
import MartletGRPCWire
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import SwiftProtobuf
import Testing

@Suite struct StatusTests {
    @Test(arguments: 1...16) func everyCodeGoesThrough(_ code: Int) async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let text = "50 % of\nKäse: \u{1F9C0}"
            let error = await #expect(throws: RPCError.self) {
                try await fixture.stub.hello(HelloRequest(name: "err:\(code):\(text)"))
            }
            #expect(error?.code.rawValue == code)
            #expect(error?.message == text)
        }
    }

    @Test func otherErrorsAreUnknown() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let error = await #expect(throws: RPCError.self) {
                try await fixture.stub.hello(HelloRequest(name: "throw"))
            }
            #expect(error?.code == .unknown)
        }
    }

    @Test func aStreamMayFailBeforeAndAfterMessages() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let before = await #expect(throws: RPCError.self) {
                try await fixture.stub.count(CountRequest(upto: -1)) { try await $0.values }
            }
            #expect(before?.code == .invalidArgument)
            #expect(before?.message == "upto is negative")
            try await fixture.stub.count(CountRequest(upto: 9), metadata: ["x-fail-after": "3"]) { response in
                var values: [Int64] = []
                let after = await #expect(throws: RPCError.self) {
                    for try await message in response.messages { values.append(message.value) }
                }
                #expect(values == [0, 1, 2])
                #expect(after?.code == .aborted)
                #expect(after?.message == "stopped after 3")
            }
        }
    }

    /// The server answers while the client still sends.
    @Test func anEarlyStatusStopsTheSender() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let error = await #expect(throws: RPCError.self) {
                try await fixture.stub.gather { writer in
                    try await writer.write(ChatMessage("stop"))
                    while true { try await writer.write(ChatMessage(String(repeating: "x", count: 10_000))) }
                }
            }
            #expect(error?.code == .outOfRange)
            #expect(error?.message == "stopped")
        }
    }

    @Test func aSenderThatFailsEndsTheCall() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let error = await #expect(throws: RPCError.self) {
                try await fixture.stub.chat { writer in
                    try await writer.write(ChatMessage("one"))
                    throw RPCError(code: .dataLoss, message: "the file broke")
                } onResponse: { response in
                    for try await _ in response.messages {}
                }
            }
            #expect(error?.code == .dataLoss)
            #expect(error?.message == "the file broke")
            #expect(try await fixture.events.wait(for: "chat failed: cancelled"))
        }
    }

    @Test(arguments: ["/Greeter/Nothing", "/Nobody/Hello", "/nothing"])
    func unknownPathsAreUnimplemented(_ path: String) async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            try await fixture.withWireClient { (client: WireClient) async throws in
                let status = await #expect(throws: GRPCStatus.self) { try await client.unary(path, []) }
                #expect(status?.code == .unimplemented)
            }
        }
    }

    @Test func onlyProtobufIsSpoken() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            try await fixture.withWireClient { (client: WireClient) async throws in
                var options = WireCallOptions()
                options.contentSubtype = "json"
                let status = await #expect(throws: GRPCStatus.self) {
                    try await client.unary("/Greeter/Hello", Array("{}".utf8), options: options)
                }
                #expect(status?.code == .unimplemented)
                for subtype in ["", "proto"] {
                    options.contentSubtype = subtype
                    let request = try HelloRequest(name: "John").serializedBytes() as [UInt8]
                    let reply = try await client.unary("/Greeter/Hello", request, options: options)
                    #expect(try HelloResponse(serializedBytes: reply.message).greeting == "Hello John")
                }
            }
        }
    }
}
