// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The binary that was built beside this test's.
package enum BuiltBinary {
    package static let path = path(of: "martlet")

    /// Another product's.
    package static func path(of name: String) -> String {
        // Of a bundle the path leads inside on macOS, and is the executable itself on Linux.
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent(name).path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder.deleteLastPathComponent()
        }
        return name
    }
}
