// SPDX-License-Identifier: Apache-2.0

package import MartletRedisClient

/// Streams as they are shown.
package enum StreamText {
    /// One line: the ID and its fields. Of an entry that is gone the ID alone.
    package static func entry(_ entry: RedisEntry, asJSON: Bool) -> String {
        let fields = entry.fields.map {
            (String(decoding: $0.name, as: UTF8.self), String(decoding: $0.value, as: UTF8.self))
        }
        if asJSON {
            // Names may repeat, which an object's can't.
            let pairs = fields.map { "[\(JSONLine.string($0.0)),\(JSONLine.string($0.1))]" }.joined(separator: ",")
            return JSONLine.object(values: [
                ("id", JSONLine.string("\(entry.id)")), ("fields", entry.isDeleted ? "null" : "[\(pairs)]"),
            ])
        }
        return (["\(entry.id)"] + fields.map { "\($0.0)=\(printable($0.1))" }).joined(separator: "  ")
    }

    /// Without what would change the terminal or begin a line.
    static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return text }
        return JSONLine.string(text)
    }

    package static func pending(_ entries: [RedisPendingEntry], asJSON: Bool) -> [String] {
        if asJSON {
            return entries.map { entry in
                JSONLine.object(values: [
                    ("id", JSONLine.string("\(entry.id)")),
                    ("consumer", entry.consumer.map { JSONLine.string($0) } ?? "null"),
                    ("idleMilliseconds", entry.idle.map { "\(Int64($0 / .milliseconds(1)))" } ?? "null"),
                    ("deliveries", "\(entry.deliveries)"),
                ])
            }
        }
        var table = TextTable([("ID", .left), ("CONSUMER", .left), ("IDLE", .right), ("DELIVERIES", .right)])
        for entry in entries {
            table.add([
                "\(entry.id)", entry.consumer ?? "-", entry.idle.map { age($0) } ?? "-", "\(entry.deliveries)",
            ])
        }
        return table.lines
    }

    /// In the two units that say most: `350ms`, `12.3s`, `4m10s`, `3h20m`, `2d4h`.
    package static func age(_ time: Duration) -> String {
        let milliseconds = Int64(time / .milliseconds(1))
        let seconds = milliseconds / 1000
        switch seconds {
        case ..<1: return "\(milliseconds)ms"
        case ..<60: return "\(seconds).\(milliseconds % 1000 / 100)s"
        case ..<3600: return "\(seconds / 60)m\(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3600)h\(seconds % 3600 / 60)m"
        default: return "\(seconds / 86_400)d\(seconds % 86_400 / 3600)h"
        }
    }
}
