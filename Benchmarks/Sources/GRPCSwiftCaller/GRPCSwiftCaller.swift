// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2
import SwiftProtobuf

/// The peer of the framework's client: grpc-swift-2's, which goes round the same nodes by its own balancer.
///
/// usage: GRPCSwiftCaller PORTS TASKS CALLS
///
/// PORTS have commas between them. Prints the rate, and the processor time of each call in this process, after a tenth
/// as many calls to warm up.
@main
struct GRPCSwiftCaller {
    static let method = MethodDescriptor(fullyQualifiedService: "bench.fleet.Fleet", method: "Hello")

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let ports = arguments.first?.split(separator: ",").compactMap { Int($0) } ?? []
        let numbers = arguments.dropFirst().compactMap { Int($0) }
        guard !ports.isEmpty, numbers.count == 2 else {
            print("usage: GRPCSwiftCaller PORTS TASKS CALLS")
            exit(64)
        }
        let (tasks, perTask) = (numbers[0], max(1, numbers[1] / numbers[0]))
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(pairs: ports.map { (host: "127.0.0.1", port: $0) }), transportSecurity: .plaintext,
            serviceConfig: ServiceConfig(loadBalancingConfig: [.roundRobin]))
        try await withGRPCClient(transport: transport) { client in
            try await self.makeCalls(client, tasks: tasks, perTask: max(1, perTask / 10))
            let (start, startTime) = (ContinuousClock.now, self.processorSeconds)
            try await self.makeCalls(client, tasks: tasks, perTask: perTask)
            let elapsed = start.duration(to: .now) / .seconds(1)
            let made = Double(perTask * tasks)
            let microseconds = (self.processorSeconds - startTime) / made * 1e6
            print("calls/s \(Int(made / elapsed)) cpu-us/call \(microseconds)")
        }
    }

    private static func makeCalls<Transport: ClientTransport>(
        _ client: GRPCClient<Transport>, tasks: Int, perTask: Int
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<tasks {
                group.addTask {
                    var options = CallOptions.defaults
                    options.timeout = .seconds(10)
                    for _ in 0..<perTask {
                        // As generated code calls.
                        let answer = try await client.unary(
                            request: ClientRequest(message: Google_Protobuf_StringValue("John")),
                            descriptor: self.method, serializer: ValueCoder(), deserializer: ValueCoder(),
                            options: options
                        ) { try $0.message }
                        precondition(answer.value == "Hello John")
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

/// Reads and writes the message without a copy of its bytes, as grpc-swift-protobuf does.
struct ValueCoder: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: Google_Protobuf_StringValue) throws -> Bytes {
        try (message.serializedBytes() as MessageBytes<Bytes>).bytes
    }

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Google_Protobuf_StringValue {
        try Google_Protobuf_StringValue(serializedBytes: MessageBytes(bytes: bytes))
    }
}

/// The transport's bytes as SwiftProtobuf wants them: two protocols with the same requirements.
struct MessageBytes<Bytes: GRPCContiguousBytes>: SwiftProtobufContiguousBytes {
    var bytes: Bytes

    init(bytes: Bytes) { self.bytes = bytes }
    init(repeating byte: UInt8, count: Int) { self.bytes = Bytes(repeating: byte, count: count) }
    init(_ sequence: some Sequence<UInt8>) { self.bytes = Bytes(sequence) }

    var count: Int { self.bytes.count }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try self.bytes.withUnsafeBytes(body)
    }

    mutating func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try self.bytes.withUnsafeMutableBytes(body)
    }
}
