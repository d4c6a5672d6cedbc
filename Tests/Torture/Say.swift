// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Prints a line at once, also where the output is a file: whoever looks at a run that hangs wants to see the last one.
func say(_ text: String) { FileHandle.standardOutput.write(Data("torture: \(text)\n".utf8)) }
