// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletGRPCWire
import MartletGreeterFixture
import MartletHTTP2Session
import MartletProcesses
import MartletTestPrograms
import MartletWireGreeter
import SwiftProtobuf
import Synchronization
import Testing

/// Which peers this run has; `scripts/test` says so by environment variables.
enum Peers {
    static let python = Self.variable("MARTLET_PEERS_PYTHON")
    static let h2load = Self.variable("MARTLET_H2LOAD")
    static let isRequired = Self.variable("MARTLET_REQUIRE_PEERS") == "1"

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Peers")

    private static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
}

@Suite(.timeLimit(.minutes(30)), .serialized) struct GrpcioTests {
    private static let isThere: ConditionTrait = .enabled(
        if: Peers.python != nil || Peers.isRequired, "no grpcio: MARTLET_PEERS_PYTHON is not set")

    private func withGreeter(
        _ configure: (inout WireServerConfiguration) -> Void = { _ in }, _ body: (WireAddress) async throws -> Void
    ) async throws {
        try await withServer(try WireGreeter().router(), configure: configure) { _, address in
            try await body(address)
        }
    }

    /// Runs the cases of grpcio_client.py; every line must begin with `ok`.
    private func runCases(_ arguments: [String]) async throws {
        let python = try #require(Peers.python, "MARTLET_PEERS_PYTHON is not set, and MARTLET_REQUIRE_PEERS=1")
        let script = Peers.folder.appendingPathComponent("grpcio_client.py").path
        let output = try await run(python, ["-B", script] + arguments).output
        let lines = output.split(separator: "\n")
        let failed = lines.filter { !$0.hasPrefix("ok ") }
        #expect(failed.isEmpty, "\(failed.joined(separator: "\n"))")
        #expect(lines.count { $0.hasPrefix("ok ") } > 20)
    }

    @Test(isThere) func grpcioCallsOurServer() async throws {
        try await self.withGreeter { address in
            try await self.runCases(["--address", "\(address)"])
        }
    }

    @Test(isThere, .needsOpenSSL) func grpcioCallsOurServerOverMutualTLS() async throws {
        let certificates = try await Certificates()
        var tls = WireServerTLS(
            certificateChainFile: certificates.certificate("server"), privateKeyFile: certificates.key("server"))
        tls.trustRootsFile = certificates.certificate("ca")
        tls.requiresClientCertificate = true
        let configured = tls
        try await self.withGreeter({ $0.tls = configured }) { address in
            guard case .hostPort(_, let port) = address.kind else { return }
            try await self.runCases([
                "--address", "localhost:\(port)", "--ca", certificates.certificate("ca"),
                "--cert", certificates.certificate("client"), "--key", certificates.key("client"),
            ])
        }
    }

    @Test(isThere) func weCallGrpcio() async throws {
        try await self.withGrpcioServer([]) { address in
            try await withClient(address) { client in try await GreeterCases(client).run() }
        }
    }

    @Test(isThere, .needsOpenSSL) func weCallGrpcioOverMutualTLS() async throws {
        let certificates = try await Certificates()
        var tls = WireClientTLS()
        tls.trustRootsFile = certificates.certificate("ca")
        tls.certificateChainFile = certificates.certificate("client")
        tls.privateKeyFile = certificates.key("client")
        let configured = tls
        let arguments = [
            "--cert", certificates.certificate("server"), "--key", certificates.key("server"),
            "--client-ca", certificates.certificate("ca"),
        ]
        try await self.withGrpcioServer(arguments) { address in
            try await withClient(address, configure: { $0.tls = configured }) { client in
                try await GreeterCases(client).run()
            }
        }
    }

    /// The same cases against our own server: what they expect is not grpcio's alone.
    @Test func weCallOurselves() async throws {
        try await self.withGreeter { address in
            try await withClient(address) { client in try await GreeterCases(client).run() }
        }
    }

    private func withGrpcioServer(_ arguments: [String], _ body: (WireAddress) async throws -> Void) async throws {
        let python = try #require(Peers.python, "MARTLET_PEERS_PYTHON is not set, and MARTLET_REQUIRE_PEERS=1")
        let script = Peers.folder.appendingPathComponent("grpcio_server.py").path
        let (lines, sink) = AsyncStream.makeStream(of: String.self)
        let server = try ChildProcess.start(
            python, ["-B", script, "--port", "0"] + arguments, environment: ProcessInfo.processInfo.environment,
            errorFile: "/dev/null", onLine: { sink.yield($0) }, onExit: { _ in sink.finish() })
        defer { server.send(SIGKILL) }
        let line = await lines.first { _ in true } ?? ""
        let port = try #require(line.split(separator: " ").last.flatMap { Int($0) }, "grpcio_server.py said: \(line)")
        try await body(.hostPort("127.0.0.1", port))
    }
}

@Suite(.timeLimit(.minutes(30))) struct H2loadTests {
    @Test(.enabled(if: Peers.h2load != nil || Peers.isRequired, "no h2load: MARTLET_H2LOAD is not set"))
    func manyConnectionsAndStreams() async throws {
        let h2load = try #require(Peers.h2load, "MARTLET_H2LOAD is not set, and MARTLET_REQUIRE_PEERS=1")
        let folder = try TemporaryFolder()
        let request = folder.file("request")
        let message = try HelloRequest.with { $0.name = "John" }.serializedBytes() as [UInt8]
        try Data(MessageAssemblerTests.frame(message)).write(to: URL(fileURLWithPath: request))
        try await withServer(try WireGreeter().router()) { _, address in
            let output = try await output(
                of: h2load,
                [
                    "-n", "5000", "-c", "10", "-m", "20", "-t", "1", "-d", request, "-H", "te: trailers",
                    "-H", "content-type: application/grpc", "http://\(address)/Greeter/Hello",
                ])
            #expect(output.contains("5000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(output)")
        }
    }
}
