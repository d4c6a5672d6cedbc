// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletTestPrograms
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(30))) struct HealthCheckTests {
    @Test func failingCheckShowsInBothHealthServices() async throws {
        let registry = InMemoryRegistry()
        let isWell = Mutex(true)
        var service = ServiceTests.service(registry, "test.health")
        service.healthCheck("db", interval: .milliseconds(5)) {
            guard isWell.withLock({ $0 }) else { throw MicroError(.unavailable, "no db") }
        }
        service.healthCheck("cache", interval: .milliseconds(5)) {}
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                func status(_ name: String) async throws -> [UInt8] {
                    let request = name.isEmpty ? [] : [0x0A, UInt8(name.utf8.count)] + Array(name.utf8)
                    return try await client.call(
                        "test.health", "/grpc.health.v1.Health/Check", bytes: request, codec: .protobuf)
                }
                func debug() async throws -> String {
                    try await client.call("test.health", "Debug.Health", json: "{}")
                }
                let serving: [UInt8] = [0x08, 1]
                let notServing: [UInt8] = [0x08, 2]
                for name in ["", "test.health", "Plain", "db", "cache"] { #expect(try await status(name) == serving) }
                let text = try await debug()
                #expect(text == #"{"status":"ok"}"#)
                isWell.withLock { $0 = false }
                #expect(try await eventually { try await status("") == notServing })
                for name in ["test.health", "Greeter"] { #expect(try await status(name) == notServing) }
                #expect(try await eventually { try await status("db") == notServing })
                #expect(try await status("cache") == serving)
                #expect(try await debug() == #"{"status":"failing: db"}"#)
                isWell.withLock { $0 = true }
                #expect(try await eventually { try await status("") == serving })
                #expect(try await eventually { try await status("db") == serving })
            }
        }
    }

    @Test func checkThatHangsFailsAndKeepsNoServiceFromStarting() async throws {
        let registry = InMemoryRegistry()
        var service = ServiceTests.service(registry, "test.health")
        service.healthCheck("slow", interval: .seconds(60), timeout: .milliseconds(10)) {
            try await Task.sleep(for: .seconds(600))
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                let text = try await client.call("test.health", "Debug.Health", json: "{}")
                #expect(text == #"{"status":"failing: slow"}"#)
            }
        }
    }

    @Test func debugLogGivesLastLinesAndFollows() async throws {
        let registry = InMemoryRegistry()
        var service = MicroService("test.log", registry: registry)
        service.configuration.logger.logLevel = .info
        service.handle("Plain.Say") { (request: Question, context) -> Answer in
            context.logger.info("said \(request.name)")
            return Answer(greeting: "ok")
        }
        struct Line: Codable, Sendable {
            var value: String
            var metadata: [String: String]
        }
        try await withService(service) { _ in
            try await withMicroClient(registry: registry, configure: patiently) { client in
                for name in ["a", "b", "c"] {
                    let _: Answer = try await client.call("test.log", "Plain.Say", Question(name: name))
                }
                struct Wanted: Codable, Sendable {
                    var count: Int?
                    var stream: Bool?
                }
                let lines = try await client.serverStream(
                    "test.log", "Debug.Log", Wanted(count: 2), of: Line.self
                ) { stream in
                    var lines: [Line] = []
                    for try await line in stream { lines.append(line) }
                    return lines
                }
                #expect(lines.map(\.value) == ["said b", "said c"])
                #expect(lines.first?.metadata["endpoint"] == "Plain.Say")
                #expect(lines.first?.metadata["level"] == "info")
                try await client.serverStream("test.log", "Debug.Log", Wanted(stream: true), of: Line.self) { stream in
                    var reader = stream.makeAsyncIterator()
                    var last = try await reader.next()
                    while last?.value != "said c" { last = try await reader.next() }
                    let _: Answer = try await client.call("test.log", "Plain.Say", Question(name: "d"))
                    #expect(try await reader.next()?.value == "said d")
                }
            }
        }
    }

    @Test func traceParentIsReadAsTheStandardTells() throws {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        let header = try #require(TraceParent("00-\(trace)-00f067aa0ba902b7-01"))
        #expect(header.traceID == trace)
        #expect(header.spanID == "00f067aa0ba902b7")
        #expect(header.isSampled)
        #expect(TraceParent("00-\(trace)-00f067aa0ba902b7-00")?.isSampled == false)
        #expect(TraceParent("cc-\(trace)-00f067aa0ba902b7-01-more")?.traceID == trace)
        let zeroes = String(repeating: "0", count: 32)
        let wrong = [
            "", "00", "ff-\(trace)-00f067aa0ba902b7-01", "00-\(trace)-00f067aa0ba902b7-01-more",
            "00-\(zeroes)-00f067aa0ba902b7-01", "00-\(trace)-0000000000000000-01",
            "00-\(trace.uppercased())-00f067aa0ba902b7-01", "00-\(trace)x-00f067aa0ba902b7-01",
        ]
        for text in wrong { #expect(TraceParent(text) == nil, "\(text)") }
    }
}
