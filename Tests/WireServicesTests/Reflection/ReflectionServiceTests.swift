// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletGreeterFixture
import MartletWireAPI
import MartletWireServices
import SwiftProtobuf
import Testing

@Suite struct ReflectionServiceTests {
    typealias Request = Grpc_Reflection_V1_ServerReflectionRequest
    typealias Response = Grpc_Reflection_V1_ServerReflectionResponse

    static let paths = ReflectionService.names.map { "/\($0)/ServerReflectionInfo" }

    /// A file with what the Greeter's lacks: a package, imports of imports, extensions, nested types and an enum.
    static func extendedSet() throws -> [UInt8] {
        var base = Google_Protobuf_FileDescriptorProto()
        base.name = "base.proto"
        base.package = "test.base"
        var message = Google_Protobuf_DescriptorProto()
        message.name = "Base"
        base.messageType = [message]
        var middle = Google_Protobuf_FileDescriptorProto()
        middle.name = "middle.proto"
        middle.dependency = ["base.proto", "absent.proto"]
        var top = Google_Protobuf_FileDescriptorProto()
        top.name = "top.proto"
        top.package = "test"
        top.dependency = ["middle.proto", "base.proto"]
        var outer = Google_Protobuf_DescriptorProto()
        outer.name = "Outer"
        var inner = Google_Protobuf_DescriptorProto()
        inner.name = "Inner"
        var field = Google_Protobuf_FieldDescriptorProto()
        field.name = "depth"
        inner.field = [field]
        outer.nestedType = [inner]
        var oneof = Google_Protobuf_OneofDescriptorProto()
        oneof.name = "choice"
        outer.oneofDecl = [oneof]
        top.messageType = [outer]
        var color = Google_Protobuf_EnumDescriptorProto()
        color.name = "Color"
        var red = Google_Protobuf_EnumValueDescriptorProto()
        red.name = "RED"
        color.value = [red]
        top.enumType = [color]
        for (name, number) in [("late", Int32(200)), ("early", 100)] {
            var field = Google_Protobuf_FieldDescriptorProto()
            field.name = name
            field.number = number
            field.extendee = ".test.base.Base"
            top.extension.append(field)
        }
        var service = Google_Protobuf_ServiceDescriptorProto()
        service.name = "Unrouted"
        var method = Google_Protobuf_MethodDescriptorProto()
        method.name = "Call"
        service.method = [method]
        top.service = [service]
        var set = Google_Protobuf_FileDescriptorSet()
        set.file = [base, middle, top]
        return try set.serializedBytes()
    }

    static func router() throws -> GRPCRouter {
        var router = GRPCRouter()
        HealthService().addRoutes(to: &router)
        router.add("/Greeter/Hello", .unary { _, message in message })
        let reflection = try ReflectionService(
            descriptorSets: [GreeterDescriptors.fileDescriptorSet, self.extendedSet()], routedBy: router)
        reflection.addRoutes(to: &router)
        return router
    }

    /// Asks `requests` on one stream, one after the other.
    static func ask(
        _ path: String = Self.paths[0], _ requests: Request.OneOf_MessageRequest?...
    ) async throws -> [Response.OneOf_MessageResponse?] {
        try await withLoopback(self.router()) { client in
            try await client.withStream(path) { stream in
                var answers: [Response.OneOf_MessageResponse?] = []
                for wanted in requests {
                    var request = Request()
                    request.host = "host"
                    request.messageRequest = wanted
                    try await stream.write(request.serializedBytes())
                    let response = try Response(serializedBytes: try #require(await stream.next()))
                    #expect(response.originalRequest == request)
                    #expect(response.validHost == "host")
                    answers.append(response.messageResponse)
                }
                stream.finishWriting()
                #expect(try await stream.next() == nil)
                return answers
            }
        }
    }

    static func fileNames(_ answer: Response.OneOf_MessageResponse??) throws -> [String] {
        guard case .fileDescriptorResponse(let files) = answer else { return ["\(String(describing: answer))"] }
        return try files.fileDescriptorProto.map {
            try Google_Protobuf_FileDescriptorProto(serializedBytes: Array($0)).name
        }
    }

    static func errorCode(_ answer: Response.OneOf_MessageResponse??) -> Int32? {
        guard case .errorResponse(let error) = answer else { return nil }
        return error.errorMessage.isEmpty ? nil : error.errorCode
    }

    @Test(arguments: paths) func listsWhatIsRouted(_ path: String) async throws {
        let answers = try await Self.ask(path, .listServices(""))
        guard case .listServicesResponse(let list) = answers[0] else {
            Issue.record("\(answers)")
            return
        }
        #expect(
            list.service.map(\.name) == [
                "Greeter", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                "grpc.reflection.v1alpha.ServerReflection",
            ])
    }

    @Test(arguments: paths) func findsTheGreeter(_ path: String) async throws {
        let answers = try await Self.ask(path, .fileContainingSymbol("Greeter"))
        guard case .fileDescriptorResponse(let files) = answers[0] else {
            Issue.record("\(answers)")
            return
        }
        let file = try Google_Protobuf_FileDescriptorProto(
            serializedBytes: Array(try #require(files.fileDescriptorProto.first)))
        #expect(file.service.map(\.name) == ["Greeter"])
        #expect(file.service.first?.method.map(\.name) == ["Hello", "Count", "Chat", "Gather"])
        #expect(file.messageType.map(\.name).contains("HelloRequest"))
    }

    @Test(arguments: [
        ("Greeter.Chat", "greeter.proto"), ("HelloResponse", "greeter.proto"),
        ("HelloRequest.name", "greeter.proto"), ("grpc.health.v1.Health", "grpc/health/v1/health.proto"),
        ("grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"),
        ("grpc.health.v1.HealthCheckResponse.SERVING", "grpc/health/v1/health.proto"),
        ("grpc.reflection.v1alpha.ServerReflection", "grpc/reflection/v1alpha/reflection.proto"),
        ("test.Outer.Inner", "top.proto"), ("test.Outer.Inner.depth", "top.proto"),
        ("test.Outer.choice", "top.proto"), ("test.Color", "top.proto"), ("test.RED", "top.proto"),
        ("test.early", "top.proto"), ("test.base.Base", "base.proto"),
    ])
    func findsSymbols(_ symbol: String, _ file: String) async throws {
        let answers = try await Self.ask(Self.paths[0], .fileContainingSymbol(symbol))
        #expect(try Self.fileNames(answers[0]).first == file)
    }

    @Test(arguments: ["Nobody", "Greeter.Nothing", "test.Unrouted", "test.Unrouted.Call", "", "test", ".Greeter"])
    func unknownSymbolsAreNotFound(_ symbol: String) async throws {
        let answers = try await Self.ask(Self.paths[0], .fileContainingSymbol(symbol), .listServices("*"))
        #expect(Self.errorCode(answers[0]) == 5)
        // The stream goes on.
        guard case .listServicesResponse = answers[1] else {
            Issue.record("\(answers)")
            return
        }
    }

    @Test func importsComeOnceAStreamButTheWantedFileAlways() async throws {
        let answers = try await Self.ask(
            Self.paths[0], .fileByFilename("top.proto"), .fileByFilename("top.proto"), .fileByFilename("base.proto"),
            .fileByFilename("absent.proto"))
        #expect(try Self.fileNames(answers[0]) == ["top.proto", "middle.proto", "base.proto"])
        #expect(try Self.fileNames(answers[1]) == ["top.proto"])
        #expect(try Self.fileNames(answers[2]) == ["base.proto"])
        #expect(Self.errorCode(answers[3]) == 5)
    }

    @Test func findsExtensions() async throws {
        func wanted(_ type: String, _ number: Int32) -> Request.OneOf_MessageRequest {
            var request = Grpc_Reflection_V1_ExtensionRequest()
            request.containingType = type
            request.extensionNumber = number
            return .fileContainingExtension(request)
        }
        let answers = try await Self.ask(
            Self.paths[0], wanted("test.base.Base", 200), wanted("test.base.Base", 201), wanted("nobody", 1),
            .allExtensionNumbersOfType("test.base.Base"), .allExtensionNumbersOfType("test.Outer"),
            .allExtensionNumbersOfType("nobody"))
        #expect(try Self.fileNames(answers[0]).first == "top.proto")
        #expect(Self.errorCode(answers[1]) == 5)
        #expect(Self.errorCode(answers[2]) == 5)
        guard case .allExtensionNumbersResponse(let known) = answers[3],
            case .allExtensionNumbersResponse(let none) = answers[4]
        else {
            Issue.record("\(answers)")
            return
        }
        #expect(known.baseTypeName == "test.base.Base")
        #expect(known.extensionNumber == [100, 200])
        #expect(none.extensionNumber.isEmpty)
        #expect(Self.errorCode(answers[5]) == 5)
    }

    @Test func aRequestForNothingEndsTheStream() async throws {
        let status = await #expect(throws: GRPCStatus.self) { try await Self.ask(Self.paths[0], nil) }
        #expect(status?.code == .invalidArgument)
    }

    @Test func unreadableDescriptorsAreRefused() {
        #expect(throws: (any Error).self) {
            try ReflectionService(descriptorSets: [[0x0a, 0x10, 0x01]], services: [])
        }
    }
}
