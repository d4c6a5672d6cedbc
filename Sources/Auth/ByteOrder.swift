// SPDX-License-Identifier: Apache-2.0

/// The order of keys and names: byte by byte, unsigned, a prefix before what it begins. The same as `memcmp`.
enum ByteOrder {
    /// Complexity: O(shorter length).
    static func isLess(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        let shared = min(left.count, right.count)
        var offset = 0
        while offset < shared {
            if left[offset] != right[offset] { return left[offset] < right[offset] }
            offset += 1
        }
        return left.count < right.count
    }
}
