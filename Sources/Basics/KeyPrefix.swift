// SPDX-License-Identifier: Apache-2.0

/// Keys that begin alike, as a range.
public enum KeyPrefix {
    /// The first key behind all that begin with `prefix`; `nil` where every key from `prefix` on does, which is so for
    /// nothing and for bytes 255 only.
    public static func end(of prefix: [UInt8]) -> [UInt8]? {
        var end = prefix
        // The last byte that can grow does; what follows it goes.
        while let last = end.popLast() {
            if last < 0xFF { return end + [last + 1] }
        }
        return nil
    }
}
