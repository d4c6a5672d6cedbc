// SPDX-License-Identifier: Apache-2.0

import Martlet
import MartletGRPCWire

/// How a client of the same process reaches a service.
enum CallWay: Sendable, CaseIterable {
    case socket
    case inProcess
}

/// A service that shows whatever a caller could tell apart, and a client of it.
enum InProcessFixture {
    static let name = "test.local"

    static func service(_ registry: InMemoryRegistry, _ notes: Recorder<String>) -> MicroService {
        var service = ServiceTests.service(registry, self.name)
        service.intercept { context, next in
            await notes.add("in \(context.endpoint) \(context.kind)")
            try await next(context)
            await notes.add("out \(context.endpoint)")
        }
        service.interceptStreams { event, context in await notes.add("\(event.direction) \(event.message)") }
        service.handle("Show.Metadata") { (request: Question, context) in
            context.responseMetadata = ["x-head": "h", "x-data-bin": "AAE="]
            context.trailingMetadata = ["x-tail": "t"]
            if request.name == "fail" { throw MicroError(.conflict, "as told") }
            let seen = context.metadata.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
            return Answer(greeting: "\(seen) by \(context.caller ?? "") until \(context.deadline != nil)")
        }
        service.handle("Show.Peer") { (request: Question, context) in
            Answer(greeting: context.peer == nil ? "inside" : "socket")
        }
        service.serverStream("Show.PeerOfStream") {
            (request: Question, answers: Martlet.MessageWriter<Answer>, context) in
            context.responseMetadata = ["x-head": "h"]
            context.trailingMetadata = ["x-tail": "t"]
            try await answers.write(Answer(greeting: context.peer == nil ? "inside" : "socket"))
        }
        service.handle("Show.Wait") { (request: Question, context) -> Answer in
            await notes.add("waits")
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                await notes.add("cancelled")
                throw error
            }
            return Answer(greeting: "")
        }
        service.serverStream("Show.Endless") { (request: Question, answers: Martlet.MessageWriter<Answer>, context) in
            do {
                while true {
                    try await answers.write(Answer(greeting: "again"))
                    try await Task.sleep(for: .milliseconds(1))
                }
            } catch {
                await notes.add("ended")
                throw error
            }
        }
        service.handle("Show.Block", on: .blockingPool) { (request: Question, context) in
            Answer(greeting: "blocked for \(request.name)")
        }
        service.handle("Show.Size") { (request: [UInt8], context) in
            [UInt8](repeating: 1, count: request.isEmpty ? 2 << 20 : request.count)
        }
        service.handle("Show.Slow") { (request: Question, context) -> Answer in
            try await Task.sleep(for: .seconds(600))
            return Answer(greeting: "")
        }
        service.handle("Show.Downstream") { (request: Question, context) -> Answer in
            await notes.add("downstream")
            // What a handler gets of a call of its own, and doesn't catch.
            var status = GRPCStatus(.unavailable, "connection refused")
            status.wasNotProcessed = true
            status.isConnectFailure = true
            throw status
        }
        service.handle("Show.Rare") { (request: Question, context) in Answer(greeting: "rare") }
        service.limit("Show.Slow") { $0.timeout = .milliseconds(20) }
        service.limit("Show.Rare") { $0.rate = RateLimit(perSecond: 0.001, burst: 1) }
        service.mount("/some.pkg.Mounted/Echo", isStreaming: false, .unary(subtypes: .any) { _, bytes in bytes })
        service.configuration.maximumMessageBytes = 1 << 20
        return service
    }

    /// Runs the service and a client. Inside the process the service's address is one that nobody listens at: whoever
    /// went there would fail.
    static func run(
        _ way: CallWay, change: (inout MicroService) -> Void = { _ in },
        client configure: (inout MicroClient.Configuration) -> Void = { _ in },
        _ body: (MicroClient, Recorder<String>) async throws -> Void
    ) async throws {
        let registry = InMemoryRegistry()
        let notes = Recorder<String>()
        var service = self.service(registry, notes)
        if way == .inProcess { service.configuration.advertisedAddress = "127.0.0.1:1" }
        change(&service)
        try await withService(service, inProcess: way == .inProcess) { _ in
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    configure(&$0)
                }
            ) { try await body($0, notes) }
        }
    }

    /// What a call came to, as text.
    static func outcome(_ body: () async throws -> String) async -> String {
        do {
            return try await body()
        } catch let error as MicroError {
            // Of the deadline's error only the first part is the same each time: the rest names the attempts.
            let detail = error.code == .timeout ? String(error.detail.prefix { $0 != ";" }) : error.detail
            let status = error.grpcStatusCode.map(String.init) ?? "-"
            return "\(error.id) \(error.code.rawValue) \(detail) \(status)"
        } catch {
            return "\(error)"
        }
    }
}
