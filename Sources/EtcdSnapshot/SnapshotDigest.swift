// SPDX-License-Identifier: Apache-2.0

import Crypto

/// The SHA-256 of a snapshot's file, fed piece by piece: the 32 bytes that follow the file.
package struct SnapshotDigest: Sendable {
    package static let byteCount = 32

    private var hash = SHA256()

    package init() {}

    package mutating func update(_ bytes: [UInt8]) {
        // The pointer is used only inside the closure, for reading the array's own bytes.
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    }

    package func finish() -> [UInt8] { Array(hash.finalize()) }
}
