// SPDX-License-Identifier: Apache-2.0

/// Why the server doesn't start with what it was given.
package enum ServerFlagError: Error, Equatable, CustomStringConvertible {
    case unknown(String)
    case notAFlag(String)
    case badSyntax(String)
    case missingValue(String)
    /// A value, where it was given, and what is wrong with it.
    case badValue(String, String, String)
    /// A flag that etcd knows, but that promises what isn't there.
    case refused(String, String)
    /// Flags that don't go together.
    case conflict(String)

    package var description: String {
        switch self {
        case .unknown(let name): "flag provided but not defined: -\(name)"
        case .notAFlag(let text): "'\(text)' is not a valid flag"
        case .badSyntax(let text): "bad flag syntax: \(text)"
        case .missingValue(let name): "flag needs an argument: -\(name)"
        case .badValue(let value, let origin, let reason): "invalid value \"\(value)\" for \(origin): \(reason)"
        case .refused(let name, let reason): "--\(name) is not supported: \(reason)"
        case .conflict(let text): text
        }
    }

    /// etcd's: 2 where the command line can't be read, 1 where its content doesn't fit.
    package var exitCode: Int32 {
        switch self {
        case .unknown, .badSyntax, .missingValue, .badValue: 2
        case .notAFlag, .refused, .conflict: 1
        }
    }
}
