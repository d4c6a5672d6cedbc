// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import SwiftProtobuf

/// Which messages, fields and methods there are: what it takes to turn JSON into a message's bytes and back, without
/// knowing the message. Read from the descriptors of the protobuf files.
struct GatewaySchema: Sendable {
    enum Kind: Sendable, Equatable {
        case bool, int32, int64, uint32, uint64, string, bytes
        /// Indexes of ``enumerations`` and ``messages``.
        case enumeration(Int), message(Int)

        /// Whether several values may share one field, packed.
        var isNumber: Bool {
            switch self {
            case .bool, .int32, .int64, .uint32, .uint64, .enumeration: true
            case .string, .bytes, .message: false
            }
        }
    }

    struct Field: Sendable {
        var number: UInt64
        /// As the proto file spells it, in UTF-8: `range_end`.
        var name: [UInt8]
        /// The other name it has in JSON: `rangeEnd`.
        var jsonName: [UInt8]
        var kind: Kind
        var isRepeated: Bool
        /// There where it is set, even to zero.
        var isInOneof: Bool
    }

    struct Message: Sendable {
        /// In the order of the proto file, which JSON keeps.
        var fields: [Field]
    }

    struct Enumeration: Sendable {
        /// `etcdserverpb.RangeRequest.SortOrder`.
        var name: String
        var values: [(number: Int32, name: String)]
    }

    struct Method: Sendable {
        var request: Int
        var response: Int
        var streamsRequests: Bool
        var streamsResponses: Bool
    }

    private(set) var messages: [Message] = []
    private(set) var enumerations: [Enumeration] = []
    /// By gRPC path.
    private(set) var methods: [String: Method] = [:]

    /// etcd's API.
    static let etcd: GatewaySchema = {
        do {
            return GatewaySchema(
                try Google_Protobuf_FileDescriptorSet(serializedBytes: EtcdDescriptors.fileDescriptorSet))
        } catch {
            preconditionFailure("the generated descriptors cannot be read: \(error)")
        }
    }()

    init(_ files: Google_Protobuf_FileDescriptorSet) {
        var found: [(name: String, message: Google_Protobuf_DescriptorProto)] = []
        for file in files.file {
            let scope = file.package.isEmpty ? "" : ".\(file.package)"
            for enumeration in file.enumType { add(enumeration, in: scope) }
            for message in file.messageType { collect(message, in: scope, &found) }
        }
        let enumerationIndexes = Dictionary(
            uniqueKeysWithValues: enumerations.enumerated().map { (".\($1.name)", $0) })
        let indexes = Dictionary(uniqueKeysWithValues: found.enumerated().map { ($1.name, $0) })
        messages = found.map { found in
            Message(
                fields: found.message.field.map { field in
                    Field(
                        number: UInt64(field.number), name: Array(field.name.utf8),
                        jsonName: Array(field.jsonName.utf8), kind: Self.kind(of: field, indexes, enumerationIndexes),
                        isRepeated: field.label == .repeated,
                        isInOneof: field.hasOneofIndex)
                })
        }
        for file in files.file {
            for service in file.service {
                for method in service.method {
                    guard let request = indexes[method.inputType], let response = indexes[method.outputType] else {
                        preconditionFailure("\(method.name) has messages that no file has")
                    }
                    methods["/\(file.package).\(service.name)/\(method.name)"] = Method(
                        request: request, response: response, streamsRequests: method.clientStreaming,
                        streamsResponses: method.serverStreaming)
                }
            }
        }
    }

    private mutating func collect(
        _ message: Google_Protobuf_DescriptorProto, in scope: String,
        _ found: inout [(name: String, message: Google_Protobuf_DescriptorProto)]
    ) {
        let name = "\(scope).\(message.name)"
        found.append((name, message))
        for enumeration in message.enumType { add(enumeration, in: name) }
        for inner in message.nestedType { collect(inner, in: name, &found) }
    }

    private mutating func add(_ enumeration: Google_Protobuf_EnumDescriptorProto, in scope: String) {
        enumerations.append(
            Enumeration(
                name: String("\(scope).\(enumeration.name)".dropFirst()),
                values: enumeration.value.map { ($0.number, $0.name) }))
    }

    private static func kind(
        of field: Google_Protobuf_FieldDescriptorProto, _ messages: [String: Int], _ enumerations: [String: Int]
    ) -> Kind {
        switch field.type {
        case .bool: return .bool
        case .int32: return .int32
        case .int64: return .int64
        case .uint32: return .uint32
        case .uint64: return .uint64
        case .string: return .string
        case .bytes: return .bytes
        case .enum:
            if let index = enumerations[field.typeName] { return .enumeration(index) }
        case .message:
            if let index = messages[field.typeName] { return .message(index) }
        default: break
        }
        preconditionFailure("etcd's API has no field like \(field.name) of type \(field.type) \(field.typeName)")
    }
}
