// SPDX-License-Identifier: Apache-2.0

import GRPCCore
import Logging
import MartletGRPC
import MartletGRPCWire
import MartletGreeterFixture
import MartletGreeterGRPCFixture

/// What a test of the adapter has at hand while its server runs.
struct GreeterFixture: Sendable {
    static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    let greeter: TestGreeter
    let server: GRPCServer<MartletServerTransport>
    let client: GRPCClient<MartletClientTransport>
    let address: MartletGRPCAddress

    var events: EventLog { self.greeter.events }
    var stub: Greeter.Client<MartletClientTransport> { Greeter.Client(wrapping: self.client) }

    /// A client of the wire, below grpc-swift-2.
    func withWireClient<Result>(_ body: (WireClient) async throws -> Result) async throws -> Result {
        let client = try WireClient(self.address.wire, logger: Self.logger)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    /// Runs `body` with a server on a free port and a client of it.
    static func run<Result: Sendable>(
        address: MartletGRPCAddress = .hostPort("127.0.0.1", 0),
        server configuration: MartletServerTransport.Configuration = .init(),
        client clientConfiguration: MartletClientTransport.Configuration = .init(),
        serviceConfig: ServiceConfig = ServiceConfig(),
        serverInterceptors: [ConditionalInterceptor<any ServerInterceptor>] = [],
        clientInterceptors: [any ClientInterceptor] = [],
        _ body: @Sendable @escaping (GreeterFixture) async throws -> Result
    ) async throws -> Result {
        let greeter = TestGreeter()
        let transport = MartletServerTransport(
            address: address, configuration: configuration, logger: Self.logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let server = GRPCServer(
                transport: transport, services: [greeter], interceptorPipeline: serverInterceptors)
            group.addTask { try await server.serve() }
            let address = try await transport.listeningAddress
            let client = GRPCClient(
                transport: try MartletClientTransport(
                    target: address, configuration: clientConfiguration, serviceConfig: serviceConfig,
                    logger: Self.logger),
                interceptors: clientInterceptors)
            group.addTask {
                do {
                    try await client.runConnections()
                } catch let error as RuntimeError where error.code == .clientIsStopped {
                    // A test that ends without using this client may end before it has started.
                }
            }
            let fixture = GreeterFixture(greeter: greeter, server: server, client: client, address: address)
            let result = try await body(fixture)
            client.beginGracefulShutdown()
            server.beginGracefulShutdown()
            // A transport that does not come to its end hangs the test here.
            try await group.waitForAll()
            return result
        }
    }
}

extension HelloRequest {
    init(name: String) {
        self.init()
        self.name = name
    }
}

extension CountRequest {
    init(upto: Int64, pauseMs: Int64 = 0) {
        self.init()
        self.upto = upto
        self.pauseMs = pauseMs
    }
}

extension ChatMessage {
    init(_ text: String, _ seq: Int64 = 0) {
        self.init()
        self.text = text
        self.seq = seq
    }
}

extension StreamingClientResponse<CountResponse> {
    /// The values up to the end of the stream.
    var values: [Int64] {
        get async throws {
            var values: [Int64] = []
            for try await message in self.messages { values.append(message.value) }
            return values
        }
    }
}

extension CallOptions {
    static func with(_ change: (inout CallOptions) -> Void) -> CallOptions {
        var options = CallOptions.defaults
        change(&options)
        return options
    }
}
