// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Martlet
import SwiftProtobuf

/// The same answer in the two kinds of types that a service may have.
///
/// `Greeter.Hello` takes protobuf messages, asked for as protobuf or as protobuf's JSON; `Plain.Hello` takes `Codable`
/// types, which travel as JSON.
enum Greeter {
    static let service = "bench.greeter"

    struct PlainRequest: Codable, Sendable {
        var name: String
    }

    struct PlainResponse: Codable, Sendable {
        var greeting: String
    }

    static func serve(port: Int) async throws {
        var service = MicroService(self.service) {
            $0.address = "127.0.0.1:\(port)"
            $0.logger.logLevel = .warning
            $0.afterStart = { node in
                let port = node.address.split(separator: ":").last ?? ""
                FileHandle.standardOutput.write(Data("listening on \(port)\n".utf8))
            }
        }
        // Two that do nothing: what calls go through in services that log and trace.
        service.intercept { context, next in try await next(context) }
        service.intercept { context, next in try await next(context) }
        service.handle("Greeter.Hello") { (request: HelloRequest, _) in
            HelloResponse.with { $0.greeting = "Hello \(request.name)" }
        }
        service.handle("Plain.Hello") { (request: PlainRequest, _) in
            PlainResponse(greeting: "Hello \(request.name)")
        }
        try await service.runService()
    }

    /// Makes `calls` calls of `Greeter.Hello` from `concurrency` tasks, through the mirror of a registry, the selector
    /// and the codec, over one connection; prints their rate and the processor time of each in this process.
    static func call(port: Int, concurrency: Int, calls: Int) async throws {
        let registry = InMemoryRegistry()
        let node = NodeRecord(id: "\(self.service)-1", address: "127.0.0.1:\(port)")
        try await registry.register(
            ServiceRecord(name: self.service, version: "latest", nodes: [node]), options: RegistrationOptions())
        try await withMicroClient(registry: registry) { client in
            try await self.makeCalls(client, concurrency: concurrency, perTask: max(100, calls / concurrency / 10))
            let start = ContinuousClock.now
            let startTime = self.processorSeconds
            let perTask = calls / concurrency
            try await self.makeCalls(client, concurrency: concurrency, perTask: perTask)
            let elapsed = start.duration(to: .now) / .seconds(1)
            let made = Double(perTask * concurrency)
            let microseconds = (self.processorSeconds - startTime) / made * 1e6
            print("calls/s \(Int(made / elapsed)) cpu-us/call \(microseconds)")
        }
    }

    private static func makeCalls(_ client: MicroClient, concurrency: Int, perTask: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<concurrency {
                group.addTask {
                    let request = HelloRequest.with { $0.name = "John" }
                    for _ in 0..<perTask {
                        let response: HelloResponse = try await client.call(self.service, "Greeter.Hello", request) {
                            $0.timeout = .seconds(10)
                        }
                        precondition(response.greeting == "Hello John")
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// User and system time of all threads of this process.
    private static var processorSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
