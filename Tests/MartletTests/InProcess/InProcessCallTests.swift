// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGreeterFixture
import MartletTestPrograms
import SwiftProtobuf
import Testing

/// A service answers a client of its own process as it answers all others.
@Suite(.timeLimit(.minutes(30))) struct InProcessCallTests {
    static func call(_ client: MicroClient, _ endpoint: String, _ name: String = "a") async -> String {
        await InProcessFixture.outcome {
            let answer: Answer = try await client.call(InProcessFixture.name, endpoint, Question(name: name))
            return answer.greeting
        }
    }

    @Test(arguments: CallWay.allCases) func callsTakeTheirWay(_ way: CallWay) async throws {
        try await InProcessFixture.run(way) { (client, _) async throws in
            let expected = way == .inProcess ? "inside" : "socket"
            #expect(await Self.call(client, "Show.Peer") == expected)
            var seen: [String] = []
            try await client.serverStream(
                InProcessFixture.name, "Show.PeerOfStream", Question(name: ""), of: Answer.self
            ) {
                for try await answer in $0 { seen.append(answer.greeting) }
            }
            #expect(seen == [expected])
        }
    }

    /// A place among an endpoint's calls is free when the handler is done, not when its caller has given up.
    @Test(arguments: CallWay.allCases) func aHandlerKeepsItsPlaceWhileItRuns(_ way: CallWay) async throws {
        let (released, release) = AsyncStream<Void>.makeStream()
        let stubborn: (inout MicroService) -> Void = { service in
            service.handle("Show.Stubborn") { (request: Question, context) in
                // It isn't cancelled with the handler's task.
                await Task.detached { for await _ in released {} }.value
                return Answer(greeting: "")
            }
            service.limit("Show.Stubborn") {
                $0.maximumConcurrentCalls = 1
                $0.timeout = .milliseconds(20)
            }
        }
        try await InProcessFixture.run(way, change: stubborn) { (client, _) async throws in
            defer { release.finish() }
            #expect(await Self.call(client, "Show.Stubborn").contains(" 408 "))
            #expect(await Self.call(client, "Show.Stubborn").contains(" 429 "))
        }
    }

    @Test(arguments: CallWay.allCases) func metadataGoesBothWays(_ way: CallWay) async throws {
        try await InProcessFixture.run(way, client: { $0.serviceName = "test.caller" }) { (client, _) async throws in
            let reply: MicroResponse<Answer> = try await client.call(
                InProcessFixture.name, "Show.Metadata", Question(name: "a")
            ) { $0.metadata = ["X-Sent": "s", "x-twice": "1", "x-twice": "2", "grpc-status": "1", "x-b-bin": "AAE="] }
            #expect(
                reply.message.greeting
                    == "user-agent=martlet-swift micro-from-service=test.caller x-sent=s x-twice=1 x-twice=2 "
                    + "x-b-bin=AAE= by test.caller until true")
            #expect(reply.metadata == ["x-head": "h", "x-data-bin": "AAE="])
            #expect(reply.trailingMetadata == ["x-tail": "t"])
            #expect(reply.attempts == 1)
        }
    }

    @Test(arguments: CallWay.allCases) func answersAndErrorsAreTheSame(_ way: CallWay) async throws {
        try await InProcessFixture.run(way) { (client, notes) async throws in
            #expect(await Self.call(client, "Plain.Hello", "x") == "Hello x")
            #expect(await Self.call(client, "Plain.Hello", "") == "test.local 404 no name 5")
            #expect(await Self.call(client, "Plain.Fail", "plain") == "test.local 500 it broke 13")
            #expect(await Self.call(client, "Plain.Fail", "micro") == "test.local 429 many 2")
            #expect(await Self.call(client, "Plain.Fail", "named") == "somebody 409 dup 6")
            #expect(await Self.call(client, "Plain.Fail", "c").hasSuffix("context canceled 1"))
            #expect(await Self.call(client, "Show.Metadata", "fail") == "test.local 409 as told 6")
            #expect(await Self.call(client, "Show.Block", "x") == "blocked for x")
            #expect(await Self.call(client, "Plain.Nope").contains("unknown service Plain.Nope"))
            #expect(await Self.call(client, "Nope.Nope").contains("unknown service Nope"))
            #expect(await Self.call(client, "Show.Slow").contains("408 context deadline exceeded"))
            #expect(await Self.call(client, "Show.Rare") == "rare")
            #expect(await Self.call(client, "Show.Rare") == "test.local 429 too many calls a second 8")
            let malformed = await InProcessFixture.outcome {
                try await client.call(InProcessFixture.name, "Plain.Hello", json: "{")
            }
            #expect(malformed.hasPrefix("test.local 500 "), "\(malformed)")
            let codec = await InProcessFixture.outcome {
                "\(try await client.call(InProcessFixture.name, "Plain.Hello", bytes: [], codec: .protobuf))"
            }
            #expect(codec.contains("is Codable, not a protobuf message"), "\(codec)")
            for codec in [MessageCodec.protobuf, .json] {
                let hello: HelloResponse = try await client.call(
                    InProcessFixture.name, "Greeter.Hello", HelloRequest.with { $0.name = "J" }
                ) { $0.codec = codec }
                #expect(hello.greeting == "Hello J")
            }
            let echo = try await client.call(
                InProcessFixture.name, "/some.pkg.Mounted/Echo", bytes: [1, 2], codec: .protobuf)
            #expect(echo == [1, 2])
            let seen = await notes.values
            #expect(seen.contains("in Plain.Hello unary") && seen.contains("out Plain.Hello"))
            #expect(!seen.contains("out Plain.Fail"))
        }
    }

    /// The handler ran: its call isn't made again, though a call that it made may be.
    @Test(arguments: CallWay.allCases) func failuresOfAHandlersOwnCallsAreItsAnswer(_ way: CallWay) async throws {
        try await InProcessFixture.run(way) { (client, notes) async throws in
            #expect(await Self.call(client, "Show.Downstream").contains("connection refused"))
            #expect(await notes.values.filter { $0 == "downstream" }.count == 1)
        }
    }

    @Test(arguments: CallWay.allCases) func messagesHaveTheSameLimits(_ way: CallWay) async throws {
        try await InProcessFixture.run(way, client: { $0.maximumMessageBytes = 1 << 19 }) { (client, _) async throws in
            func size(_ count: Int) async -> String {
                await InProcessFixture.outcome {
                    let bytes = [UInt8](repeating: 0, count: count)
                    let answer = try await client.call(
                        InProcessFixture.name, "Show.Size", bytes: bytes, codec: .bytes)
                    return "\(answer.count)"
                }
            }
            #expect(await size(1 << 19) == "524288")
            let received = "grpc: received message larger than max"
            #expect(await size((1 << 20) + 1).contains("\(received) (1048577 vs. 1048576) 8"))
            #expect(await size(0).contains("trying to send message larger than max (2097152 vs. 1048576) 8"))
            #expect(await size((1 << 19) + 1).contains("\(received) (524289 vs. 524288) 8"))
        }
    }

    @Test(arguments: CallWay.allCases) func deadlinesAndCancellationReachTheHandler(_ way: CallWay) async throws {
        try await InProcessFixture.run(way) { (client, notes) async throws in
            func count(_ note: String) async -> Int { await notes.values.filter { $0 == note }.count }
            let late = await InProcessFixture.outcome {
                let _: Answer = try await client.call(InProcessFixture.name, "Show.Wait", Question(name: "")) {
                    $0.timeout = .milliseconds(50)
                }
                return ""
            }
            #expect(late.hasPrefix("go.micro.client 408 context deadline exceeded"), "\(late)")
            #expect(try await eventually { await count("cancelled") == 1 })
            let call = Task {
                let _: Answer = try await client.call(InProcessFixture.name, "Show.Wait", Question(name: "")) {
                    $0.timeout = .seconds(600)
                }
            }
            #expect(try await eventually { await count("waits") == 2 })
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(try await eventually { await count("cancelled") == 2 })
        }
    }

    @Test(arguments: CallWay.allCases) func streamsOfAllKinds(_ way: CallWay) async throws {
        try await InProcessFixture.run(way) { (client, notes) async throws in
            let name = InProcessFixture.name
            var counted: [Int] = []
            let failed = await InProcessFixture.outcome {
                try await client.serverStream(name, "Plain.Count", Number(value: 7), of: Number.self) {
                    for try await number in $0 { counted.append(number.value) }
                }
                return ""
            }
            #expect(counted == Array(0..<7))
            #expect(failed == "test.local 403 seven 7")
            let sum: Number = try await client.clientStream(name, "Plain.Sum") { (writer: MessageWriter<Number>) in
                for value in 1...4 { try await writer.write(Number(value: value)) }
            }
            #expect(sum == Number(value: 10))
            var echoed: [String] = []
            try await client.bidirectionalStream(name, "Plain.Echo", sending: Question.self, receiving: Answer.self) {
                writer, answers in
                for word in ["one", "two"] {
                    try await writer.write(Question(name: word))
                    if let answer = try await answers.next() { echoed.append(answer.greeting) }
                }
                writer.finish()
                #expect(try await answers.next() == nil)
            }
            #expect(echoed == ["one", "two"])
            // Whoever leaves a stream ends it for the handler, too.
            let first = try await client.serverStream(name, "Show.Endless", Question(name: ""), of: Answer.self) {
                try await $0.next()
            }
            #expect(first?.greeting == "again")
            #expect(try await eventually { await notes.values.contains("ended") })
            let seen = await notes.values
            #expect(seen.contains("in Plain.Sum clientStream"))
            #expect(seen.contains("received Number(value: 4)") && seen.contains("sent Number(value: 10)"))
        }
    }

    @Test(arguments: CallWay.allCases) func routerHooksSeeEveryCall(_ way: CallWay) async throws {
        let paths = Recorder<String>()
        try await InProcessFixture.run(
            way,
            change: {
                $0.route { call in
                    await paths.add("\(call.path) \(call.contentSubtype)")
                    return .proceed
                }
            }
        ) { (client, _) async throws in
            #expect(await Self.call(client, "Plain.Hello", "x") == "Hello x")
            #expect(await paths.values == ["/test.local.Plain/Hello json"])
        }
    }
}
