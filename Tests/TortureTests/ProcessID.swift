// SPDX-License-Identifier: Apache-2.0

import Foundation

enum ProcessID {
    static var own: Int { Int(ProcessInfo.processInfo.processIdentifier) }
}
