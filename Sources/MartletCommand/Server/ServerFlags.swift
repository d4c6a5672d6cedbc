// SPDX-License-Identifier: Apache-2.0

/// The server's flags as they were given: all in a file, or on the command line, else in the environment; else their
/// defaults.
///
/// A value without I/O. The command line is read as Go's `flag` package reads it: one dash or two, `=` or a space
/// before the value, booleans without a value, the last of several wins. Source: etcd server/etcdmain, Go flag.
package struct ServerFlags: Sendable, Equatable {
    private var given: [String: String] = [:]

    /// What to say about what was given.
    package private(set) var notices: [ServerNotice] = []
    package private(set) var wantsHelp = false
    package private(set) var wantsVersion = false
    /// The file that everything else is to be read from instead.
    package private(set) var configFile: String?

    /// - Parameters:
    ///   - arguments: What follows the command's name.
    ///   - environment: All variables; those that start with `ETCD_` count.
    ///   - readFile: The text of the file at a path, or nil where a file counts for nothing.
    package init(
        arguments: [String], environment: [String: String] = [:],
        readFile: ((String) throws(ServerFlagError) -> String)? = nil
    ) throws(ServerFlagError) {
        try readArguments(arguments)
        if wantsHelp || wantsVersion { return }
        let named = string("config-file")
        let path = named.isEmpty ? environment["ETCD_CONFIG_FILE"] ?? "" : named
        if let readFile, !path.isEmpty {
            configFile = path
            given = [:]
            notices = [
                ServerNotice(
                    .info,
                    "loaded server configuration, other configuration command line flags and environment variables "
                        + "will be ignored if provided",
                    ["path": path])
            ]
            try read(ConfigFile(text: try readFile(path)))
        } else {
            try readEnvironment(environment)
        }
        try checkEffects()
    }

    /// The messages that are warnings.
    package var warnings: [String] { notices.filter { $0.level == .warning }.map(\.message) }

    /// Whether the flag was given at all.
    package func isGiven(_ name: String) -> Bool { given[name] != nil }

    /// The flag's value, or its default.
    package func string(_ name: String) -> String {
        guard let flag = ServerFlag.named(name) else { preconditionFailure("no flag --\(name)") }
        return given[name] ?? flag.defaultValue
    }

    /// The flag's values, which commas separate; without the spaces around them and the empty ones.
    package func strings(_ name: String) -> [String] {
        string(name).split(separator: ",").map(\.trimmed).filter { !$0.isEmpty }
    }

    package func boolean(_ name: String) -> Bool {
        guard let value = FlagValue.boolean(string(name)) else { preconditionFailure("--\(name) is no boolean") }
        return value
    }

    package func number(_ name: String) -> UInt64 {
        guard let value = FlagValue.number(string(name)) else { preconditionFailure("--\(name) is no number") }
        return value
    }

    /// In bytes.
    package func size(_ name: String) -> UInt64 {
        guard let value = FlagValue.size(string(name)) else { preconditionFailure("--\(name) is no size") }
        return value
    }

    package func integer(_ name: String) -> Int64 {
        guard let value = FlagValue.integer(string(name)) else { preconditionFailure("--\(name) is no integer") }
        return value
    }

    package func duration(_ name: String) -> Duration {
        guard let value = FlagValue.duration(string(name)) else { preconditionFailure("--\(name) is no duration") }
        return value
    }

    /// Each URL once.
    package func urls(_ name: String) -> [ServerURL] {
        let text = string(name)
        guard !text.isEmpty else { return [] }
        guard let urls = try? ServerURL.list(text) else { preconditionFailure("--\(name) is no list of URLs") }
        var known: Set<ServerURL> = []
        return urls.filter { known.insert($0).inserted || ($0.port == 0 && !$0.isSocketFile) }
    }
}

extension ServerFlags {
    private mutating func readArguments(_ arguments: [String]) throws(ServerFlagError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("-"), argument != "-" else { throw .notAFlag(argument) }
            if argument == "--" {
                if let next = rest.first { throw .notAFlag(next) }
                break
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
            if let fault = flag.kind.fault(value) { throw .badValue(value, name, fault) }
            set(flag, value, writtenAs: name)
        }
        wantsHelp = boolean("help")
        wantsVersion = boolean("version")
    }

    private mutating func readEnvironment(_ environment: [String: String]) throws(ServerFlagError) {
        if let version = environment["ETCD_VERSION"], !version.isEmpty {
            // Images set it to say what is in them.
            notices.append(
                ServerNotice(
                    .warning, "cannot set special environment variable", ["key": "ETCD_VERSION", "value": version]))
        }
        var known: Set<String> = Self.foreignVariables
        let onCommandLine = Set(given.keys)
        for flag in ServerFlag.table where flag.name != "help" && flag.name != "version" {
            for variable in [flag.variable, flag.experimentalVariable] {
                known.insert(variable)
                // An empty variable counts as none, as in etcd.
                guard let value = environment[variable], !value.isEmpty else { continue }
                guard !onCommandLine.contains(flag.name) else { throw .shadowed(variable) }
                if let fault = flag.kind.fault(value) { throw .badVariable(value, variable, fault) }
                set(flag, value, writtenAs: variable == flag.variable ? flag.name : Self.experimental(flag))
                notices.append(
                    ServerNotice(
                        .info, "recognized and used environment variable",
                        ["variable-name": variable, "variable-value": value]))
            }
        }
        let unknown = environment.filter { $0.key.hasPrefix(ServerFlag.variablePrefix) && !known.contains($0.key) }
        for (variable, value) in unknown.sorted(by: { $0.key < $1.key }) {
            notices.append(
                ServerNotice(
                    .warning, "unrecognized environment variable", ["environment-variable": "\(variable)=\(value)"]))
        }
    }

    /// Variables that etcd, its build or its tests use beside the flags.
    private static let foreignVariables: Set<String> = ["ETCD_VERIFY", "ETCD_UNSUPPORTED_ARCH", "ETCD_VERSION"]

    private mutating func read(_ file: ConfigFile) throws(ServerFlagError) {
        for setting in file.settings { set(setting.flag, setting.value, writtenAs: setting.name) }
        for field in file.unknownFields {
            notices.append(ServerNotice(.warning, "unknown field in the configuration file", ["field": field]))
        }
    }

    private static func experimental(_ flag: ServerFlag) -> String { ServerFlag.experimentalPrefix + flag.name }

    private mutating func set(_ flag: ServerFlag, _ value: String, writtenAs name: String) {
        given[flag.name] = value
        guard name == Self.experimental(flag) else { return }
        let notice = ServerNotice(
            .warning,
            "--\(name) is deprecated in v3.6 and will be decommissioned in v3.7. Use '--\(flag.name)' instead.")
        if !notices.contains(notice) { notices.append(notice) }
    }

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
        if !ignored.isEmpty {
            notices.append(ServerNotice(.warning, "without effect yet: " + ignored.joined(separator: ", ")))
        }
    }

    private static func isDefault(_ value: String, _ flag: ServerFlag) -> Bool {
        switch flag.kind {
        case .boolean: FlagValue.boolean(value) == FlagValue.boolean(flag.defaultValue)
        case .number: FlagValue.number(value) == FlagValue.number(flag.defaultValue)
        case .size: FlagValue.size(value) == FlagValue.size(flag.defaultValue)
        case .integer: FlagValue.integer(value) == FlagValue.integer(flag.defaultValue)
        case .duration: FlagValue.duration(value) == FlagValue.duration(flag.defaultValue)
        case .string, .urls, .origins, .choice, .features: value == flag.defaultValue
        }
    }
}
