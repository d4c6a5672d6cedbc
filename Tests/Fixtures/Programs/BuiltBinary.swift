// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The binary that was built beside this test's.
package enum BuiltBinary {
    package static let path: String = {
        // Of a bundle the path leads inside on macOS, and is the executable itself on Linux.
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        while folder.path != "/" {
            let candidate = folder.appendingPathComponent("martlet").path
            if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
            folder.deleteLastPathComponent()
        }
        return "martlet"
    }()
}
