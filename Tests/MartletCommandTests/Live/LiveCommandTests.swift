// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletEtcd
import MartletGRPCWire
import MartletGreeterFixture
import MartletProcesses
import MartletTestPrograms
import MartletWireServices
import NIOCore
import SwiftProtobuf
import Testing

/// The commands as they are typed, on a running registry with a running service, and on a plain gRPC server.
@Suite(.serialized) struct LiveCommandTests {
    static let serviceName = "go.micro.server"

    /// A registry and a service in it, both on this machine; `body` gets the registry's address and the service's.
    private static func withService(_ body: @Sendable (String, String) async throws -> Void) async throws {
        try await RunningServer.with(["server", "--listen-client-urls", "http://127.0.0.1:0"]) { server in
            let (nodes, started) = AsyncStream.makeStream(of: NodeRecord.self)
            var service = MicroService(Self.serviceName, version: "7", registry: .etcd(server.address)) {
                $0.address = "127.0.0.1:0"
                $0.drainDelay = .milliseconds(1)
                $0.afterStart = { started.yield($0) }
                $0.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            }
            service.handle("Greeter.Hello") { (request: HelloRequest, context) in
                guard !request.name.isEmpty else { throw MicroError(.notFound, "no name") }
                return HelloResponse.with { $0.greeting = "Hello \(request.name)\(context.metadata["x-mark"] ?? "")" }
            }
            service.serverStream("Greeter.Count") {
                (request: CountRequest, responses: Martlet.MessageWriter<CountResponse>, _) in
                for value in 0..<request.upto { try await responses.write(.with { $0.value = value }) }
            }
            service.bidirectionalStream("Greeter.Chat") {
                (requests: MessageStream<ChatMessage>, responses: Martlet.MessageWriter<ChatMessage>, _) in
                for try await message in requests { try await responses.write(message) }
            }
            let running = service
            let task = Task { try await running.run() }
            guard let node = await nodes.first(where: { _ in true }) else { return }
            let result: Result<Void, any Error>
            do { result = .success(try await body(server.address, node.address)) } catch { result = .failure(error) }
            task.cancel()
            _ = await task.result
            try result.get()
        }
    }

    private static func martlet(_ arguments: String...) async throws -> FinishedProgram {
        try await run(BuiltBinary.path, arguments)
    }

    @Test func describesAndCallsAServiceOfTheRegistry() async throws {
        try await Self.withService { registry, address in
            let described = try await Self.martlet("describe", Self.serviceName, "--registry", registry)
            #expect(described.isSuccess)
            #expect(described.output.hasPrefix("go.micro.server  version 7  1 node\n"))
            #expect(described.output.contains("  Greeter.Hello\n    request   {\"name\":\"\"}\n"))
            #expect(described.output.contains("  Greeter.Count (stream)"))
            let json = try await Self.martlet(
                "describe", Self.serviceName, "Greeter.Hello", "-o", "json", "--registry", registry)
            #expect(json.output.hasPrefix(#"{"service":"go.micro.server","version":"7","nodes":["\#(address)"]"#))
            #expect(json.output.contains(#""endpoints":[{"name":"Greeter.Hello","stream":false,"#))
            #expect(!json.output.contains("Greeter.Count"))

            let answer = try await Self.martlet(
                "call", Self.serviceName, "Greeter.Hello", #"{"name":"John"}"#, "--registry", registry, "--metadata",
                "x-mark=!", "-o", "json")
            #expect(answer.output == #"{"greeting":"Hello John!"}"# && answer.isSuccess)
            // By its address, where reflection is asked first and isn't there.
            let direct = try await Self.martlet(
                "call", Self.serviceName, "Greeter.Hello", #"{"name":"Jane"}"#, "--address", address)
            #expect(direct.output == "{\n  \"greeting\": \"Hello Jane\"\n}")
            let refused = try await Self.martlet("call", Self.serviceName, "Greeter.Hello", "--registry", registry)
            #expect(refused.output == "error 404 Not Found: no name (go.micro.server)" && refused.exit == .code(1))
        }
    }

    @Test func streamsAsksAndCompletes() async throws {
        try await Self.withService { registry, address in
            let counted = try await Self.martlet(
                "stream", Self.serviceName, "Greeter.Count", #"{"upto":"3"}"#, "--registry", registry, "-o", "json")
            #expect(counted.output == "{}\n{\"value\":\"1\"}\n{\"value\":\"2\"}" && counted.isSuccess)
            let chat = try await output(
                of: BuiltBinary.path,
                ["stream", Self.serviceName, "Greeter.Chat", "-", "--registry", registry, "-o", "json"],
                input: Array("{\"text\":\"a\"}\n\n{\"text\":\"b\"}\n".utf8), environment: [:])
            #expect(String(decoding: chat, as: UTF8.self) == "{\"text\":\"a\"}\n{\"text\":\"b\"}\n")

            let health = try await Self.martlet("health", Self.serviceName, "--registry", registry, "-o", "json")
            #expect(health.isSuccess)
            #expect(health.output.hasPrefix(#"{"address":"\#(address)","node":"go.micro.server-"#))
            #expect(health.output.contains(#""status":"SERVING""#))

            // A shell isn't held up: what takes longer completes nothing.
            let completesServices = try await eventually {
                try await Self.martlet(
                    "---completion", "call", "--", "positional@0", "2", "2", "martlet", "call", "go", "--registry",
                    registry
                ).output.contains(Self.serviceName)
            }
            #expect(completesServices)
            var endpoints = ""
            _ = try await eventually {
                endpoints = try await Self.martlet(
                    "---completion", "call", "--", "positional@1", "3", "9", "martlet", "call", Self.serviceName,
                    "Greeter.C", "--registry", registry
                ).output
                return endpoints.contains("Greeter.C")
            }
            #expect(endpoints.contains("Greeter.Count") && endpoints.contains("Greeter.Chat"), "\(endpoints)")
            #expect(!endpoints.contains("Greeter.Hello"))

            let unknown = try await Self.martlet("call", "go.mikro.server", "Greeter.Hello", "--registry", registry)
            #expect(
                unknown.output.contains(
                    "service \"go.mikro.server\" is not in the registry \(registry); did you mean go.micro.server?"))
        }
    }

    @Test func aServiceThatIsNotThereIsSaidSo() async throws {
        try await Self.withService { registry, _ in
            for words in [["services", "nope"], ["services", "nope", "-o", "json"], ["describe", "nope"]] {
                let none = try await run(BuiltBinary.path, words + ["--registry", registry])
                #expect(none.exit == .code(1))
                #expect(
                    none.output
                        == "Error: service \"nope\" is not in the registry \(registry); there are: \(Self.serviceName)")
            }
            let near = try await Self.martlet("services", "go.micro", "--registry", registry)
            #expect(near.exit == .code(1) && near.output.hasSuffix("did you mean \(Self.serviceName)?"))
        }
    }

    /// A registry that accepts connections and says nothing is named, in the time that the command may take.
    @Test func aSilentRegistryIsNamedInTime() async throws {
        try await EtcdProcess.with(.martlet) { server in
            server.freeze()
            for words in [
                ["services"], ["services", "--watch"], ["describe", "x"], ["call", "x", "Y.Z"], ["stream", "x", "Y.Z"],
                ["health", "x"], ["publish", "x"],
            ] {
                let failed = try await run(
                    BuiltBinary.path, words + ["--registry", server.endpoint, "--timeout", "700ms"])
                #expect(failed.exit == .code(1))
                #expect(
                    failed.output.hasPrefix("Error: the registry \(server.endpoint) did not answer within 700ms."),
                    "\(words): \(failed.output)")
            }
            server.thaw()
        }
    }

    @Test func aDeadNodeIsReported() async throws {
        let port = try freePort()
        let health = try await Self.martlet("health", "--address", "127.0.0.1:\(port)", "--timeout", "10s")
        #expect(health.exit == .code(1))
        #expect(health.output.contains("status 14 UNAVAILABLE"))
        let services = try await Self.martlet("services", "--registry", "127.0.0.1:\(port)")
        #expect(services.exit != .code(0))
        // It was tried until the time was over.
        #expect(services.output.hasPrefix("Error: the registry 127.0.0.1:\(port) "))
    }

    /// A service that its generated code described: reflection shows it, by its address alone.
    @Test func describesAServiceByItsReflection() async throws {
        let (nodes, started) = AsyncStream.makeStream(of: NodeRecord.self)
        var service = MicroService(Self.serviceName, registry: InMemoryRegistry()) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
            $0.afterStart = { started.yield($0) }
            $0.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        }
        service.handle("Greeter.Hello") { (request: HelloRequest, context) in
            HelloResponse.with { $0.greeting = "Hello \(request.name)" }
        }
        service.describe(fileDescriptorSet: GreeterDescriptors.fileDescriptorSet)
        let running = service
        let task = Task { try await running.run() }
        let address = try #require(await nodes.first { _ in true }).address
        let described = try await Self.martlet("describe", "--address", address)
        #expect(described.output.contains("  Greeter.Hello\n    request   {\"name\":\"\"}\n"), "\(described.output)")
        #expect(!described.output.contains("Debug") && !described.output.contains("reflection"))
        // By the name that protobuf has for it, and by the service's own, which reflection doesn't know.
        for words in [["Greeter", "Hello"], [Self.serviceName, "Greeter.Hello"]] {
            let greeting = try await run(
                BuiltBinary.path, ["call"] + words + [#"{"name":"John"}"#, "--address", address, "--raw"])
            #expect(greeting.output == #"{"greeting":"Hello John"}"#, "\(words)")
        }
        task.cancel()
        _ = await task.result
    }

    /// A server that knows nothing of JSON or of a registry.
    private static func withPlainServer(_ body: @Sendable (String) async throws -> Void) async throws {
        var router = GRPCRouter()
        router.add(
            "/Greeter/Hello",
            .unary { _, bytes in
                let request = try HelloRequest(serializedBytes: bytes)
                guard !request.name.isEmpty else { throw GRPCStatus(.notFound, "no name") }
                return try HelloResponse.with { $0.greeting = "Hello \(request.name)" }.serializedBytes()
            })
        router.add(
            "/Greeter/Chat",
            .stream { _, requests, replies in
                while let message = try await requests.next() { try await replies.write(message) }
            })
        let health = HealthService()
        health.table.set(.notServing, for: "Greeter")
        health.table.set(.serving, for: "")
        health.addRoutes(to: &router)
        let reflection = try ReflectionService(
            descriptorSets: [GreeterDescriptors.fileDescriptorSet], routedBy: router)
        reflection.addRoutes(to: &router)
        let server = try WireServer(router: router, logger: Logger(label: "test"))
        let address = try await server.bind(.hostPort("127.0.0.1", 0))
        do {
            try await body("127.0.0.1:\(address.port ?? 0)")
        } catch {
            await server.close()
            throw error
        }
        await server.close()
    }

    @Test func speaksWithAnyServerThatHasReflection() async throws {
        try await Self.withPlainServer { address in
            let described = try await Self.martlet("describe", "--address", address)
            #expect(described.output.contains("  Greeter.Count (server stream)\n    request   {\"upto\":\"0\","))
            #expect(!described.output.contains("reflection"))
            let greeting = try await Self.martlet(
                "call", "Greeter", "Hello", #"{"name":"John"}"#, "--address", address, "--raw")
            #expect(greeting.output == #"{"greeting":"Hello John"}"#)
            let refused = try await Self.martlet("call", "Greeter", "Hello", "--address", address)
            #expect(refused.output == "status 5 NOT_FOUND: no name" && refused.exit == .code(1))
            let mistyped = try await Self.martlet("call", "Greeter", "Hello", #"{"nam":1}"#, "--address", address)
            #expect(mistyped.output.contains("HelloRequest has no field \"nam\"; it has: name"))
            let missing = try await Self.martlet("call", "Greeter", "Helo", "--address", address)
            #expect(missing.output.contains("Greeter has no method \"Helo\"; did you mean Hello?"))
            let chat = try await Self.martlet(
                "stream", "Greeter", "Chat", #"{"text":"a"}"#, #"{"seq":"2"}"#, "--address", address, "-o", "json")
            #expect(chat.output == "{\"text\":\"a\"}\n{\"seq\":\"2\"}")
            let first = try await Self.martlet(
                "stream", "Greeter", "Chat", #"{"text":"a"}"#, #"{"seq":"2"}"#, "--address", address, "-o", "json",
                "--count", "1")
            #expect(first.output == "{\"text\":\"a\"}" && first.isSuccess)
            let health = try await Self.martlet("health", "--address", address)
            #expect(health.isSuccess && health.output.contains("SERVING"))
            let unwell = try await Self.martlet("health", "Greeter", "--address", address)
            #expect(unwell.exit == .code(1) && unwell.output.contains("NOT_SERVING"))
        }
    }
}
