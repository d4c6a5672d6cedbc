// SPDX-License-Identifier: Apache-2.0

/// Why a dump can't be restored.
public enum DumpError: Error, Hashable, Sendable {
    /// Another version than those that are known, or bytes that are not those which were summed up.
    case wrongFooter
    case badFormat
    /// It would take more than `DumpLimits` allow.
    case tooLarge
    /// A value of a type that this server doesn't have.
    case unknownType(String)

    /// Source: Redis; the last two are our own.
    var commandError: CommandError {
        switch self {
        case .wrongFooter: .text("ERR DUMP payload version or checksum are wrong")
        case .badFormat: .text("ERR Bad data format")
        case .tooLarge: .text("ERR DUMP payload takes too much memory")
        case .unknownType(let name): .message("ERR DUMP payload holds a \(name), a type that is not supported here")
        }
    }
}

/// What one dump may take, however well it is compressed.
enum DumpLimits {
    /// Bytes of all compressed texts once they are not: four of the largest requests.
    static let expandedBytes = 64 << 20
    /// Items of a list or members of a set, each of which takes dozens of bytes beside its own: as many as a request
    /// that adds them has words.
    static let items = 1 << 20
}
