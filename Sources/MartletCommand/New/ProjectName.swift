// SPDX-License-Identifier: Apache-2.0

/// What a new project is called, in the places where it needs a name.
package struct ProjectName: Equatable, Sendable {
    /// The package, its folder, and the service in the registry: `my-shop`.
    package let service: String
    /// The Swift module: `MyShop`.
    package let module: String
    /// The handler in endpoints' names; a type of the same name as its module would hide the module.
    package var handler: String { module + "Handler" }

    /// Names that a module can't have beside those that it imports.
    private static let taken: Set<String> = [
        "Martlet", "MartletEtcd", "MartletTesting", "Swift", "Testing", "Foundation", "Logging", "Metrics", "Main",
    ]

    /// Longer names make paths that some systems don't take.
    private static let maximumCharacters = 64

    /// - Returns: `nil` for a name that isn't letters, digits, dashes, dots and underscores, a letter first.
    package init?(_ text: String) {
        guard let first = text.first, first.isASCII, first.isLetter, text.count <= Self.maximumCharacters,
            text.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) })
        else { return nil }
        service = text
        var module = ""
        for word in text.split(whereSeparator: { "-._".contains($0) }) {
            module += word.prefix(1).uppercased() + word.dropFirst()
        }
        if Self.taken.contains(module) { module += "Service" }
        self.module = module
    }
}
