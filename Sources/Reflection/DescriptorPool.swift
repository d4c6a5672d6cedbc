// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobuf

/// The messages, enums and services that a server's descriptors name, by their full names.
///
/// Descriptors come from the other side: what they name and don't bring is found missing when it is asked for.
package struct DescriptorPool: Sendable {
    private var files: [String: Google_Protobuf_FileDescriptorProto] = [:]
    private var messages: [String: MessageShape] = [:]
    private var enums: [String: EnumShape] = [:]
    private var services: [String: ServiceShape] = [:]

    package init() {}

    /// Adds a file; one that is there already changes nothing.
    package mutating func add(_ file: Google_Protobuf_FileDescriptorProto) {
        guard self.files.updateValue(file, forKey: file.name) == nil else { return }
        let rules = FileRules(file)
        for message in file.messageType { self.add(message, in: file.package, rules) }
        for type in file.enumType { self.add(type, in: file.package) }
        for service in file.service {
            let name = Self.join(file.package, service.name)
            self.services[name] = ServiceShape(
                name: name,
                methods: service.method.map {
                    MethodShape(
                        name: $0.name, input: Self.bare($0.inputType), output: Self.bare($0.outputType),
                        streamsRequests: $0.clientStreaming, streamsResponses: $0.serverStreaming)
                })
        }
    }

    /// Names of files that others import and that aren't here.
    package var missingFiles: [String] {
        let wanted = Set(self.files.values.flatMap(\.dependency))
        return wanted.subtracting(self.files.keys).sorted()
    }

    package func message(_ name: String) -> MessageShape? { self.messages[name] }
    package func enumeration(_ name: String) -> EnumShape? { self.enums[name] }
    package func service(_ name: String) -> ServiceShape? { self.services[name] }

    private mutating func add(_ message: Google_Protobuf_DescriptorProto, in scope: String, _ rules: FileRules) {
        let name = Self.join(scope, message.name)
        let fields = message.field.map { FieldShape($0, in: message, rules) }
        self.messages[name] = MessageShape(name: name, fields: fields, isMapEntry: message.options.mapEntry)
        for nested in message.nestedType { self.add(nested, in: name, rules) }
        for type in message.enumType { self.add(type, in: name) }
    }

    private mutating func add(_ type: Google_Protobuf_EnumDescriptorProto, in scope: String) {
        let name = Self.join(scope, type.name)
        self.enums[name] = EnumShape(name: name, values: type.value.map { ($0.name, $0.number) })
    }

    private static func join(_ scope: String, _ name: String) -> String { scope.isEmpty ? name : "\(scope).\(name)" }

    /// Compilers write a resolved name with a dot in front.
    static func bare(_ name: String) -> String { name.hasPrefix(".") ? String(name.dropFirst()) : name }
}

/// What a file says of all its fields at once.
struct FileRules {
    let packs: Bool
    let delimits: Bool

    init(_ file: Google_Protobuf_FileDescriptorProto) {
        let isProto2 = file.syntax.isEmpty || file.syntax == "proto2"
        let features = file.options.features
        self.packs = !isProto2 && features.repeatedFieldEncoding != .expanded
        self.delimits = features.messageEncoding == .delimited
    }
}

/// A service of a server's descriptors.
package struct ServiceShape: Sendable {
    package var name: String
    package var methods: [MethodShape]
}

package struct MethodShape: Sendable {
    package var name: String
    /// Full names of messages.
    package var input: String
    package var output: String
    package var streamsRequests: Bool
    package var streamsResponses: Bool
}

package struct EnumShape: Sendable {
    package var name: String
    package var values: [(name: String, number: Int32)]
}

package struct MessageShape: Sendable {
    package var name: String
    /// In the order of their numbers.
    package let fields: [FieldShape]
    package var isMapEntry: Bool
    private let positions: [UInt64: Int]
    private let names: [String: Int]

    init(name: String, fields: [FieldShape], isMapEntry: Bool) {
        self.name = name
        self.fields = fields.sorted { $0.number < $1.number }
        self.isMapEntry = isMapEntry
        var positions: [UInt64: Int] = [:]
        var names: [String: Int] = [:]
        for (position, field) in self.fields.enumerated() {
            positions[field.number] = position
            names[field.name] = position
            names[field.jsonName] = position
        }
        self.positions = positions
        self.names = names
    }

    func position(number: UInt64) -> Int? { self.positions[number] }

    /// Either spelling counts, the file's own and that of JSON.
    func position(named name: String) -> Int? { self.names[name] }
}

package struct FieldShape: Sendable {
    typealias Kind = Google_Protobuf_FieldDescriptorProto.TypeEnum

    package let name: String
    package let jsonName: String
    let number: UInt64
    let kind: Kind
    /// The full name of the message or enum.
    let typeName: String
    let isRepeated: Bool
    let isRequired: Bool
    let isPacked: Bool
    /// The position of the `oneof` that the field is part of; fields that are merely optional have none.
    let oneof: Int32?

    init(
        _ field: Google_Protobuf_FieldDescriptorProto, in message: Google_Protobuf_DescriptorProto, _ rules: FileRules
    ) {
        self.name = field.name
        self.jsonName = field.jsonName.isEmpty ? Self.camelCase(field.name) : field.jsonName
        self.number = UInt64(clamping: field.number)
        let features = field.options.features
        let delimits =
            features.messageEncoding == .unknown ? rules.delimits : features.messageEncoding == .delimited
        self.kind = field.type == .message && delimits && !Self.isMap(field, in: message) ? .group : field.type
        self.typeName = DescriptorPool.bare(field.typeName)
        self.isRepeated = field.label == .repeated
        self.isRequired = field.label == .required || features.fieldPresence == .legacyRequired
        let packs =
            switch features.repeatedFieldEncoding {
            case .packed: true
            case .expanded: false
            default: field.options.hasPacked ? field.options.packed : rules.packs
            }
        self.isPacked = packs && self.isRepeated && Self.isScalar(field.type)
        self.oneof = field.hasOneofIndex && !field.proto3Optional ? field.oneofIndex : nil
    }

    private static func isMap(
        _ field: Google_Protobuf_FieldDescriptorProto, in message: Google_Protobuf_DescriptorProto
    ) -> Bool {
        message.nestedType.contains { $0.options.mapEntry && field.typeName.hasSuffix(".\(message.name).\($0.name)") }
    }

    /// Whether many values may share one length-delimited field.
    private static func isScalar(_ kind: Kind) -> Bool {
        switch kind {
        case .string, .bytes, .message, .group: false
        default: true
        }
    }

    /// Source: protobuf, JSON names: an underscore goes, and the letter after it is upper case.
    private static func camelCase(_ name: String) -> String {
        var result = ""
        var isAfterUnderscore = false
        for character in name {
            if character == "_" {
                isAfterUnderscore = true
            } else {
                result += isAfterUnderscore ? character.uppercased() : String(character)
                isAfterUnderscore = false
            }
        }
        return result
    }
}
