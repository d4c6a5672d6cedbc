// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Numeric addresses as certificates hold them.
enum IPAddressBytes {
    /// Four or sixteen bytes; nil for a name.
    static func parse(_ text: String) -> [UInt8]? {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            // Writes just as many bytes as an address of the family has.
            if inet_pton(family, text, &bytes) == 1 { return bytes }
        }
        return nil
    }
}
