// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletGRPCWire
import MartletGreeterFixture
import MartletHTTP2Session
import NIOCore
import SwiftProtobuf
import Testing

/// What go-micro's servers answer, byte for byte as captured of v1.18.0 and v6.10.0, and what our client sends them.
@Suite(.timeLimit(.minutes(30))) struct GoMicroClientTests {
    /// Calls a server that answers every call by `answer`.
    static func run(
        _ answer: @escaping GRPCRoute.StreamHandler, _ body: (MicroClient, String) async throws -> Void
    ) async throws {
        var router = GRPCRouter()
        router.unknown = { _ in .stream(subtypes: .any, answer) }
        let server = try WireServer(router: router, logger: Logger(label: "test"))
        let bound = try await server.bind(.hostPort("127.0.0.1", 0))
        let address = "127.0.0.1:\(try #require(bound.port))"
        try await withMicroClient(
            registry: InMemoryRegistry(),
            configure: {
                patiently(&$0)
                $0.serviceName = "go.micro.server"
            }
        ) { try await body($0, address) }
        await server.close()
    }

    static func error(_ status: GRPCStatus) async throws -> MicroError? {
        var error: MicroError?
        try await self.run { _, _, _ in
            throw status
        } _: { client, address in
            error = await EndpointLimitsTests.failure {
                let _: HelloResponse = try await client.call("go.micro.server", "Greeter.Hello", HelloRequest()) {
                    $0.address = address
                }
            }
        }
        return error
    }

    @Test(arguments: [("proto", "application/grpc+proto"), ("json", "application/grpc+json")])
    func headersOfAUnaryCall(_ subtype: String, _ type: String) async throws {
        let seen = Recorder<HeaderBlock>()
        try await Self.run { call, requests, responses in
            await seen.add(call.metadata)
            let request = try await requests.next()
            let proto: [UInt8] = [0x0A, 0x04] + Array("John".utf8)
            #expect(request == (subtype == "proto" ? proto : Array(#"{"name":"John"}"#.utf8)))
            try await responses.write(
                subtype == "proto" ? [0x0A, 0x02, 0x68, 0x69] : Array(#"{"greeting":"hi"}"#.utf8))
        } _: { client, address in
            let answer: HelloResponse = try await client.call(
                "go.micro.server", "Greeter.Hello", HelloRequest.with { $0.name = "John" }
            ) {
                $0.address = address
                $0.codec = subtype == "json" ? .json : .protobuf
                $0.timeout = .seconds(3_000)
                $0.metadata = ["X-Trace-Id": "abc", "Foo_Bar": "1"]
            }
            #expect(answer.greeting == "hi")
        }
        let headers = try #require(await seen.values.first)
        #expect(headers.first(":method") == "POST")
        #expect(headers.first(":scheme") == "http")
        #expect(headers.first(":path") == "/go.micro.server.Greeter/Hello")
        #expect(headers.first("content-type") == type)
        #expect(headers.first("te") == "trailers")
        #expect(headers.first("micro-from-service") == "go.micro.server")
        #expect(headers.first("x-content-type") == type)
        #expect(headers.first("x-trace-id") == "abc")
        #expect(headers.first("foo_bar") == "1")
        // Nanoseconds, decimal, and beside it gRPC's own.
        let nanoseconds = try #require(headers.first("timeout").flatMap { Int64($0) })
        #expect(nanoseconds > 1_500_000_000_000 && nanoseconds <= 3_000_000_000_000)
        #expect(headers.first("grpc-timeout") != nil)
    }

    // MARK: Errors

    @Test(arguments: GoMicroServerTests.errorsOfBothVersions)
    func errorsOfBothVersions(_ code: Int32, _ grpc: Int, _ detail: String, _ name: String) async throws {
        let text = #"{"id":"go.micro.server.greeter","code":\#(code),"detail":"\#(detail)","status":"\#(name)"}"#
        let wanted = MicroError(.init(rawValue: code), detail, id: "go.micro.server.greeter")
        #expect(wanted.status == name)
        let status = GRPCStatus(GRPCStatusCode(rawValue: grpc), text)
        let old = try await Self.error(status)
        #expect(old == wanted)
        #expect(old?.grpcStatusCode == grpc)
        // v6.10 says the same in a detail, too. It comes first, whatever the message says.
        var new = GRPCStatus(GRPCStatusCode(rawValue: grpc), "something else")
        new.trailers.append(
            "grpc-status-details-bin",
            binary: GoMicroServerTests.statusDetail(grpc, text, "go.micro.server.greeter", code, detail, name))
        let found = try await Self.error(new)
        #expect(found == wanted)
    }

    @Test func errorsWithoutGoMicrosShape() async throws {
        // Code 0 is none: the whole text is what happened.
        let zero = #"{"id":"go.micro.server.greeter","code":0,"detail":"zero","status":""}"#
        #expect(
            try await Self.error(GRPCStatus(.unknown, zero))
                == MicroError(.internalServerError, zero, id: "go.micro.client"))
        // Percent signs stay what they are.
        #expect(
            try await Self.error(GRPCStatus(.unknown, "größe 漢字 100%"))
                == MicroError(.internalServerError, "größe 漢字 100%", id: "go.micro.client"))
        // As v6.10's client: the status' own code where there is no other.
        #expect(
            try await Self.error(GRPCStatus(.unimplemented, "unknown service Greeter.Nope"))
                == MicroError(.notImplemented, "unknown service Greeter.Nope", id: "go.micro.client"))
        let exhausted = try await Self.error(GRPCStatus(.resourceExhausted, "grpc: received message larger than max"))
        #expect(exhausted?.code == .internalServerError)
        #expect(exhausted?.grpcStatusCode == 8)
    }

    /// v6.10's client dies of a foreign detail that comes first.
    @Test func foreignDetailsAreSkipped() async throws {
        func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }
        let foreign = field(3, field(1, Array("type.googleapis.com/google.rpc.ErrorInfo".utf8)) + field(2, [1, 2, 3]))
        let own = field(
            3, field(1, Array("type.googleapis.com/errors.Error".utf8)) + field(2, [0x10, 0x94, 0x03, 0x1A, 1, 0x78]))
        var status = GRPCStatus(.notFound, "with details")
        status.trailers.append("grpc-status-details-bin", binary: foreign + own)
        let found = try await Self.error(status)
        #expect(found?.code == .notFound)
        #expect(found?.detail == "x")
        var only = GRPCStatus(.notFound, "with details")
        only.trailers.append("grpc-status-details-bin", binary: foreign)
        let message = try await Self.error(only)
        #expect(message == MicroError(.notFound, "with details", id: "go.micro.client"))
    }

    /// go-micro's server answers an error of code 200 with status 0 and no message.
    @Test func successWithoutAMessageIsAnError() async throws {
        try await Self.run { _, _, _ in
        } _: { client, address in
            let error = await EndpointLimitsTests.failure {
                let _: HelloResponse = try await client.call("go.micro.server", "Greeter.Hello", HelloRequest()) {
                    $0.address = address
                }
            }
            #expect(error?.code == .internalServerError)
        }
    }

    @Test func jsonOfBothVersionsIsRead() async throws {
        for text in [
            #"{"greeting":"hi","deadlineLeftNs":"4998820361","nodeTags":["v6"],"unknown":{"a":[1]}}"#,
            #"{"greeting":"hi","deadline_left_ns":"4998820361","node_tags":["v6"]}"#,
        ] {
            try await Self.run { _, requests, responses in
                _ = try await requests.next()
                try await responses.write(Array(text.utf8))
            } _: { client, address in
                let answer: HelloResponse = try await client.call("go.micro.server", "Greeter.Hello", HelloRequest()) {
                    $0.address = address
                    $0.codec = .json
                }
                #expect(answer.deadlineLeftNs == 4_998_820_361)
                #expect(answer.nodeTags == ["v6"])
            }
        }
    }

    @Test func deadlineOfTheClientIsItsOwnError() async throws {
        try await Self.run { _, requests, responses in
            // Empty is the request that waits in vain.
            if try await requests.next()?.isEmpty == true { try await Task.sleep(for: .seconds(60)) }
            try await responses.write([])
        } _: { client, address in
            // What fails before there is a connection says so in its error.
            let _: HelloResponse = try await client.call(
                "go.micro.server", "Greeter.Hello", HelloRequest.with { $0.name = "John" }
            ) { $0.address = address }
            let error = await EndpointLimitsTests.failure {
                let _: HelloResponse = try await client.call("go.micro.server", "Greeter.Hello", HelloRequest()) {
                    $0.address = address
                    $0.timeout = .milliseconds(40)
                }
            }
            #expect(
                error?.description
                    == #"{"id":"go.micro.client","code":408,"detail":"context deadline exceeded","#
                    + #""status":"Request Timeout"}"#)
        }
    }

    @Test func streamsCarryTheirSubtypeAndNoTimeoutOfTheirOwn() async throws {
        let seen = Recorder<HeaderBlock>()
        try await Self.run { call, requests, responses in
            await seen.add(call.metadata)
            _ = try await requests.next()
            for value in [[], [0x08, 0x01]] as [[UInt8]] { try await responses.write(value) }
        } _: { client, address in
            var values: [Int64] = []
            try await client.serverStream(
                "go.micro.server", "Greeter.Count", CountRequest.with { $0.upto = 2 }, of: CountResponse.self,
                configure: { $0.address = address }
            ) {
                for try await answer in $0 { values.append(answer.value) }
            }
            #expect(values == [0, 1])
        }
        let headers = try #require(await seen.values.first)
        #expect(headers.first("content-type") == "application/grpc+proto")
        #expect(headers.first("x-content-type") == "application/grpc+proto")
        #expect(headers.first("timeout") == nil)
        #expect(headers.first("grpc-timeout") == nil)
    }
}
