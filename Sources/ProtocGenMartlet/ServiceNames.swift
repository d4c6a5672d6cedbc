// SPDX-License-Identifier: Apache-2.0

import SwiftProtobufPluginLibrary

/// What the Swift types and functions for a service are called.
struct ServiceNames {
    let handler: String
    let client: String
    /// The label of the argument that takes the handler.
    let label: String

    /// - Parameter prefix: What SwiftProtobuf puts before the names of the file's messages.
    init(_ service: ServiceDescriptor, prefix: String) {
        handler = "\(prefix)\(service.name)Handler"
        client = "\(prefix)\(service.name)Client"
        // Any word may be a label, those of the language too.
        label = Self.lowerCamel(service.name)
    }

    func method(_ method: MethodDescriptor) -> String {
        let name = Self.lowerCamel(method.name)
        return Self.reserved.contains(name) ? "`\(name)`" : name
    }

    /// `Hello` becomes `hello`, `GetURL` `getURL`, `HTTPGet` `httpGet`, `ID` `id`, `list_all` `listAll`.
    static func lowerCamel(_ name: String) -> String {
        var words = name.split(separator: "_").map(String.init)
        guard !words.isEmpty else { return name }
        let first = words[0]
        let capitals = first.prefix { $0.isUppercase || $0.isNumber }.count
        let lowered = capitals <= 1 || capitals == first.count ? max(capitals, 1) : capitals - 1
        words[0] = first.prefix(lowered).lowercased() + first.dropFirst(lowered)
        return words[0] + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// Words that can't name a function as they are. Source: The Swift Programming Language, keywords.
    private static let reserved: Set<String> = [
        "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer", "deinit", "do",
        "else", "enum", "extension", "fallthrough", "false", "fileprivate", "for", "func", "guard", "if", "import",
        "in", "init", "inout", "internal", "is", "let", "nil", "operator", "precedencegroup", "private", "protocol",
        "public", "repeat", "rethrows", "return", "self", "static", "struct", "subscript", "super", "switch", "throw",
        "throws", "true", "try", "typealias", "var", "where", "while",
    ]
}
