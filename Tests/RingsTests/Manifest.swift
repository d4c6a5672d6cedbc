// SPDX-License-Identifier: Apache-2.0

/// What the text of a Package.swift says about its targets.
///
/// Read from the text, so that no SwiftPM has to run: the targets must stand as calls in one `targets: [ … ]` array,
/// with names written out.
struct Manifest {
    struct Target: Equatable {
        /// `target`, `executableTarget`, `systemLibrary`, `testTarget`, …
        var kind: String
        var name: String
        /// Names of targets and of products, as written.
        var dependencies: [String]
        /// The folder in Sources (its path without `Sources/`), or the whole path if it is elsewhere.
        var folder: String

        var isTest: Bool { kind == "testTarget" }
    }

    var targets: [Target] = []

    init(text: String) {
        let source = Array(Self.withoutComments(text))
        for start in source.indices where source[start...].starts(with: "targets:") {
            guard let open = source[start...].firstIndex(of: "["), let items = Self.items(source, from: open),
                items.contains(where: { $0.hasPrefix(".") })
            else { continue }
            targets = items.filter { $0.hasPrefix(".") }.map(Self.target)
        }
    }

    private static func target(_ item: String) -> Target {
        let kind = String(item.dropFirst().prefix(while: { $0 != "(" }))
        let characters = Array(item)
        let name = Self.argument("name:", of: characters) ?? ""
        let path = Self.argument("path:", of: characters)
        let prefix = "Sources/"
        let folder = path.map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 } ?? name
        var dependencies: [String] = []
        for start in characters.indices where characters[start...].starts(with: "dependencies:") {
            guard let open = characters[start...].firstIndex(of: "["), let items = Self.items(characters, from: open)
            else { continue }
            dependencies = items.compactMap { Self.firstLiteral(Array($0)[...]) }
            break
        }
        return Target(kind: kind, name: name, dependencies: dependencies, folder: folder)
    }

    /// The elements of the array whose bracket stands at `open`; nil if it is never closed.
    private static func items(_ source: [Character], from open: Int) -> [String]? {
        var depth = 0
        var isString = false
        var item = ""
        var result: [String] = []
        for (index, character) in source[open...].enumerated() {
            let isEscaped = index > 0 && source[open + index - 1] == "\\"
            if character == "\"", !isEscaped { isString.toggle() }
            if !isString, "([{".contains(character) { depth += 1 }
            if !isString, ")]}".contains(character) { depth -= 1 }
            if depth == 0 || (depth == 1 && character == "," && !isString) {
                let trimmed = item.drop(while: \.isWhitespace)
                if !trimmed.isEmpty { result.append(String(trimmed)) }
                item = ""
                if depth == 0 { return result }
            } else if index > 0 {
                item.append(character)
            }
        }
        return nil
    }

    private static func argument(_ label: String, of characters: [Character]) -> String? {
        for start in characters.indices where characters[start...].starts(with: label) {
            return firstLiteral(characters[start...])
        }
        return nil
    }

    private static func firstLiteral(_ characters: ArraySlice<Character>) -> String? {
        guard let open = characters.firstIndex(of: "\"") else { return nil }
        return String(characters[(open + 1)...].prefix(while: { $0 != "\"" }))
    }

    /// Line comments outside strings are cut. A manifest has no other kind.
    private static func withoutComments(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            var isString = false
            var previous: Character = " "
            for (offset, character) in line.enumerated() {
                if character == "\"", previous != "\\" { isString.toggle() }
                if !isString, character == "/", previous == "/" { return String(line.prefix(offset - 1)) }
                previous = character
            }
            return String(line)
        }.joined(separator: "\n")
    }
}
