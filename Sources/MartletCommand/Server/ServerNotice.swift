// SPDX-License-Identifier: Apache-2.0

package import Logging

/// Something about what the server was given that its log should say at the start.
package struct ServerNotice: Sendable, Equatable {
    package enum Level: Sendable { case info, warning }

    package var level: Level
    package var message: String
    package var fields: [String: String]

    package init(_ level: Level, _ message: String, _ fields: [String: String] = [:]) {
        self.level = level
        self.message = message
        self.fields = fields
    }

    package func log(_ logger: Logger) {
        let level: Logger.Level = self.level == .warning ? .warning : .info
        logger.log(level: level, "\(message)", metadata: fields.mapValues { .string($0) })
    }
}
