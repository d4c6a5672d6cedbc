// SPDX-License-Identifier: Apache-2.0

/// One flag of the server, named and written as etcd's.
package struct ServerFlag: Sendable {
    /// What a flag's value looks like.
    package enum Kind: Sendable, Equatable {
        case string
        /// Needs no value: the name alone means true.
        case boolean
        /// A whole number, zero or more.
        case number
        /// Bytes: a whole number, or one of `KiB`, `MiB` or `GiB`, such as `128MiB`.
        case size
        /// A whole number.
        case integer
        /// Go's notation: `100ms`, `1m30s`.
        case duration
        /// URLs, separated by commas.
        case urls
        /// URLs, separated by commas, or `*` for all there are.
        case origins
        /// One of these words.
        case choice([String])
        /// `Name=true,Other=false`.
        case features
    }

    /// What setting a flag to something else than its default does.
    package enum Effect: Sendable, Equatable {
        case used
        /// Accepted, so that scripts and unit files written for etcd start; a warning names it.
        case ignored
        /// Ends the start: whoever sets this relies on something that would silently not be there.
        case refused(String)
    }

    package let name: String
    package let kind: Kind
    package let defaultValue: String
    package let effect: Effect
    /// A line for the help; only flags that are used have one.
    package let help: String

    static func used(_ name: String, _ kind: Kind, _ defaultValue: String, _ help: String) -> ServerFlag {
        ServerFlag(name: name, kind: kind, defaultValue: defaultValue, effect: .used, help: help)
    }

    static func ignored(_ name: String, _ kind: Kind, _ defaultValue: String = "") -> ServerFlag {
        ServerFlag(name: name, kind: kind, defaultValue: defaultValue, effect: .ignored, help: "")
    }

    static func refused(_ name: String, _ kind: Kind, _ defaultValue: String, _ reason: String) -> ServerFlag {
        ServerFlag(name: name, kind: kind, defaultValue: defaultValue, effect: .refused(reason), help: "")
    }

    /// The environment variable that sets this flag: `ETCD_LISTEN_CLIENT_URLS`.
    package var variable: String { Self.variablePrefix + Self.variableName(name) }

    /// The same of the flag's older name.
    package var experimentalVariable: String {
        Self.variablePrefix + Self.variableName(Self.experimentalPrefix + name)
    }

    private static func variableName(_ name: String) -> String {
        String(name.uppercased().map { $0 == "-" ? "_" : $0 })
    }

    package static let variablePrefix = "ETCD_"
    package static let experimentalPrefix = "experimental-"
}

extension ServerFlag.Kind {
    /// What is wrong with a value, in Go's words; nil for one that fits.
    package func fault(_ value: String) -> String? {
        switch self {
        case .string: nil
        case .boolean: FlagValue.boolean(value) == nil ? "parse error" : nil
        case .number: FlagValue.number(value) == nil ? "parse error" : nil
        case .size: FlagValue.size(value) == nil ? "parse error" : nil
        case .integer: FlagValue.integer(value) == nil ? "parse error" : nil
        case .duration: FlagValue.duration(value) == nil ? "parse error" : nil
        case .urls: value.isEmpty ? nil : Self.urlFault(value)
        case .origins: value.isEmpty || value == "*" ? nil : Self.urlFault(value)
        case .choice(let words): words.contains(value) ? nil : "invalid value"
        case .features: FeatureGates.fault(value)
        }
    }

    private static func urlFault(_ value: String) -> String? {
        do throws(ServerURL.Malformed) {
            _ = try ServerURL.list(value)
            return nil
        } catch {
            return error.reason
        }
    }
}
