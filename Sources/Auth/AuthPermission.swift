// SPDX-License-Identifier: Apache-2.0

package import MartletKeyValue

/// What a role allows on a range of keys. Source: etcd `authpb.Permission`.
package struct AuthPermission: Hashable, Sendable {
    /// The wire's number. One that the protocol does not name is kept and allows nothing.
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package var rawValue: Int32

        package init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        package static let read = Kind(rawValue: 0)
        package static let write = Kind(rawValue: 1)
        package static let readWrite = Kind(rawValue: 2)
    }

    package var kind: Kind
    package var key: [UInt8]
    /// As on the wire: empty is the key alone, the one byte 0 means without end.
    package var rangeEnd: [UInt8]

    package init(_ kind: Kind, key: [UInt8], rangeEnd: [UInt8] = []) {
        self.kind = kind
        self.key = key
        self.rangeEnd = rangeEnd
    }

    package var interval: KeyInterval { KeyInterval(key: key, rangeEnd: rangeEnd) }

    /// Whether the range can hold a key. Others are not granted; one that an old snapshot holds allows nothing.
    package var isValid: Bool { !key.isEmpty && !interval.isEmpty }

    var allowsReading: Bool { isValid && (kind == .read || kind == .readWrite) }
    var allowsWriting: Bool { isValid && (kind == .write || kind == .readWrite) }

    /// What the role `root` answers when asked for its permissions, whatever it was granted.
    package static let root = AuthPermission(.readWrite, key: [], rangeEnd: [0])
}
