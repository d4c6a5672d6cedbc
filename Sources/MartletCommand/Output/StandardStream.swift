// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Standard output or standard error, written without a buffer of ours: what was written is seen.
///
/// A text no longer than the system's pipe buffer (4 KiB at least) is written in one piece, also by several threads.
package struct StandardStream: Sendable {
    private let descriptor: Int32

    /// Also for files that are written in the same way. The descriptor stays the caller's.
    package init(descriptor: Int32) { self.descriptor = descriptor }

    package static let output = StandardStream(descriptor: 1)
    package static let error = StandardStream(descriptor: 2)

    /// Writes all of `text`. A reader that has gone is nobody's loss: the rest is dropped.
    package func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno != EINTR {
                return
            }
        }
    }

    package func writeLine(_ text: String) { write(text + "\n") }

    /// Nothing may be written afterwards.
    package func close() { _ = systemClose(descriptor) }

    package var isTerminal: Bool { isatty(descriptor) == 1 }
}

/// write(2). Safe: the caller's buffer outlives the call, which only reads the `count` bytes that the buffer has.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
    Glibc.write(descriptor, bytes, count)
    #elseif canImport(Musl)
    Musl.write(descriptor, bytes, count)
    #else
    Darwin.write(descriptor, bytes, count)
    #endif
}

private func systemClose(_ descriptor: Int32) -> Int32 {
    #if canImport(Glibc)
    Glibc.close(descriptor)
    #elseif canImport(Musl)
    Musl.close(descriptor)
    #else
    Darwin.close(descriptor)
    #endif
}
