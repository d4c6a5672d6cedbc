// SPDX-License-Identifier: Apache-2.0

package import Logging

/// How much is logged, and in which shape.
package enum LogSetting {
    /// etcd's names of levels.
    package enum Level: String, Sendable {
        case debug, info, warn, error, panic, fatal

        package var level: Logger.Level {
            switch self {
            case .debug: .debug
            case .info: .info
            case .warn: .warning
            case .error: .error
            case .panic, .fatal: .critical
            }
        }
    }

    package enum Format: String, Sendable {
        /// One JSON object a line, with etcd's keys.
        case json
        /// One line of text, for people.
        case console
    }
}
