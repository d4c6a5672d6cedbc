// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletTesting
import Synchronization
import Testing

/// What a user writes, on both depths.
@Suite struct MicroServiceTestTests {
    struct HelloRequest: Codable { var name: String }
    struct HelloResponse: Codable, Equatable { var greeting: String }
    struct Number: Codable, Equatable { var value: Int }

    private static func greeter() -> MicroService {
        var service = MicroService("go.micro.server", registry: UnusableRegistry())
        service.handle("Greeter.Hello") { (request: HelloRequest, context) in
            guard !request.name.isEmpty else { throw MicroError(.notFound, "no name") }
            return HelloResponse(greeting: "Hello \(request.name)\(context.metadata["x-mark"] ?? "")")
        }
        service.serverStream("Greeter.Count") { (request: Number, responses: MessageWriter<Number>, _) in
            for value in 0..<request.value { try await responses.write(Number(value: value)) }
        }
        service.bidirectionalStream("Greeter.Chat") {
            (requests: MessageStream<Number>, responses: MessageWriter<Number>, _) in
            for try await number in requests { try await responses.write(Number(value: number.value * 2)) }
        }
        service.handle("Greeter.Wait") { (request: Number, _) in
            try await Task.sleep(for: .seconds(60))
            return request
        }
        return service
    }

    @Test(arguments: MicroTestDepth.allCases) func callsAndErrors(_ depth: MicroTestDepth) async throws {
        let service = Self.greeter()
        let greeting = try await service.test(depth) { client in
            let error = await #expect(throws: MicroError.self) {
                let _: HelloResponse = try await client.call(service.name, "Greeter.Hello", HelloRequest(name: ""))
            }
            #expect(error?.code == .notFound && error?.detail == "no name" && error?.id == "go.micro.server")
            let late = await #expect(throws: MicroError.self) {
                let _: Number = try await client.call(service.name, "Greeter.Wait", Number(value: 1)) {
                    $0.timeout = .milliseconds(50)
                }
            }
            #expect(late?.code == .timeout)
            let reply: HelloResponse = try await client.call(
                service.name, "Greeter.Hello", HelloRequest(name: "John")
            ) { $0.metadata.add("!", for: "x-mark") }
            return reply.greeting
        }
        #expect(greeting == "Hello John!")
    }

    @Test(arguments: MicroTestDepth.allCases) func streams(_ depth: MicroTestDepth) async throws {
        let service = Self.greeter()
        try await service.test(depth) { client in
            // More than fits what either end may hold unread.
            let sum = try await client.serverStream(
                service.name, "Greeter.Count", Number(value: 50_000), of: Number.self
            ) {
                var sum = 0
                for try await number in $0 { sum += number.value }
                return sum
            }
            #expect(sum == 50_000 * 49_999 / 2)
            try await client.bidirectionalStream(
                service.name, "Greeter.Chat", sending: Number.self, receiving: Number.self
            ) { requests, responses in
                for value in 1...100 {
                    try await requests.write(Number(value: value))
                    #expect(try await responses.next() == Number(value: value * 2))
                }
                requests.finish()
                #expect(try await responses.next() == nil)
            }
        }
    }

    @Test(arguments: MicroTestDepth.allCases) func bigMessages(_ depth: MicroTestDepth) async throws {
        let service = Self.greeter()
        let name = String(repeating: "x", count: 3_000_000)
        try await service.test(depth) { client in
            let reply: HelloResponse = try await client.call(service.name, "Greeter.Hello", HelloRequest(name: name))
            #expect(reply.greeting.utf8.count == 3_000_006)
        }
    }

    @Test(arguments: MicroTestDepth.allCases) func servicesThatCallEachOther(_ depth: MicroTestDepth) async throws {
        var front = MicroService("front")
        front.handle("Front.Greet") { (request: HelloRequest, context) in
            let reply: HelloResponse = try await context.client.call("go.micro.server", "Greeter.Hello", request)
            return HelloResponse(greeting: reply.greeting + "!")
        }
        try await front.test(depth, alongside: [Self.greeter()]) { client in
            let reply: HelloResponse = try await client.call("front", "Front.Greet", HelloRequest(name: "Ann"))
            #expect(reply == HelloResponse(greeting: "Hello Ann!"))
        }
    }

    @Test func oneServiceMayBeTestedManyTimesAtOnce() async throws {
        let service = Self.greeter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    try await service.test(number.isMultiple(of: 2) ? .handler : .loopback) { client in
                        let reply: HelloResponse = try await client.call(
                            service.name, "Greeter.Hello", HelloRequest(name: "\(number)"))
                        #expect(reply.greeting == "Hello \(number)")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(arguments: MicroTestDepth.allCases) func hooksRunAndTheEndIsClean(_ depth: MicroTestDepth) async throws {
        let events = Mutex<[String]>([])
        var service = Self.greeter()
        service.configuration.beforeStart = { events.withLock { $0.append("before") } }
        service.configuration.afterStart = { node in
            events.withLock { $0.append(node.address.hasPrefix("inprocess:") ? "inside" : "socket") }
        }
        service.configuration.afterStop = { events.withLock { $0.append("after") } }
        try await service.test(depth) { _ in }
        #expect(events.withLock { $0 } == ["before", depth == .handler ? "inside" : "socket", "after"])
    }

    @Test func whatKeepsAServiceFromStartingIsThrown() async throws {
        struct NotToday: Error {}
        var service = Self.greeter()
        service.configuration.beforeStart = { throw NotToday() }
        await #expect(throws: NotToday.self) { try await service.test { _ in } }
        await #expect(throws: NotToday.self) { try await Self.greeter().test { _ in throw NotToday() } }
    }

    /// A test that is cancelled while its service starts ends, and so does the service.
    @Test(arguments: MicroTestDepth.allCases) func cancellingATestEndsItsStart(_ depth: MicroTestDepth) async throws {
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        var service = Self.greeter()
        service.configuration.afterStart = { _ in
            started.yield()
            try await Task.sleep(for: .seconds(600))
        }
        let test = Task { [service] in
            try await service.test(depth) { _ in Issue.record("the service never started") }
        }
        for await _ in starts { break }
        test.cancel()
        await #expect(throws: CancellationError.self) { try await test.value }
    }

    @Test func callsAfterTheEndAreRefused() async throws {
        let address = Mutex("")
        var service = Self.greeter()
        service.configuration.afterStart = { node in address.withLock { $0 = node.address } }
        try await service.test { _ in }
        let name = address.withLock { $0 }
        let error = await #expect(throws: MicroError.self) {
            try await withMicroClient { client in
                try await client.call("go.micro.server", "Greeter.Hello", json: "{}") { $0.address = name }
            }
        }
        #expect(error?.detail.contains("nothing in this process listens as") == true)
    }
}

/// A test never touches the registry that a service was made with.
private struct UnusableRegistry: ServiceRegistry {
    var name: String { "unusable" }

    func register(_ record: ServiceRecord, options: RegistrationOptions) async throws { throw Self.error }
    func deregister(_ record: ServiceRecord) async throws { throw Self.error }
    func services(named name: String) async throws -> [ServiceRecord] { throw Self.error }
    func services() async throws -> [ServiceRecord] { throw Self.error }
    func watch(_ deliver: @Sendable @escaping (RegistryChange) -> Void) async throws { throw Self.error }

    private static var error: MicroError { MicroError(.internalServerError, "the registry was asked") }
}
