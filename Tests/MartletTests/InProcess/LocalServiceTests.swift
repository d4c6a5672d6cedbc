// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGRPCWire
import MartletHTTP2Session
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct LocalServiceTests {
    static func service(_ configure: (inout MicroService) -> Void = { _ in }) -> LocalService {
        let registry = InMemoryRegistry()
        var service = ServiceTests.service(registry, "test.local")
        configure(&service)
        return service.localService(client: MicroClient(registry: registry))
    }

    static func call(
        _ service: LocalService, _ path: String, _ text: String, metadata: HeaderBlock = [:]
    ) async throws -> WireReply {
        try await service.answer(
            LocalRequest(
                path: path, message: Array(text.utf8), metadata: metadata, contentSubtype: "json", deadline: nil))
    }

    @Test func answersAsOnTheWire() async throws {
        let seen = Mutex<[String]>([])
        let service = Self.service {
            $0.intercept { context, next in
                seen.withLock { $0.append("\(context.endpoint) \(context.metadata["x-a"] ?? "")") }
                context.responseMetadata = ["x-b": "2"]
                try await next(context)
            }
        }
        let answer = try await Self.call(
            service, "/test.local.Plain/Hello", #"{"name":"x"}"#, metadata: ["x-a": "1", "timeout": "5"])
        #expect(String(decoding: answer.message, as: UTF8.self) == #"{"greeting":"Hello x"}"#)
        #expect(answer.metadata.first("x-b") == "2")
        #expect(seen.withLock { $0 } == ["Plain.Hello 1"])
        do {
            _ = try await Self.call(service, "/test.local.Plain/Hello", #"{"name":""}"#)
            Issue.record("an error got lost")
        } catch let status as GRPCStatus {
            #expect(status.code.rawValue == 5)
            #expect(MicroError(jsonText: status.message) == MicroError(.notFound, "no name", id: "test.local"))
        }
    }

    @Test func knowsWhatItCanAnswer() {
        let service = Self.service {
            $0.handle("Plain.Block", on: .blockingPool) { (request: Number, context) in request }
            $0.mount("/some.pkg.Mounted/Echo", isStreaming: false, .unary(subtypes: .any) { _, bytes in bytes })
        }
        #expect(service.canAnswer("/test.local.Plain/Hello"))
        #expect(service.canAnswer("/any.Greeter/Hello"))
        for path in ["/Plain/Count", "/Plain/Block", "/some.pkg.Mounted/Echo", "/Plain/Nope", "/No/Hello", "x"] {
            #expect(!service.canAnswer(path), "\(path)")
        }
        let hooked = Self.service { $0.route { _ in .proceed } }
        #expect(!hooked.canAnswer("/Plain/Hello"))
    }

    @Test func limitsHoldHereToo() async throws {
        let service = Self.service {
            $0.limit("Plain.Hello") { $0.rate = RateLimit(perSecond: 0.001, burst: 1) }
            $0.limit("Plain.Slow") { $0.timeout = .milliseconds(10) }
            $0.handle("Plain.Slow") { (request: Number, context) -> Number in
                try await Task.sleep(for: .seconds(600))
                return request
            }
        }
        _ = try await Self.call(service, "/Plain/Hello", #"{"name":"x"}"#)
        func code(_ path: String, _ text: String) async -> Int? {
            do {
                _ = try await Self.call(service, path, text)
                return nil
            } catch {
                return (error as? GRPCStatus)?.code.rawValue
            }
        }
        #expect(await code("/Plain/Hello", #"{"name":"x"}"#) == 8)
        #expect(await code("/Plain/Slow", #"{"value":1}"#) == 4)
    }
}
