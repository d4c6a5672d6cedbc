// SPDX-License-Identifier: Apache-2.0

/// What a key holds.
enum KeyValue: Sendable {
    case string([UInt8])
    case list(ListValue)
    case set(SetValue)
    /// A place in `Keyspace.streams`, so that a stream changes where it stands.
    case stream(Int)

    var type: KeyType {
        switch self {
        case .string: .string
        case .list: .list
        case .set: .set
        case .stream: .stream
        }
    }
}

public enum KeyType: Hashable, Sendable, CaseIterable {
    case string, list, set, stream

    /// Source: Redis, TYPE.
    public var name: StaticString {
        switch self {
        case .string: "string"
        case .list: "list"
        case .set: "set"
        case .stream: "stream"
        }
    }
}

/// One key of a database.
struct KeyRow: Sendable {
    static let endless = Int64.max

    let name: [UInt8]
    let hash: UInt64
    var value: KeyValue
    /// In milliseconds of the Unix clock; `endless`: never.
    var expiresAt = Self.endless
    /// The keyspace's count of changes when this key last changed.
    var version: UInt64
    /// Names the key in checkpoints: never given twice.
    let number: UInt64
    /// Whether the last checkpoint has it otherwise.
    var isChanged = true

    @inline(__always)
    func isExpired(at now: Int64) -> Bool { expiresAt <= now }
}
