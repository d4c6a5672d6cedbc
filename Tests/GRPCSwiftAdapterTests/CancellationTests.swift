// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPC
import MartletGRPCWire
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import MartletHTTP2Session
import SwiftProtobuf
import Synchronization
import Testing

@Suite struct CancellationTests {
    @Test func aDeadlineEndsTheCallOnBothSides() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            // Connecting takes none of the call's time.
            _ = try await fixture.stub.hello(HelloRequest(name: "first"))
            let clock = ContinuousClock()
            let start = clock.now
            let error = await #expect(throws: RPCError.self) {
                try await fixture.stub.hello(
                    HelloRequest(name: "wait:deadline"), options: .with { $0.timeout = .milliseconds(500) })
            }
            #expect(error?.code == .deadlineExceeded)
            #expect(start.duration(to: clock.now) < .seconds(300))
            #expect(try await fixture.events.wait(for: "cancelled deadline, task false"))
            #expect(fixture.events.all.contains("told deadline"))
        }
    }

    @Test func handlersKnowTheirDeadline() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let reply = try await fixture.stub.hello(
                HelloRequest(name: "John"), options: .with { $0.timeout = .seconds(3_000) })
            #expect(reply.deadlineLeftNs > 1_500_000_000_000)
            #expect(reply.deadlineLeftNs <= 3_000_000_000_000)
            #expect(reply.metadata["grpc-timeout"] == nil)
        }
    }

    /// The status goes out at the deadline though the handler looks at nothing.
    @Test func aDeafHandlerHoldsUpNobody() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            try await fixture.withWireClient { (client: WireClient) async throws in
                // Connecting takes none of the call's time.
                _ = try await client.unary("/Greeter/Hello", HelloRequest(name: "first").serializedBytes() as [UInt8])
                var wasUnderWay = false
                // A handler that had no turn in time shows nothing: then it gets longer.
                for (timeout, sleep) in [("100m", 10_000), ("2S", 20_000), ("10S", 60_000)] where !wasUnderWay {
                    var options = WireCallOptions()
                    // Only the server keeps this time.
                    options.metadata.append("grpc-timeout", timeout)
                    let request = try HelloRequest(name: "sleep:\(sleep)").serializedBytes() as [UInt8]
                    let late = options
                    let status = await #expect(throws: GRPCStatus.self) {
                        try await client.unary("/Greeter/Hello", request, options: late)
                    }
                    #expect(status?.code == .deadlineExceeded)
                    let seen = fixture.events.all
                    wasUnderWay = seen.contains("started sleep:\(sleep)") && !seen.contains("ended sleep:\(sleep)")
                    guard wasUnderWay else { continue }
                    #expect(try await fixture.events.wait(for: "ended sleep:\(sleep)"))
                }
                #expect(wasUnderWay)
            }
        }
    }

    @Test func cancellingTheCallerCancelsTheHandler() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let call = Task { try await fixture.stub.hello(HelloRequest(name: "wait:caller")) }
            #expect(try await fixture.events.wait(for: "started caller"))
            call.cancel()
            let result = await call.result
            let error = #expect(throws: RPCError.self) { try result.get() }
            #expect(error?.code == .cancelled)
            // Through the handle, never through the task.
            #expect(try await fixture.events.wait(for: "cancelled caller, task false"))
            #expect(fixture.events.all.contains("told caller"))
        }
    }

    @Test func leavingAStreamCancelsTheHandler() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            try await fixture.stub.count(CountRequest(upto: 100_000, pauseMs: 1)) { response in
                for try await _ in response.messages { break }
            }
            #expect(try await fixture.events.wait(for: "count cancelled"))
        }
    }

    /// More than the windows hold, to a reader who leaves: the blocked writer must wake.
    @Test func leavingAFullStreamFreesItsWriter() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            try await fixture.stub.chat { writer in
                while true { try await writer.write(ChatMessage(String(repeating: "x", count: 100_000))) }
            } onResponse: { response in
                for try await _ in response.messages {
                    try await Task.sleep(for: .milliseconds(200))
                    break
                }
            }
            #expect(try await fixture.stub.hello(HelloRequest(name: "after")).greeting == "Hello after")
        }
    }

    @Test func aCallThatEndedIsNotCancelledAfterwards() async throws {
        try await GreeterFixture.run(
            serverInterceptors: [.apply(Remembering.shared, to: .all)]
        ) { (fixture: GreeterFixture) async throws in
            _ = try await fixture.stub.hello(HelloRequest(name: "John"))
            // The stream closes right after the reply; the next call comes after that on the same connection.
            _ = try await fixture.stub.hello(HelloRequest(name: "Mary"))
            #expect(Remembering.shared.log.all == ["kept"])
            #expect(Remembering.shared.first.withLock { $0?.isCancelled } == false)
        }
    }

    @Test func theEndOfTheServerEndsItsCalls() async throws {
        let (log, error) = try await withThrowingTaskGroup(of: Void.self) { group in
            let greeter = TestGreeter()
            let transport = MartletServerTransport(
                address: .hostPort("127.0.0.1", 0), logger: GreeterFixture.logger)
            let server = GRPCServer(transport: transport, services: [greeter])
            let serving = Task { try await server.serve() }
            let client = GRPCClient(
                transport: try MartletClientTransport(
                    target: try await transport.listeningAddress, logger: GreeterFixture.logger))
            group.addTask { try await client.runConnections() }
            let call = Task { try await Greeter.Client(wrapping: client).hello(HelloRequest(name: "wait:end")) }
            #expect(try await greeter.events.wait(for: "started end"))
            serving.cancel()
            // Returns only when the handler has.
            _ = await serving.result
            let log = greeter.events.all
            let result = await call.result
            client.beginGracefulShutdown()
            try await group.waitForAll()
            return (log, #expect(throws: RPCError.self) { try result.get() })
        }
        #expect(log.contains("cancelled end, task false"))
        #expect(error?.code == .unavailable)
    }
}
