// SPDX-License-Identifier: Apache-2.0

import SwiftProtobuf

/// Where each name of a set of protobuf files is declared.
///
/// Lookups take constant time, but for ``closure(of:skipping:)``, which is linear in the files it returns.
struct DescriptorIndex: Sendable {
    struct File: Sendable {
        var name: String
        /// A serialised google.protobuf.FileDescriptorProto.
        var bytes: [UInt8]
        var imports: [String]
    }

    private var files: [String: File] = [:]
    /// Full names of messages, enums, their values, fields, oneofs, extensions, services and methods; to file names.
    private var symbols: [String: String] = [:]
    private var messages: Set<String> = []
    /// For each extended message, the file of each extension number.
    private var extensions: [String: [Int32: String]] = [:]
    /// Full names of the methods of each service.
    private var methods: [String: [String]] = [:]

    /// - Throws: when one of `sets` is not a serialised google.protobuf.FileDescriptorSet.
    init(sets: [[UInt8]]) throws {
        for set in sets {
            let set = try Google_Protobuf_FileDescriptorSet(serializedBytes: set)
            for file in set.file where self.files[file.name] == nil { try self.add(file) }
        }
    }

    // MARK: Lookups

    /// The services that the files declare.
    var services: Dictionary<String, [String]>.Keys { self.methods.keys }

    func file(named name: String) -> File? { self.files[name] }

    func file(declaring symbol: String) -> File? { self.symbols[symbol].flatMap { self.files[$0] } }

    func file(extending message: String, number: Int32) -> File? {
        self.extensions[message]?[number].flatMap { self.files[$0] }
    }

    /// The service that `symbol` is, or is a method of.
    func service(of symbol: String) -> String? {
        if self.methods[symbol] != nil { return symbol }
        guard let dot = symbol.lastIndex(of: ".") else { return nil }
        let service = String(symbol[..<dot])
        return self.methods[service]?.contains(symbol) == true ? service : nil
    }

    /// The extension numbers of a message in rising order, or `nil` when nothing is known of the message.
    func extensionNumbers(of message: String) -> [Int32]? {
        if let known = self.extensions[message] { return known.keys.sorted() }
        return self.messages.contains(message) ? [] : nil
    }

    /// `file`, then the files that it imports, however far away, that are here and not in `sent`; adds them to `sent`.
    /// `file` itself always comes.
    func closure(of file: File, skipping sent: inout Set<String>) -> [File] {
        var found = [file]
        sent.insert(file.name)
        var seen: Set<String> = [file.name]
        var queue = file.imports[...]
        while let name = queue.popFirst() {
            guard seen.insert(name).inserted, let imported = self.files[name] else { continue }
            if sent.insert(name).inserted { found.append(imported) }
            queue.append(contentsOf: imported.imports)
        }
        return found
    }

    // MARK: Building

    private mutating func add(_ file: Google_Protobuf_FileDescriptorProto) throws {
        self.files[file.name] = File(
            name: file.name, bytes: try file.serializedBytes(), imports: file.dependency)
        let scope = file.package
        for message in file.messageType { self.add(message, in: scope, file: file.name) }
        for type in file.enumType { self.add(type, in: scope, file: file.name) }
        for field in file.extension { self.add(extension: field, in: scope, file: file.name) }
        for service in file.service {
            let name = Self.join(scope, service.name)
            self.symbols[name] = file.name
            self.methods[name] = service.method.map { Self.join(name, $0.name) }
            for method in service.method { self.symbols[Self.join(name, method.name)] = file.name }
        }
    }

    private mutating func add(_ message: Google_Protobuf_DescriptorProto, in scope: String, file: String) {
        let name = Self.join(scope, message.name)
        self.symbols[name] = file
        self.messages.insert(name)
        for field in message.field { self.symbols[Self.join(name, field.name)] = file }
        for oneof in message.oneofDecl { self.symbols[Self.join(name, oneof.name)] = file }
        for nested in message.nestedType { self.add(nested, in: name, file: file) }
        for type in message.enumType { self.add(type, in: name, file: file) }
        for field in message.extension { self.add(extension: field, in: name, file: file) }
    }

    private mutating func add(_ type: Google_Protobuf_EnumDescriptorProto, in scope: String, file: String) {
        self.symbols[Self.join(scope, type.name)] = file
        // The values of an enum stand beside it, not in it. Source: protobuf, language guide, enumerations.
        for value in type.value { self.symbols[Self.join(scope, value.name)] = file }
    }

    private mutating func add(
        extension field: Google_Protobuf_FieldDescriptorProto, in scope: String, file: String
    ) {
        self.symbols[Self.join(scope, field.name)] = file
        // Written with a dot in front when it is fully resolved, as compilers do.
        let extended = field.extendee.hasPrefix(".") ? String(field.extendee.dropFirst()) : field.extendee
        self.extensions[extended, default: [:]][field.number] = file
    }

    private static func join(_ scope: String, _ name: String) -> String {
        scope.isEmpty ? name : "\(scope).\(name)"
    }
}
