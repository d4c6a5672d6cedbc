// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A few figures about this process.
enum ProcessStatistics {
    /// The wall clock in whole seconds since 1970.
    static func unixSeconds() -> UInt64 { UInt64(max(0, time(nil))) }

    /// Memory that the process holds now; 0 where the system doesn't tell.
    static func residentBytes() -> UInt64 { self.statusValue("VmRSS:") * 1024 }

    /// Threads of the process; 0 where the system doesn't tell.
    static func threadCount() -> UInt64 { self.statusValue("Threads:") }

    /// What is read of the file: it has some sixty short lines, and those wanted are in its first half.
    private static let statusByteCount = 4096

    /// A number from Linux's `/proc/self/status`.
    private static func statusValue(_ key: String) -> UInt64 {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: self.statusByteCount)
        let count = fread(&bytes, 1, bytes.count, file)
        for line in bytes.prefix(count).split(separator: UInt8(ascii: "\n")) {
            let words = line.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            guard words.count > 1, words[0].elementsEqual(key.utf8) else { continue }
            return UInt64(String(decoding: words[1], as: UTF8.self)) ?? 0
        }
        return 0
    }
}
