// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import MartletGRPC
import MartletGreeterFixture
import MartletGreeterGRPCFixture
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Generated service, generated stub, all four kinds.
@Suite struct CallKindTests {
    @Test func unary() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let reply = try await fixture.stub.hello(HelloRequest(name: "John"))
            #expect(reply.greeting == "Hello John")
            #expect(reply.nodeTags[0].hasPrefix("ipv4:127.0.0.1:"))
            #expect(reply.nodeTags[1] == "ipv4:\(fixture.address)")
            #expect(reply.nodeTags[2] == "\(fixture.address)")
            #expect(reply.nodeTags[3] == "Greeter/Hello")
            #expect(reply.deadlineLeftNs == 0)
        }
    }

    @Test(arguments: [0, 1, 1_000]) func serverStream(_ upto: Int64) async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let values = try await fixture.stub.count(CountRequest(upto: upto)) { try await $0.values }
            #expect(values == Array(0..<upto))
        }
    }

    @Test(arguments: [0, 1, 1_000]) func clientStream(_ count: Int64) async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let reply = try await fixture.stub.gather { writer in
                for value in 0..<count { try await writer.write(ChatMessage("\(value)", value)) }
            }
            #expect(reply.text == (0..<count).map { "\($0)" }.joined(separator: ","))
            #expect(reply.seq == (0..<count).reduce(0, +))
        }
    }

    @Test func bidirectionalStream() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let texts = try await fixture.stub.chat { writer in
                for value in 0..<1_000 { try await writer.write(ChatMessage("\(value)")) }
            } onResponse: { response in
                var texts: [String] = []
                for try await message in response.messages { texts.append(message.text) }
                return texts
            }
            #expect(texts == (0..<1_000).map { "\($0)" })
        }
    }

    /// Each message is sent only when the one before has come back, and the first only when the metadata has.
    @Test func aConversationTakesTurns() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let (turns, next) = AsyncStream.makeStream(of: Int.self)
            let count = try await fixture.stub.chat(metadata: ["x-initial-mood": "calm"]) { writer in
                for await turn in turns { try await writer.write(ChatMessage("\(turn)")) }
            } onResponse: { response in
                #expect(Array(response.metadata["x-initial-mood"]) == ["calm"])
                var count = 0
                next.yield(0)
                for try await message in response.messages {
                    #expect(message.text == "\(count)")
                    count += 1
                    if count == 100 { next.finish() } else { next.yield(count) }
                }
                return count
            }
            #expect(count == 100)
        }
    }

    @Test func aThousandCallsAtOnce() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let greetings = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<1_000 {
                    group.addTask { try await fixture.stub.hello(HelloRequest(name: "\(number)")).greeting }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(greetings == Set((0..<1_000).map { "Hello \($0)" }))
        }
    }

    @Test func overAUnixSocket() async throws {
        let path = "/tmp/martlet-\(UInt64.random(in: 0 ... .max)).sock"
        defer { unlink(path) }
        try await GreeterFixture.run(address: .unixDomainSocket(path)) { (fixture: GreeterFixture) async throws in
            #expect("\(fixture.address)" == "unix:\(path)")
            let reply = try await fixture.stub.hello(HelloRequest(name: "John"))
            #expect(reply.greeting == "Hello John")
            #expect(reply.nodeTags[1] == "unix:\(path)")
        }
    }

    /// A handler that reads nothing holds back its caller, and nobody else.
    @Test func aSlowReaderSlowsItsWriterOnly() async throws {
        try await GreeterFixture.run { (fixture: GreeterFixture) async throws in
            let sent = Mutex(0)
            let text = String(repeating: "x", count: 100_000)
            let call = Task {
                try await fixture.stub.chat(metadata: ["x-hold": "yes"]) { writer in
                    for _ in 0..<200 {
                        try await writer.write(ChatMessage(text))
                        sent.withLock { $0 += 1 }
                    }
                } onResponse: { response in
                    var count = 0
                    for try await _ in response.messages { count += 1 }
                    return count
                }
            }
            #expect(try await fixture.events.wait(for: "holding"))
            for number in 0..<100 { _ = try await fixture.stub.hello(HelloRequest(name: "\(number)")) }
            // 20 MB are to be sent: the window of 1 MiB and the queues around it hold but a part of them.
            #expect(sent.withLock { $0 } < 100)
            fixture.greeter.release()
            #expect(try await call.value == 200)
        }
    }

    @Test(arguments: [false, true]) func handlersRunOffTheLoopIfAsked(_ blocking: Bool) async throws {
        var configuration = MartletServerTransport.Configuration()
        configuration.executor = blocking ? .blockingPool : .concurrentPool
        try await GreeterFixture.run(server: configuration) { (fixture: GreeterFixture) async throws in
            #expect(try await fixture.stub.hello(HelloRequest(name: "John")).greeting == "Hello John")
            let values = try await fixture.stub.count(CountRequest(upto: 100)) { try await $0.values }
            #expect(values.count == 100)
        }
    }
}
