// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletGRPCWire
import MartletGreeterFixture
import MartletJSON
import MartletKindsFixture
import MartletReflection
import MartletWireServices
import NIOCore
import SwiftProtobuf
import Testing

@Suite struct ReflectionClientTests {
    private static func withServer<Result>(
        _ router: GRPCRouter, _ body: (WireClient) async throws -> Result
    ) async throws -> Result {
        let logger = Logger(label: "test")
        let server = try WireServer(router: router, logger: logger)
        let address = try await server.bind(.hostPort("127.0.0.1", 0))
        let client = try WireClient(.hostPort("127.0.0.1", try #require(address.port)), logger: logger)
        do {
            let result = try await body(client)
            await client.close()
            await server.close()
            return result
        } catch {
            await client.close()
            await server.close()
            throw error
        }
    }

    private static func router(_ wanted: (String) -> Bool = { _ in true }) throws -> GRPCRouter {
        var router = GRPCRouter()
        router.add("/Greeter/Hello", .unary { _, message in message })
        router.add("/kinds.v1.Mirror/Show", .unary { _, message in message })
        let reflection = try ReflectionService(
            descriptorSets: [GreeterDescriptors.fileDescriptorSet, KindsDescriptors.fileDescriptorSet],
            routedBy: router)
        for (path, route) in reflection.routes where wanted(path) { router.add(path, route) }
        return router
    }

    @Test(arguments: ["v1.", "v1alpha."]) func findsServicesAndTheirMessages(_ version: String) async throws {
        try await Self.withServer(Self.router { $0.contains(version) }) { client in
            let reflection = ReflectionClient(client)
            let services = try #require(try await reflection.services())
            #expect(Array(services.prefix(1)) == ["Greeter"] && services.contains("kinds.v1.Mirror"))
            var pool = DescriptorPool()
            let found1 = try await reflection.describe("kinds.v1.Mirror", into: &pool)
            #expect(found1)
            #expect(pool.missingFiles == [])
            let method = try #require(pool.service("kinds.v1.Mirror")?.methods.first)
            #expect(method.input == "kinds.v1.Kinds" && !method.streamsRequests)
            // There and back through a server that only echoes bytes.
            let json = try #require(JSONParser.parse(Array(#"{"aString":"x","counts":{"a":"1"}}"#.utf8)))
            let request = try MessageEncoder(pool).encode(json, as: method.input)
            let reply = try await client.unary("/kinds.v1.Mirror/Show", request).message
            #expect(try MessageDecoder(pool).decode(reply, as: method.output) == json)
            let found2 = try await reflection.describe("Greeter", into: &pool)
            #expect(found2)
            #expect(pool.service("Greeter")?.methods.map(\.streamsResponses) == [false, true, true, false])
            let found3 = try await reflection.describe("absent.Service", into: &pool)
            #expect(!found3)
        }
    }

    @Test func aServerWithoutReflectionIsNoError() async throws {
        try await Self.withServer(Self.router { _ in false }) { client in
            let found4 = try await ReflectionClient(client).services()
            #expect(found4 == nil)
            var pool = DescriptorPool()
            let found5 = try await ReflectionClient(client).describe("Greeter", into: &pool)
            #expect(!found5)
        }
    }

    @Test func filesThatWereNotSentAlongAreFetched() async throws {
        var set = try Google_Protobuf_FileDescriptorSet(serializedBytes: KindsDescriptors.fileDescriptorSet)
        let files = Dictionary(uniqueKeysWithValues: set.file.map { ($0.name, $0) })
        set.file = []
        // A server that sends just the file that it is asked for, as some do.
        let single = GRPCRoute.stream { _, requests, replies in
            while let bytes = try await requests.next() {
                let text = String(decoding: bytes, as: UTF8.self)
                let name = files.keys.first { text.contains($0) } ?? "kinds.proto"
                guard let file = files[name] else { continue }
                let content: [UInt8] = try file.serializedBytes()
                try await replies.write(Self.fileResponse(content))
            }
        }
        var router = GRPCRouter()
        router.add("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", single)
        try await Self.withServer(router) { client in
            var pool = DescriptorPool()
            let found6 = try await ReflectionClient(client).describe("kinds.v1.Mirror", into: &pool)
            #expect(found6)
            #expect(pool.missingFiles == [])
            #expect(pool.message("google.protobuf.Timestamp") != nil)
        }
    }

    @Test func bytesThatAreNoDescriptorAreAnError() async throws {
        var router = GRPCRouter()
        router.add(
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            .stream { _, requests, replies in
                while try await requests.next() != nil { try await replies.write(Self.fileResponse([0xFF, 0xFF])) }
            })
        try await Self.withServer(router) { client in
            var pool = DescriptorPool()
            await #expect(throws: GRPCStatus.self) {
                try await ReflectionClient(client).describe("a.B", into: &pool)
            }
        }
    }

    /// A ServerReflectionResponse with one file, written by hand: field 4 holds field 1.
    private static func fileResponse(_ file: [UInt8]) -> [UInt8] {
        func counted(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
            var length: [UInt8] = []
            var rest = content.count
            repeat {
                length.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
                rest >>= 7
            } while rest > 0
            return [tag] + length + content
        }
        return counted(0x22, counted(0x0A, file))
    }
}
