// SPDX-License-Identifier: Apache-2.0

package import SwiftProtobufPluginLibrary

/// What stands behind `--martlet_opt`. Names and values are those of `protoc-gen-swift`, so that one list serves both.
package struct GeneratorOptions {
    package enum Visibility: String {
        case `internal` = "Internal"
        case package = "Package"
        case `public` = "Public"

        /// What stands before a declaration, its space included; internal is the default and is not written.
        var modifier: String {
            switch self {
            case .internal: ""
            case .package: "package "
            case .public: "public "
            }
        }
    }

    package enum FileNaming: String {
        case fullPath = "FullPath"
        case pathToUnderscores = "PathToUnderscores"
        case dropPath = "DropPath"
    }

    package private(set) var visibility = Visibility.internal
    package private(set) var fileNaming = FileNaming.fullPath
    /// Whether imports say who may see what comes with them. Packages that turn on `InternalImportsByDefault` need it.
    package private(set) var usesAccessLevelOnImports = false
    package private(set) var makesHandlers = true
    package private(set) var makesClients = true
    /// Modules beside those that the mapping names.
    package private(set) var extraModules: [String] = []
    package private(set) var modules = ProtoFileToModuleMappings()

    /// Why a parameter can't be used; `protoc` shows it.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package init(_ pairs: [(key: String, value: String)]) throws {
        for (key, value) in pairs {
            switch key {
            case "Visibility": visibility = try Self.choice(key, value, Visibility.init(rawValue:))
            case "FileNaming": fileNaming = try Self.choice(key, value, FileNaming.init(rawValue:))
            case "UseAccessLevelOnImports": usesAccessLevelOnImports = try Self.flag(key, value)
            case "Server": makesHandlers = try Self.flag(key, value)
            case "Client": makesClients = try Self.flag(key, value)
            case "ExtraModuleImports": extraModules.append(value)
            case "ProtoPathModuleMappings":
                guard !value.isEmpty else { continue }
                do {
                    modules = try ProtoFileToModuleMappings(path: value)
                } catch {
                    throw Failure(description: "\(key)=\(value): \(error)")
                }
            default: throw Failure(description: "protoc-gen-martlet knows no option \(key)")
            }
        }
    }

    private static func choice<Value>(
        _ key: String, _ value: String, _ read: (String) -> Value?
    ) throws -> Value {
        guard let choice = read(value) else { throw Failure(description: "\(value) is no value of \(key)") }
        return choice
    }

    private static func flag(_ key: String, _ value: String) throws -> Bool {
        switch value.lowercased() {
        case "true", "1", "yes", "": true
        case "false", "0", "no": false
        default: throw Failure(description: "\(value) is no value of \(key): true or false")
        }
    }

    /// `a/greeter.proto` becomes `a/greeter.martlet.swift`.
    func fileName(for proto: String) -> String {
        let path = proto.hasSuffix(".proto") ? String(proto.dropLast(".proto".count)) : proto
        let base =
            switch fileNaming {
            case .fullPath: path
            case .pathToUnderscores: String(path.map { $0 == "/" ? "_" : $0 })
            case .dropPath: path.split(separator: "/").last.map(String.init) ?? path
            }
        return base + ".martlet.swift"
    }
}
