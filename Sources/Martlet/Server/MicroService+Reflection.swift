// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletWireServices

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

extension MicroService {
    /// Has gRPC's server reflection tell what the service's messages look like, so that tools which were never told,
    /// such as `grpcurl` and `martlet call`, can write and read them.
    ///
    /// Of the services that the files declare, those show that have a handler here. Code that `protoc-gen-martlet` made
    /// calls this by itself. A service that nobody describes serves no reflection.
    ///
    /// - Parameter fileDescriptorSet: A serialised `google.protobuf.FileDescriptorSet` with all that its files import,
    ///   as `protoc --include_imports --descriptor_set_out` writes it. A set that can't be read keeps the service from
    ///   starting.
    public mutating func describe(fileDescriptorSet: [UInt8]) {
        self.descriptorSets.append(fileDescriptorSet)
    }

    /// The same for generated code, which has the set in base64: a compiler reads a long text faster than a long array.
    public mutating func describe(fileDescriptorSetInBase64 text: String) {
        // What isn't base64 becomes what is no set either, and is told apart when the service starts.
        self.descriptorSets.append(Data(base64Encoded: text).map { [UInt8]($0) } ?? [0])
    }

    /// The reflection of a service that has been described.
    func reflection() throws -> ReflectionService? {
        guard !self.descriptorSets.isEmpty else { return nil }
        let handlers = Set(self.endpoints.values.filter { !$0.isInternal }.map(\.handler))
        do {
            return try ReflectionService(descriptorSets: self.descriptorSets) { service in
                // Calls find their handler by the last part of the service's name, whatever stands before it.
                service == "grpc.health.v1.Health" || handlers.contains(service.split(separator: ".").last ?? "")
            }
        } catch {
            throw MicroError(.internalServerError, "a description of \(self.name) can't be read: \(error)")
        }
    }
}
