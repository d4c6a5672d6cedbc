// SPDX-License-Identifier: Apache-2.0

/// Small C libraries and programs of tests, built with the compiler that comes with Swift.
package enum CompiledC {
    /// Whether a library can be put in front of a process's own: `LD_PRELOAD`.
    package static var canPreload: Bool {
        #if os(Linux) && canImport(Glibc)
        true
        #else
        false
        #endif
    }

    /// - Parameter arguments: What clang takes beside the warnings, all of which are errors.
    package static func build(_ path: String, _ sources: [String], _ arguments: [String]) async throws {
        try await output(
            of: "clang", ["-O2", "-Wall", "-Wextra", "-Werror"] + arguments + ["-o", path] + sources)
    }
}
