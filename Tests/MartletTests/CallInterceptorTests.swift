// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTestPrograms
import Synchronization
import Testing

@Suite struct CallInterceptorTests {
    static func service(_ registry: InMemoryRegistry) -> MicroService {
        var service = MicroService("test.calls", version: "1", registry: registry)
        service.handle("Echo.Say") { (request: Question, context) in
            context.responseMetadata = ["x-head": "h", "x-seen": context.metadata["x-sent"] ?? "nothing"]
            context.trailingMetadata = ["x-tail": "t"]
            if request.name == "fail" { throw MicroError(.conflict, "as told") }
            return Answer(greeting: request.name)
        }
        service.serverStream("Echo.Count") { (request: Number, responses: MessageWriter<Number>, context) in
            for value in 0..<request.value { try await responses.write(Number(value: value)) }
        }
        service.clientStream("Echo.Sum") { (requests: MessageStream<Number>, context) in
            var sum = 0
            for try await number in requests { sum += number.value }
            return Number(value: sum)
        }
        service.bidirectionalStream("Echo.Chat") {
            (requests: MessageStream<Number>, responses: MessageWriter<Number>, context) in
            for try await number in requests { try await responses.write(number) }
        }
        return service
    }

    @Test func responsesComeWithTheirMetadata() async throws {
        let registry = InMemoryRegistry()
        try await withService(Self.service(registry)) { node in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let reply: MicroResponse<Answer> = try await client.call(
                    "test.calls", "Echo.Say", Question(name: "a")
                ) { $0.metadata["x-sent"] = "s" }
                #expect(reply.message.greeting == "a")
                #expect(reply.metadata["X-Head"] == "h")
                #expect(reply.metadata["x-seen"] == "s")
                #expect(reply.trailingMetadata["x-tail"] == "t")
                #expect(reply.node == node)
                #expect(reply.attempts == 1)
            }
        }
    }

    /// Whoever goes on twice makes those further in register twice; each attempt is told once all the same.
    @Test func aFailedAttemptIsToldOnce() async throws {
        let registry = InMemoryRegistry()
        let failures = Mutex<[String]>([])
        try await withService(Self.service(registry)) { _ in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.intercept { context, next in
                        context.onFailedAttempt { _ in failures.withLock { $0.append("outer") } }
                        try? await next(context)
                        try await next(context)
                    }
                    $0.intercept { context, next in
                        context.onFailedAttempt { _ in failures.withLock { $0.append("inner") } }
                        try await next(context)
                    }
                }
            ) { (client) async throws in
                await #expect(throws: MicroError.self) {
                    let _: Answer = try await client.call("test.calls", "Echo.Say", Question(name: "fail"))
                }
            }
        }
        #expect(failures.withLock { $0 } == ["outer", "inner", "outer", "inner"])
    }

    @Test func interceptorsStandAroundEveryKindOfCall() async throws {
        let registry = InMemoryRegistry()
        let log = Mutex<[String]>([])
        @Sendable func note(_ line: String) { log.withLock { $0.append(line) } }
        try await withService(Self.service(registry)) { node in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.intercept { context, next in
                        note("outer \(context.kind) \(context.service) \(context.endpoint)")
                        try await next(context)
                        note("outer \(context.node == node) \(context.attempts)")
                    }
                    $0.intercept { context, next in
                        var context = context
                        context.options.metadata["x-sent"] = "inner"
                        do {
                            try await next(context)
                        } catch let error as MicroError {
                            note("inner \(error.code.rawValue)")
                            throw error
                        }
                        note("inner \(context.responseMetadata["x-seen"] ?? "-")")
                    }
                }
            ) { client in
                func lines(_ body: () async throws -> Void) async throws -> [String] {
                    log.withLock { $0 = [] }
                    try await body()
                    return log.withLock { $0 }
                }
                let unary = try await lines {
                    let answer: Answer = try await client.call("test.calls", "Echo.Say", Question(name: "a"))
                    #expect(answer.greeting == "a")
                }
                #expect(unary == ["outer unary test.calls Echo.Say", "inner inner", "outer true 1"])
                let raw = try await lines {
                    let answer = try await client.call("test.calls", "Echo.Say", json: #"{"name":"b"}"#)
                    #expect(answer == #"{"greeting":"b"}"#)
                }
                #expect(raw == unary)
                let failed = try await lines {
                    let error = await #expect(throws: MicroError.self) {
                        let _: Answer = try await client.call("test.calls", "Echo.Say", Question(name: "fail"))
                    }
                    #expect(error?.detail == "as told", "a service's own error is left as it is")
                }
                #expect(failed == ["outer unary test.calls Echo.Say", "inner 409"])
                let server = try await lines {
                    let count = try await client.serverStream(
                        "test.calls", "Echo.Count", Number(value: 3), of: Number.self
                    ) { responses in try await responses.reduce(0) { sum, _ in sum + 1 } }
                    #expect(count == 3)
                }
                #expect(server.first == "outer serverStream test.calls Echo.Count")
                #expect(server.last == "outer true 1")
                let upload = try await lines {
                    let sum: Number = try await client.clientStream("test.calls", "Echo.Sum", of: Number.self) {
                        for value in 1...3 { try await $0.write(Number(value: value)) }
                    }
                    #expect(sum.value == 6)
                }
                #expect(upload.first == "outer clientStream test.calls Echo.Sum")
                let chat = try await lines {
                    try await client.bidirectionalStream(
                        "test.calls", "Echo.Chat", sending: Number.self, receiving: Number.self
                    ) { writer, reader in
                        try await writer.write(Number(value: 5))
                        #expect(try await reader.next()?.value == 5)
                    }
                }
                #expect(chat.first == "outer bidirectionalStream test.calls Echo.Chat")
            }
        }
    }

    @Test func anInterceptorMayAnswerByFailingButNotByNothing() async throws {
        let registry = InMemoryRegistry()
        try await withService(Self.service(registry)) { _ in
            try await withMicroClient(registry: registry, configure: { $0.intercept { _, _ in } }) { client in
                let error = await #expect(throws: MicroError.self) {
                    let _: Answer = try await client.call("test.calls", "Echo.Say", Question(name: "a"))
                }
                #expect(error?.detail == "an interceptor swallowed the call")
            }
        }
    }
}

@Suite struct ConnectionPoolTests {
    @Test func threeHundredCallsAtOnceNeedOneConnection() async throws {
        let registry = InMemoryRegistry()
        let peers = Recorder<String>()
        var service = MicroService("test.pool", version: "1", registry: registry)
        service.handle("Pool.Wait") { (request: Number, context) in
            await peers.add(context.peer ?? "")
            // Nobody answers before all are there.
            _ = try await eventually { await peers.values.count >= 300 }
            return request
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let _: Void = try await withThrowingTaskGroup(of: Int.self) { group in
                    for value in 0..<300 {
                        group.addTask {
                            let answer: Number = try await client.call("test.pool", "Pool.Wait", Number(value: value))
                            return answer.value
                        }
                    }
                    let values = try await group.reduce(into: Set<Int>()) { $0.insert($1) }
                    #expect(values.count == 300)
                }
                let connections = Set(await peers.values)
                #expect(connections.count == 1)
            }
        }
    }

    @Test func anOldConnectionIsReplacedWithoutACallNoticing() async throws {
        let registry = InMemoryRegistry()
        let peers = Recorder<String>()
        var service = MicroService("test.pool", version: "1", registry: registry)
        service.handle("Pool.Sleep") { (request: Number, context) in
            await peers.add(context.peer ?? "")
            try await Task.sleep(for: .milliseconds(request.value))
            return request
        }
        try await withService(service) { _ in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.pool.maximumAge = .milliseconds(100)
                }
            ) { client in
                let long = Task {
                    try await client.call("test.pool", "Pool.Sleep", Number(value: 1500)) as Number
                }
                let isReplaced = try await eventually {
                    let _: Number = try await client.call("test.pool", "Pool.Sleep", Number(value: 1))
                    return Set(await peers.values).count >= 4
                }
                #expect(isReplaced)
                // It ran on the first connection all the time.
                #expect(try await long.value.value == 1500)
            }
        }
    }
}
