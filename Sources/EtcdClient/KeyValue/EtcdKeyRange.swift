// SPDX-License-Identifier: Apache-2.0

/// Which keys a request is about. Keys are bytes, compared byte by byte; strings stand for their UTF-8.
public struct EtcdKeyRange: Hashable, Sendable {
    /// The first key.
    public let key: [UInt8]
    /// The first key after the range. Empty: only `key` itself. A single zero byte: everything from `key` on.
    public let end: [UInt8]

    private init(key: [UInt8], end: [UInt8]) {
        self.key = key
        self.end = end
    }

    /// One key.
    public static func key(_ key: some Sequence<UInt8>) -> EtcdKeyRange { EtcdKeyRange(key: [UInt8](key), end: []) }

    /// One key.
    public static func key(_ key: String) -> EtcdKeyRange { .key(key.utf8) }

    /// All keys that start with a prefix; an empty one is every key.
    public static func prefix(_ prefix: some Sequence<UInt8>) -> EtcdKeyRange {
        let prefix = [UInt8](prefix)
        guard !prefix.isEmpty else { return .all }
        var end = prefix
        // The next key after all with this prefix: the last byte that can grow does, what follows it goes.
        while let last = end.popLast() {
            if last < 0xFF {
                end.append(last + 1)
                return EtcdKeyRange(key: prefix, end: end)
            }
        }
        return EtcdKeyRange(key: prefix, end: [0])
    }

    /// All keys that start with a prefix; an empty one is every key.
    public static func prefix(_ prefix: String) -> EtcdKeyRange { .prefix(prefix.utf8) }

    /// Keys from the first up to, but without, the second.
    public static func range(from key: some Sequence<UInt8>, to end: some Sequence<UInt8>) -> EtcdKeyRange {
        EtcdKeyRange(key: [UInt8](key), end: [UInt8](end))
    }

    /// This key and everything after it.
    public static func from(_ key: some Sequence<UInt8>) -> EtcdKeyRange {
        EtcdKeyRange(key: [UInt8](key), end: [0])
    }

    /// Every key.
    public static var all: EtcdKeyRange { EtcdKeyRange(key: [0], end: [0]) }
}

extension EtcdKeyRange: ExpressibleByStringInterpolation {
    /// One key.
    public init(stringLiteral value: String) { self = .key(value) }
}
