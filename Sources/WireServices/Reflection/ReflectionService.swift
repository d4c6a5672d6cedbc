// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
import MartletWireAPI

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Server reflection, v1 and v1alpha, over descriptor sets that were compiled in.
///
/// The two versions differ in nothing but their name, so one set of messages serves both.
/// Source: gRPC, doc/server-reflection.
package struct ReflectionService: Sendable {
    package static let names = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"]

    private let index: DescriptorIndex
    private let services: Set<String>

    /// - Parameters:
    ///   - descriptorSets: Serialised google.protobuf.FileDescriptorSets. Those of reflection and health are known.
    ///   - services: Full names of the services that the server routes; others are neither listed nor found.
    ///     Reflection itself is added.
    /// - Throws: when a set cannot be read.
    package init(descriptorSets: [[UInt8]], services: some Sequence<String>) throws {
        self.index = try DescriptorIndex(sets: [WireDescriptors.fileDescriptorSet] + descriptorSets)
        self.services = Set(services).union(Self.names)
    }

    /// As above, for those services of the sets, and of those that are known anyway, that `isServed` names.
    package init(descriptorSets: [[UInt8]], where isServed: (String) -> Bool) throws {
        self.index = try DescriptorIndex(sets: [WireDescriptors.fileDescriptorSet] + descriptorSets)
        self.services = Set(self.index.services.filter(isServed)).union(Self.names)
    }

    /// As above, for the services that `router` has now.
    package init(descriptorSets: [[UInt8]], routedBy router: GRPCRouter) throws {
        let services = router.paths.compactMap { path -> String? in
            let parts = path.split(separator: "/")
            return parts.count == 2 ? String(parts[0]) : nil
        }
        try self.init(descriptorSets: descriptorSets, services: services)
    }

    /// Adds the service's methods to `router`.
    package func addRoutes(to router: inout GRPCRouter) {
        for (path, route) in self.routes { router.add(path, route) }
    }

    /// The service's methods by their paths.
    package var routes: [String: GRPCRoute] {
        let route = GRPCRoute.stream { _, requests, replies in
            try await self.serve(requests, replies)
        }
        return Dictionary(uniqueKeysWithValues: Self.names.map { ("/\($0)/ServerReflectionInfo", route) })
    }

    /// Answers each request of one stream, until the client half-closes.
    private func serve(_ requests: MessageReader, _ replies: MessageWriter) async throws {
        var sent: Set<String> = []
        while let message = try await requests.next() {
            let request = try Grpc_Reflection_V1_ServerReflectionRequest(request: message)
            var response = Grpc_Reflection_V1_ServerReflectionResponse()
            response.validHost = request.host
            response.originalRequest = request
            response.messageResponse = try self.answer(request, &sent)
            try await replies.write(response.reply())
        }
    }

    private func answer(
        _ request: Grpc_Reflection_V1_ServerReflectionRequest, _ sent: inout Set<String>
    ) throws(GRPCStatus) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        switch request.messageRequest {
        case .listServices:
            return .listServicesResponse(self.list())
        case .fileByFilename(let name):
            return self.files(self.index.file(named: name), &sent, otherwise: "file not found: \(name)")
        case .fileContainingSymbol(let symbol):
            return self.files(self.file(declaring: symbol), &sent, otherwise: "symbol not found: \(symbol)")
        case .fileContainingExtension(let wanted):
            let file = self.index.file(extending: wanted.containingType, number: wanted.extensionNumber)
            return self.files(
                file, &sent,
                otherwise: "extension not found: \(wanted.extensionNumber) of \(wanted.containingType)")
        case .allExtensionNumbersOfType(let type):
            guard let numbers = self.index.extensionNumbers(of: type) else {
                return Self.notFound("message not found: \(type)")
            }
            var response = Grpc_Reflection_V1_ExtensionNumberResponse()
            response.baseTypeName = type
            response.extensionNumber = numbers
            return .allExtensionNumbersResponse(response)
        case nil:
            throw GRPCStatus(.invalidArgument, "invalid MessageRequest: none is set")
        }
    }

    private func list() -> Grpc_Reflection_V1_ListServiceResponse {
        var response = Grpc_Reflection_V1_ListServiceResponse()
        response.service = self.services.sorted().map { name in
            var service = Grpc_Reflection_V1_ServiceResponse()
            service.name = name
            return service
        }
        return response
    }

    private func file(declaring symbol: String) -> DescriptorIndex.File? {
        if let service = self.index.service(of: symbol), !self.services.contains(service) { return nil }
        return self.index.file(declaring: symbol)
    }

    private func files(
        _ file: DescriptorIndex.File?, _ sent: inout Set<String>, otherwise text: String
    ) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        guard let file else { return Self.notFound(text) }
        var response = Grpc_Reflection_V1_FileDescriptorResponse()
        response.fileDescriptorProto = self.index.closure(of: file, skipping: &sent).map { Data($0.bytes) }
        return .fileDescriptorResponse(response)
    }

    private static func notFound(
        _ text: String
    ) -> Grpc_Reflection_V1_ServerReflectionResponse.OneOf_MessageResponse {
        var error = Grpc_Reflection_V1_ErrorResponse()
        error.errorCode = Int32(GRPCStatusCode.notFound.rawValue)
        error.errorMessage = text
        return .errorResponse(error)
    }
}
