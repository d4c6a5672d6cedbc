// SPDX-License-Identifier: Apache-2.0

/// The server's flags as they were given: on the command line, else in the environment, else their defaults.
///
/// A value without I/O. The command line is read as Go's `flag` package reads it: one dash or two, `=` or a space
/// before the value, booleans without a value, the last of several wins. Source: etcd server/etcdmain, Go flag.
package struct ServerFlags: Sendable, Equatable {
    private var given: [String: String] = [:]

    /// Sentences about what was given and has no effect.
    package private(set) var warnings: [String] = []
    package private(set) var wantsHelp = false
    package private(set) var wantsVersion = false

    /// - Parameters:
    ///   - arguments: What follows the command's name.
    ///   - environment: All variables; those that start with `ETCD_` count.
    package init(arguments: [String], environment: [String: String] = [:]) throws(ServerFlagError) {
        try readArguments(arguments)
        if wantsHelp || wantsVersion { return }
        try readEnvironment(environment)
        try checkEffects()
    }

    /// Whether the flag was given at all.
    package func isGiven(_ name: String) -> Bool { given[name] != nil }

    /// The flag's value, or its default.
    package func string(_ name: String) -> String {
        guard let flag = ServerFlag.named(name) else { preconditionFailure("no flag --\(name)") }
        return given[name] ?? flag.defaultValue
    }

    package func boolean(_ name: String) -> Bool {
        guard let value = FlagValue.boolean(string(name)) else { preconditionFailure("--\(name) is no boolean") }
        return value
    }

    package func number(_ name: String) -> UInt64 {
        guard let value = FlagValue.number(string(name)) else { preconditionFailure("--\(name) is no number") }
        return value
    }

    package func duration(_ name: String) -> Duration {
        guard let value = FlagValue.duration(string(name)) else { preconditionFailure("--\(name) is no duration") }
        return value
    }

    package func urls(_ name: String) -> [ServerURL] {
        let text = string(name)
        guard !text.isEmpty else { return [] }
        guard let urls = try? ServerURL.list(text) else { preconditionFailure("--\(name) is no list of URLs") }
        return urls
    }
}

extension ServerFlags {
    private mutating func readArguments(_ arguments: [String]) throws(ServerFlagError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else { throw .notAFlag(argument) }
            if argument == "--" {
                if let next = rest.first { throw .notAFlag(next) }
                return
            }
            let body = argument.dropFirst(argument.hasPrefix("--") ? 2 : 1)
            guard let first = body.first, first != "-", first != "=" else { throw .badSyntax(argument) }
            let parts = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0] == "h" ? "help" : String(parts[0])
            guard let flag = ServerFlag.named(name) else { throw .unknown(name) }
            let value: String
            if parts.count > 1 {
                value = String(parts[1])
            } else if case .boolean = flag.kind {
                value = "true"
            } else if let next = rest.popFirst() {
                value = next
            } else {
                throw .missingValue(name)
            }
            try check(flag, value, writtenAs: "flag -\(name)")
            given[flag.name] = value
        }
        wantsHelp = boolean("help")
        wantsVersion = boolean("version")
    }

    private mutating func readEnvironment(_ environment: [String: String]) throws(ServerFlagError) {
        var known: Set<String> = Self.foreignVariables
        // Images set ETCD_VERSION to say what is in them, so no variable asks for version or help.
        for flag in ServerFlag.table where flag.name != "help" && flag.name != "version" {
            for variable in [flag.variable, "ETCD_EXPERIMENTAL_" + flag.variable.dropFirst(5)] {
                known.insert(variable)
                // An empty variable counts as none, as in etcd.
                guard let value = environment[variable], !value.isEmpty else { continue }
                if isGiven(flag.name) {
                    if given[flag.name] != value {
                        warnings.append("\(variable) is shadowed by --\(flag.name) on the command line")
                    }
                    continue
                }
                try check(flag, value, writtenAs: variable)
                given[flag.name] = value
            }
        }
        let unknown = environment.keys.filter { $0.hasPrefix(ServerFlag.variablePrefix) && !known.contains($0) }
        if !unknown.isEmpty {
            warnings.append("unrecognized environment variables: " + unknown.sorted().joined(separator: ", "))
        }
    }

    /// Variables that etcd, its build or its tests use beside the flags.
    private static let foreignVariables: Set<String> = ["ETCD_VERIFY", "ETCD_UNSUPPORTED_ARCH", "ETCD_VERSION"]

    private mutating func checkEffects() throws(ServerFlagError) {
        var ignored: [String] = []
        for flag in ServerFlag.table {
            guard let value = given[flag.name], !Self.isDefault(value, flag) else { continue }
            switch flag.effect {
            case .used: break
            case .ignored: ignored.append("--\(flag.name)")
            case .refused(let reason): throw .refused(flag.name, reason)
            }
        }
        if !ignored.isEmpty { warnings.append("without effect yet: " + ignored.joined(separator: ", ")) }
    }

    private static func isDefault(_ value: String, _ flag: ServerFlag) -> Bool {
        switch flag.kind {
        case .boolean: FlagValue.boolean(value) == FlagValue.boolean(flag.defaultValue)
        case .number: FlagValue.number(value) == FlagValue.number(flag.defaultValue)
        case .duration: FlagValue.duration(value) == FlagValue.duration(flag.defaultValue)
        case .string, .urls: value == flag.defaultValue
        }
    }

    private func check(_ flag: ServerFlag, _ value: String, writtenAs origin: String) throws(ServerFlagError) {
        switch flag.kind {
        case .string: break
        case .boolean:
            if FlagValue.boolean(value) == nil { throw .badValue(value, origin, "not a boolean") }
        case .number:
            if FlagValue.number(value) == nil { throw .badValue(value, origin, "not a whole number") }
        case .duration:
            if FlagValue.duration(value) == nil {
                throw .badValue(value, origin, "not a duration such as 100ms or 1m30s")
            }
        case .urls:
            guard !value.isEmpty else { return }
            do { _ = try ServerURL.list(value) } catch { throw .badValue(value, origin, error.reason) }
        }
    }
}
