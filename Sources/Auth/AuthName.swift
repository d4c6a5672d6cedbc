// SPDX-License-Identifier: Apache-2.0

/// The name of a user or role.
///
/// Compared and ordered byte by byte, as etcd does. `String` would not do: it takes differently encoded spellings of
/// one character for the same, and two users would become one.
public struct AuthName: Hashable, Sendable {
    /// UTF-8, except for names that were read from certificates or from foreign snapshots.
    public var bytes: [UInt8]

    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    public init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// For messages and answers. Bytes that are no UTF-8 become replacement characters.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public var isEmpty: Bool { bytes.isEmpty }

    /// The user that always administers, and the role that makes one an administrator.
    public static let root = AuthName("root")
}

extension AuthName: Comparable {
    public static func < (left: AuthName, right: AuthName) -> Bool {
        ByteOrder.isLess(left.bytes, right.bytes)
    }
}

extension AuthName: ExpressibleByStringLiteral {
    public init(stringLiteral text: String) {
        self.init(text)
    }
}

extension AuthName: CustomStringConvertible {
    public var description: String { text }
}
