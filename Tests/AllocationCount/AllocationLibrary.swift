// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms

/// The library that counts a process's allocations, built from `Preload` with the compiler that comes with Swift.
package struct AllocationLibrary: Sendable {
    package static var isSupported: Bool { CompiledC.canPreload }

    /// Of the library.
    private let path: String

    /// Builds the library into a folder.
    package init(in folder: String) async throws {
        self.path = "\(folder)/liballocations.so"
        let source = URL(filePath: #filePath).deletingLastPathComponent().path + "/Preload/allocations.c"
        try await CompiledC.build(self.path, [source], ["-fno-builtin", "-shared", "-fPIC"])
    }

    /// What a process needs in its environment to be counted.
    ///
    /// - Parameter counter: The file that holds the number: eight bytes, in the machine's order.
    package func environment(counter: String) -> [String: String] {
        ["LD_PRELOAD": self.path, "MARTLET_ALLOCATIONS": counter]
    }
}
