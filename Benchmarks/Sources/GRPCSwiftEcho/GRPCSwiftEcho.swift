// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2

/// The peer of the wire's echoes: the same calls on grpc-swift-2's own NIO transport, without a codec.
///
/// usage: GRPCSwiftEcho PORT
@main
struct GRPCSwiftEcho {
    static func main() async throws {
        let port = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 0
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: port), transportSecurity: .plaintext)
        let pass = ConditionalInterceptor<any ServerInterceptor>.apply(
            PassInterceptor(), to: .methods([EchoService.rich]))
        let server = GRPCServer(
            transport: transport, services: [EchoService()], interceptorPipeline: [pass, pass])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.serve() }
            if let address = try await server.listeningAddress?.ipv4 {
                FileHandle.standardOutput.write(Data("listening on \(address.port)\n".utf8))
            }
            // Until the parent ends us by a signal.
            try await group.waitForAll()
        }
    }
}

/// `/Bench/Echo` answers a message with itself; `/Bench/EchoRich` calls an actor first and has two interceptors.
struct EchoService: RegistrableRPCService {
    static let service = ServiceDescriptor(fullyQualifiedService: "Bench")
    static let bare = MethodDescriptor(service: service, method: "Echo")
    static let rich = MethodDescriptor(service: service, method: "EchoRich")

    private actor Counter {
        private var count = 0

        func next() -> Int {
            self.count += 1
            return self.count
        }
    }

    private let counter = Counter()

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        // As generated code does for a unary method.
        router.registerHandler(
            forMethod: Self.bare, deserializer: BytesCoder(), serializer: BytesCoder()
        ) { request, _ in
            let single = try await ServerRequest(stream: request)
            return StreamingServerResponse(single: ServerResponse(message: single.message))
        }
        router.registerHandler(
            forMethod: Self.rich, deserializer: BytesCoder(), serializer: BytesCoder()
        ) { [counter] request, _ in
            let single = try await ServerRequest(stream: request)
            _ = await counter.next()
            return StreamingServerResponse(single: ServerResponse(message: single.message))
        }
    }
}

/// Does nothing but be there.
struct PassInterceptor: ServerInterceptor {
    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next:
            @Sendable (
                StreamingServerRequest<Input>, ServerContext
            ) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        try await next(request, context)
    }
}

/// Messages as they are.
struct BytesCoder: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes {
        Bytes(message)
    }

    func deserialize<Bytes: GRPCContiguousBytes>(_ serializedMessageBytes: Bytes) throws -> [UInt8] {
        serializedMessageBytes.withUnsafeBytes { [UInt8]($0) }
    }
}
