// SPDX-License-Identifier: Apache-2.0

/// Why the server doesn't start with what it was given. The words are those of etcd and of Go's `flag` package.
package enum ServerFlagError: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    case notAFlag(String)
    case badSyntax(String)
    case missingValue(String)
    /// A value, the flag's name, and what is wrong with it.
    case badValue(String, String, String)
    /// A value of a variable, the variable's name, and what is wrong with it.
    case badVariable(String, String, String)
    /// A variable for a flag that is on the command line too.
    case shadowed(String)
    /// A flag that etcd knows, but that promises what isn't there.
    case refused(String, String)
    /// Flags that don't go together, or a file that can't be read.
    case conflict(String)

    package var description: String {
        switch self {
        case .unknown(let name): "flag provided but not defined: -\(name)"
        case .notAFlag(let text): "'\(text)' is not a valid flag"
        case .badSyntax(let text): "bad flag syntax: \(text)"
        case .missingValue(let name): "flag needs an argument: -\(name)"
        case .badValue(let value, let name, let reason):
            ServerFlag.named(name)?.kind == .boolean
                ? "invalid boolean value \(value.goQuoted) for -\(name): \(reason)"
                : "invalid value \(value.goQuoted) for flag -\(name): \(reason)"
        case .badVariable(let value, let name, let reason): "invalid value \(value.goQuoted) for \(name): \(reason)"
        case .shadowed(let name):
            "conflicting environment variable \(name) is shadowed by corresponding command-line flag "
                + "(either unset environment variable or disable flag)"
        case .refused(let name, let reason): "--\(name) is not supported: \(reason)"
        case .conflict(let text): text
        }
    }

    /// etcd's: 2 where the command line can't be read, 1 where its content doesn't fit.
    package var exitCode: Int32 {
        switch self {
        case .unknown, .badSyntax, .missingValue, .badValue: 2
        case .notAFlag, .badVariable, .shadowed, .refused, .conflict: 1
        }
    }

    /// Whether the command line is at fault: that is said in plain text with a reminder of its use, the rest in the
    /// log.
    package var isUsage: Bool { exitCode == 2 }
}

extension String {
    /// In quotes, as Go's `%q` writes text that is printable.
    var goQuoted: String { JSONLine.string(self) }
}
