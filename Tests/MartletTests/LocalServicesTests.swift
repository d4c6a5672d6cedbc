// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGRPCWire
import MartletHTTP2Session
import Synchronization
import Testing

/// Calls to a node of the same process.
@Suite struct LocalServicesTests {
    private final class Callee: LocalCallee {
        let cancelled = Atomic(0)
        let asked = Atomic(0)

        func answer(_ request: LocalRequest) async throws -> WireReply {
            self.asked.add(1, ordering: .relaxed)
            let text = String(decoding: request.message, as: UTF8.self)
            if text.contains("sleep") {
                do {
                    try await Task.sleep(for: .seconds(600))
                } catch {
                    self.cancelled.add(1, ordering: .relaxed)
                    throw error
                }
            }
            if text.contains("fail") {
                throw GRPCStatus(.notFound, #"{"id":"x","code":404,"detail":"no","status":""}"#)
            }
            var metadata = HeaderBlock()
            metadata.append("x-path", request.path)
            metadata.append("x-subtype", request.contentSubtype)
            metadata.append("x-sent", request.metadata.first("x-sent") ?? "")
            let message = [UInt8](#"{"greeting":"here"}"#.utf8)
            return WireReply(message: message, metadata: metadata, trailers: HeaderBlock())
        }
    }

    private static func run(_ body: (MicroClient, Callee) async throws -> Void) async throws {
        let registry = InMemoryRegistry()
        // Nothing listens there: who got there by a socket would fail.
        let node = NodeRecord(id: "local-\(UInt64.random(in: 0...UInt64.max))", address: "127.0.0.1:1")
        try await registry.register(
            ServiceRecord(name: "test.local", version: "1", nodes: [node]), options: RegistrationOptions())
        let callee = Callee()
        LocalServices.enter(node, callee)
        try await withMicroClient(registry: registry, configure: { $0.retries.rounds = 1 }) { client in
            try await body(client, callee)
            LocalServices.leave(node)
            await #expect(throws: MicroError.self) {
                let _: Answer = try await client.call("test.local", "Here.Am", Question(name: "I"))
            }
        }
    }

    @Test func callsReachANodeOfThisProcessWithoutASocket() async throws {
        try await Self.run { (client, callee) async throws in
            let reply: MicroResponse<Answer> = try await client.call("test.local", "Here.Am", Question(name: "I")) {
                $0.metadata["x-sent"] = "s"
            }
            #expect(reply.message.greeting == "here")
            #expect(reply.metadata["x-path"] == "/test.local.Here/Am")
            #expect(reply.metadata["x-subtype"] == "json")
            #expect(reply.metadata["x-sent"] == "s")
            await #expect(throws: MicroError(id: "x", code: .notFound, detail: "no", status: "")) {
                let _: Answer = try await client.call("test.local", "Here.Am", Question(name: "fail"))
            }
            #expect(callee.asked.load(ordering: .relaxed) == 2)
        }
    }

    @Test func deadlinesAndCancellationReachTheHandler() async throws {
        try await Self.run { (client, callee) async throws in
            await #expect(throws: MicroError(.timeout, "context deadline exceeded", id: "go.micro.client")) {
                let _: Answer = try await client.call("test.local", "Here.Am", Question(name: "sleep")) {
                    $0.timeout = .milliseconds(50)
                }
            }
            #expect(try await eventually { callee.cancelled.load(ordering: .relaxed) == 1 })
            let call = Task {
                let _: Answer = try await client.call("test.local", "Here.Am", Question(name: "sleep")) {
                    $0.timeout = .seconds(600)
                }
            }
            #expect(try await eventually { callee.asked.load(ordering: .relaxed) == 2 })
            call.cancel()
            await #expect(throws: CancellationError.self) { try await call.value }
            #expect(try await eventually { callee.cancelled.load(ordering: .relaxed) == 2 })
        }
    }
}
