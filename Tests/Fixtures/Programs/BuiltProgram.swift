// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The path of a program of this package, which is built beside the tests.
package func builtProgram(_ name: String) -> String {
    let own = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return URL(filePath: own).deletingLastPathComponent().appending(path: name).path
}
