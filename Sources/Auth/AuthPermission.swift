// SPDX-License-Identifier: Apache-2.0

public import MartletKeyValue

/// What a role allows on a range of keys. Source: etcd `authpb.Permission`.
public struct AuthPermission: Hashable, Sendable {
    /// The wire's number. One that the protocol does not name is kept and allows nothing.
    public struct Kind: RawRepresentable, Hashable, Sendable {
        public var rawValue: Int32

        public init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        public static let read = Kind(rawValue: 0)
        public static let write = Kind(rawValue: 1)
        public static let readWrite = Kind(rawValue: 2)
    }

    public var kind: Kind
    public var key: [UInt8]
    /// As on the wire: empty is the key alone, the one byte 0 means without end.
    public var rangeEnd: [UInt8]

    public init(_ kind: Kind, key: [UInt8], rangeEnd: [UInt8] = []) {
        self.kind = kind
        self.key = key
        self.rangeEnd = rangeEnd
    }

    public var interval: KeyInterval { KeyInterval(key: key, rangeEnd: rangeEnd) }

    /// Whether the range can hold a key. Others are not granted; one that an old snapshot holds allows nothing.
    public var isValid: Bool { !key.isEmpty && !interval.isEmpty }

    var allowsReading: Bool { isValid && (kind == .read || kind == .readWrite) }
    var allowsWriting: Bool { isValid && (kind == .write || kind == .readWrite) }

    /// What the role `root` answers when asked for its permissions, whatever it was granted.
    public static let root = AuthPermission(.readWrite, key: [], rangeEnd: [0])
}
