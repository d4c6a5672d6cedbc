// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Martlet
import MartletEtcd
import MartletGreeterFixture
import MartletProcesses
import MartletTestPrograms
import SwiftProtobuf
import Testing

/// Services in Go and in Swift find and call each other: `Tests/Peers/go`, on grpc-go and etcd's own client, speaks as
/// go-micro's plugins do.
@Suite(.enabled(if: GoPeer.isRequired || GoPeer.binary != nil, "no Go peer on this machine"), .serialized)
struct GoPeerTests {
    @Test(arguments: EtcdProcess.Kind.available.filter { $0 != .etcd35 })
    func aSwiftClientCallsAGoService(_ kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { etcd in
            try await GoPeer.serving("go.micro.peer", registry: etcd.address) {
                let registry = EtcdRegistry.patient(etcd.endpoint)
                try await withMicroClient(registry: registry, configure: patiently) { client in
                    await Self.waitForRegistry(client)
                    try await Self.callHello(client)
                    try await Self.countAndFail(client)
                }
            }
        }
    }

    /// On a busy machine a new etcd may take longer to answer than a call waits for its registry.
    private static func waitForRegistry(_ client: MicroClient) async {
        for _ in 0..<6 {
            do {
                _ = try await client.call("go.micro.peer", "Greeter.Hello", json: #"{"name":"Early"}"#)
                return
            } catch {}
        }
    }

    private static func callHello(_ client: MicroClient) async throws {
        let request = HelloRequest.with { $0.name = "John" }
        let reply: HelloResponse = try await client.call("go.micro.peer", "Greeter.Hello", request) {
            $0.timeout = .seconds(3_000)
            $0.metadata.add("1", for: "x-mark")
        }
        #expect(reply.greeting == "Hello John")
        // What go-micro's servers read of a call, as they spell it.
        #expect(reply.metadata["content-type"] == "application/grpc+proto")
        #expect(reply.metadata["x-content-type"] == "application/grpc+proto")
        #expect(reply.metadata["x-mark"] == "1")
        let nanoseconds = try #require(reply.metadata["timeout"].flatMap { Int64($0) })
        #expect((1_500_000_000_000...3_000_000_000_000).contains(nanoseconds))
        let json = try await client.call("go.micro.peer", "Greeter.Hello", json: #"{"name":"Jane"}"#)
        #expect(json.hasPrefix(#"{"greeting":"Hello Jane""#))
        #expect(json.contains(#""content-type":"application/grpc+json""#))
    }

    private static func countAndFail(_ client: MicroClient) async throws {
        for codec in [MessageCodec.protobuf, .json] {
            let values = try await client.serverStream(
                "go.micro.peer", "Greeter.Count", CountRequest.with { $0.upto = 3 }, of: CountResponse.self,
                configure: { $0.codec = codec }
            ) {
                var values: [Int64] = []
                for try await response in $0 { values.append(response.value) }
                return values
            }
            #expect(values == [0, 1, 2])
        }
        let absent = await Self.error(client, "Greeter.Hello", #"{"name":""}"#)
        #expect(absent == MicroError(.notFound, "no name", id: "go.micro.peer"))
        let percent = await Self.error(client, "Greeter.Hello", #"{"name":"%"}"#)
        #expect(percent?.detail == "100% wrong" && percent?.code == .internalServerError)
        let method = await Self.error(client, "Greeter.Absent", "{}")
        #expect(method?.code == .notImplemented && method?.detail == "unknown service Greeter.Absent")
        let late = await Self.error(client, "Greeter.Hello", #"{"name":"sleep"}"#, timeout: .milliseconds(300))
        #expect(late?.code == .timeout)
    }

    private static func error(
        _ client: MicroClient, _ endpoint: String, _ json: String, timeout: Duration = patience
    ) async -> MicroError? {
        do {
            _ = try await client.call("go.micro.peer", endpoint, json: json) { $0.timeout = timeout }
            return nil
        } catch {
            return error as? MicroError
        }
    }

    @Test(arguments: EtcdProcess.Kind.available.filter { $0 != .etcd35 })
    func aGoClientCallsASwiftService(_ kind: EtcdProcess.Kind) async throws {
        try await EtcdProcess.with(kind) { etcd in
            try await Self.withSwiftService(etcd.endpoint) {
                for subtype in ["proto", "json"] {
                    let hello = try await GoPeer.call(etcd.address, "Hello", "John", subtype)
                    #expect(hello.hasPrefix(#"{"greeting":"Hello John go.micro.peer"#), "\(subtype): \(hello)")
                    let refused = try await GoPeer.call(etcd.address, "Hello", "", subtype)
                    let error =
                        #"{\"id\":\"go.micro.server\",\"code\":404,\"detail\":\"no name\",\"status\":\"Not Found\"}"#
                    #expect(refused == #"{"grpc_status":5,"message":""# + error + #""}"#)
                    // The stream isn't half-closed, and in protobuf says nothing of its subtype.
                    let counted = try await GoPeer.call(etcd.address, "Count", "3", subtype)
                    #expect(counted == "{}\n{\"value\":\"1\"}\n{\"value\":\"2\"}", "\(subtype)")
                }
                let late = try await GoPeer.call(etcd.address, "Hello", "sleep", "proto", timeout: "300ms")
                #expect(late.hasPrefix(#"{"grpc_status":4,"#))
            }
        }
    }

    private static func withSwiftService(_ registry: String, _ body: () async throws -> Void) async throws {
        let (nodes, started) = AsyncStream.makeStream(of: NodeRecord.self)
        var service = MicroService("go.micro.server", registry: EtcdRegistry.patient(registry)) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
            $0.afterStart = { started.yield($0) }
            $0.logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        }
        service.handle("Greeter.Hello") { (request: HelloRequest, context) in
            guard !request.name.isEmpty else { throw MicroError(.notFound, "no name") }
            if request.name == "sleep" { try await Task.sleep(for: .seconds(30)) }
            return HelloResponse.with { $0.greeting = "Hello \(request.name) \(context.caller ?? "nobody")" }
        }
        service.serverStream("Greeter.Count") { (request: CountRequest, responses: MessageWriter<CountResponse>, _) in
            for value in 0..<request.upto { try await responses.write(.with { $0.value = value }) }
        }
        let running = service
        let task = Task { try await running.run() }
        _ = await nodes.first { _ in true }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        task.cancel()
        _ = await task.result
        try result.get()
    }
}

extension EtcdProcess {
    /// The endpoint without its scheme.
    fileprivate var address: String { self.endpoint.replacing("http://", with: "") }
}

/// The program of `Tests/Peers/go`.
private enum GoPeer {
    static let binary = ProcessInfo.processInfo.environment["MARTLET_GO_PEER"]
    static let isRequired = ProcessInfo.processInfo.environment["MARTLET_REQUIRE_PEERS"] == "1"

    /// Runs a Go service while `body` runs.
    static func serving(_ name: String, registry: String, _ body: () async throws -> Void) async throws {
        let binary = try #require(Self.binary)
        let (lines, printed) = AsyncStream.makeStream(of: String.self)
        let process = try ChildProcess.start(
            binary, ["serve", "-registry", registry, "-name", name], environment: [:], errorFile: "/dev/null",
            onLine: { printed.yield($0) }, onExit: { _ in printed.finish() })
        guard await lines.first(where: { $0.hasPrefix("listening ") }) != nil else {
            throw ProgramFailure(description: "the Go peer ended before it listened")
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        process.send(SIGTERM)
        for _ in 0..<500 where !process.hasEnded { try? await Task.sleep(for: .milliseconds(10)) }
        process.send(SIGKILL)
        try result.get()
    }

    static func call(
        _ registry: String, _ method: String, _ argument: String, _ subtype: String, timeout: String = "300s"
    ) async throws -> String {
        try await output(
            of: try #require(Self.binary),
            [
                "call", "-registry", registry, "-name", "go.micro.server", "-method", method, "-argument", argument,
                "-subtype", subtype, "-timeout", timeout,
            ])
    }
}
