// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
import MartletWireAPI
import SwiftProtobuf

/// Asks a server what it serves, by gRPC server reflection. Source: gRPC, doc/server-reflection.
///
/// The version that a server answers is found with the first question; v1 and v1alpha differ in nothing but their name.
package struct ReflectionClient: Sendable {
    /// Newest first.
    private static let paths = [
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ]

    /// Answers of a server that knows it all are small; a thousand files are none that anybody wrote by hand.
    private static let maximumFiles = 1000

    private let wire: WireClient
    private let options: WireCallOptions

    /// - Parameter options: What goes along with each question: metadata and time limit. The codec is protobuf.
    package init(_ wire: WireClient, options: WireCallOptions = WireCallOptions()) {
        self.wire = wire
        self.options = options
    }

    /// Full names of the services, sorted; `nil` when the server has no reflection.
    package func services() async throws -> [String]? {
        var request = Grpc_Reflection_V1_ServerReflectionRequest()
        request.listServices = "*"
        guard let answers = try await self.ask([request]) else { return nil }
        return answers.flatMap(\.listServicesResponse.service).map(\.name).sorted()
    }

    /// Adds everything to `pool` that is needed to speak with a service.
    ///
    /// - Returns: Whether the server describes the service.
    /// - Throws: ``GRPCStatus``.
    package func describe(_ service: String, into pool: inout DescriptorPool) async throws -> Bool {
        guard pool.service(service) == nil else { return true }
        var request = Grpc_Reflection_V1_ServerReflectionRequest()
        request.fileContainingSymbol = service
        guard let answers = try await self.ask([request]), try Self.add(answers, to: &pool) > 0 else { return false }
        var asked: Set<String> = []
        // Servers may send a file without those that it imports.
        while case let missing = pool.missingFiles.filter({ !asked.contains($0) }), !missing.isEmpty {
            guard asked.count < Self.maximumFiles else { break }
            asked.formUnion(missing)
            let requests = missing.map { name in
                var request = Grpc_Reflection_V1_ServerReflectionRequest()
                request.fileByFilename = name
                return request
            }
            guard let answers = try await self.ask(requests) else { break }
            _ = try Self.add(answers, to: &pool)
        }
        return pool.service(service) != nil
    }

    /// - Returns: How many files were in the answers. Files that a server doesn't have are missed later, by name.
    private static func add(
        _ answers: [Grpc_Reflection_V1_ServerReflectionResponse], to pool: inout DescriptorPool
    ) throws -> Int {
        var count = 0
        for bytes in answers.flatMap(\.fileDescriptorResponse.fileDescriptorProto) {
            do {
                pool.add(try Google_Protobuf_FileDescriptorProto(serializedBytes: bytes))
                count += 1
            } catch {
                throw GRPCStatus(.internalError, "the server's reflection answers with bytes that are no descriptor")
            }
        }
        return count
    }

    /// The answers to some questions; `nil` when the server has no reflection of either version.
    private func ask(
        _ requests: [Grpc_Reflection_V1_ServerReflectionRequest]
    ) async throws -> [Grpc_Reflection_V1_ServerReflectionResponse]? {
        for path in Self.paths {
            do {
                return try await self.wire.withStream(path, options: self.options) { stream in
                    var answers: [Grpc_Reflection_V1_ServerReflectionResponse] = []
                    // One by one: a server may answer each before it reads the next.
                    for request in requests {
                        try await stream.write(try request.serializedBytes())
                        guard let message = try await stream.next() else { break }
                        answers.append(try Grpc_Reflection_V1_ServerReflectionResponse(serializedBytes: message))
                    }
                    stream.finishWriting()
                    return answers
                }
            } catch let status as GRPCStatus where Self.isAbsence(status) {
                continue
            } catch is BinaryDecodingError {
                throw GRPCStatus(.internalError, "the server's reflection answers with bytes that are no message")
            }
        }
        return nil
    }

    /// A server without the service says so with status 12; some frameworks say 5, or 3 for the path.
    private static func isAbsence(_ status: GRPCStatus) -> Bool {
        [.unimplemented, .notFound].contains(status.code)
    }
}
