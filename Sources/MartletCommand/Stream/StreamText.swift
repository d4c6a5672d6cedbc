// SPDX-License-Identifier: Apache-2.0

package import MartletRedisClient

/// Streams as they are shown.
package enum StreamText {
    package static func list(_ streams: [(String, RedisStreamInfo)], asJSON: Bool) -> [String] {
        if asJSON { return streams.map { json($0, $1) } }
        // Columns for what Redis's streams don't have come where something has it.
        let hasPriorities = streams.contains { $0.1.prioritizedCount > 0 }
        let hasMore = streams.contains { $0.1.delayedCount > 0 || $0.1.jobCount > 0 || $0.1.retention != nil }
        var columns: [Column] = [("STREAM", .left), ("LENGTH", .right), ("GROUPS", .right), ("LAST ID", .left)]
        if hasMore { columns += [("DELAYED", .right), ("JOBS", .right), ("RETENTION", .left)] as [Column] }
        if hasPriorities { columns.append(("URGENT", .right)) }
        var table = TextTable(columns)
        for (name, info) in streams {
            var cells = [name, "\(info.length)", "\(info.groupCount)", "\(info.lastID)"]
            if hasMore { cells += ["\(info.delayedCount)", "\(info.jobCount)", retention(info) ?? "-"] }
            if hasPriorities { cells.append("\(info.prioritizedCount)") }
            table.add(cells)
        }
        return table.lines
    }

    private typealias Column = (head: String, alignment: TextTable.Alignment)

    private static func json(_ name: String, _ info: RedisStreamInfo) -> String {
        var values = [
            ("stream", JSONLine.string(name)), ("length", "\(info.length)"), ("groups", "\(info.groupCount)"),
            ("lastID", JSONLine.string("\(info.lastID)")),
        ]
        if info.delayedCount > 0 { values.append(("delayed", "\(info.delayedCount)")) }
        if info.jobCount > 0 { values.append(("jobs", "\(info.jobCount)")) }
        if info.prioritizedCount > 0 { values.append(("prioritized", "\(info.prioritizedCount)")) }
        if let text = retention(info) { values.append(("retention", JSONLine.string(text))) }
        return JSONLine.object(values: values)
    }

    /// `age 1h0m, length 1000, acknowledged`.
    private static func retention(_ info: RedisStreamInfo) -> String? {
        guard let retention = info.retention else { return nil }
        var parts: [String] = []
        if let limit = retention.maximumAge { parts.append("age \(age(limit))") }
        if let bytes = retention.maximumBytes { parts.append("bytes \(bytes)") }
        if let count = retention.maximumCount { parts.append("length \(count)") }
        if retention.removesAcknowledged { parts.append("acknowledged") }
        return parts.joined(separator: ", ")
    }

    /// `visible 30s, 5 deliveries to dead, order k`.
    private static func policy(_ group: RedisGroupInfo) -> String? {
        guard let policy = group.policy else { return nil }
        var parts: [String] = []
        if let time = policy.visibility { parts.append("visible \(age(time))") }
        if let count = policy.maximumDeliveries {
            parts.append("\(count) deliveries to \(policy.deadLetterStream ?? "-")")
        }
        if let time = policy.idleConsumers { parts.append("consumers \(age(time))") }
        if let field = policy.orderField { parts.append("order \(printable(field))") }
        if policy.prefersUrgent { parts.append("urgent first") }
        if !policy.filter.isEmpty { parts.append("\(policy.filter.count) filtered") }
        return parts.joined(separator: ", ")
    }

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
    private static func printable(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return text }
        return JSONLine.string(text)
    }

    package static func groups(_ groups: [RedisGroupInfo], asJSON: Bool) -> [String] {
        if asJSON { return groups.map { json($0) } }
        let hasPolicy = groups.contains { $0.policy != nil }
        var columns: [Column] = [
            ("GROUP", .left), ("CONSUMERS", .right), ("PENDING", .right), ("READ", .right), ("LAG", .right),
            ("LAST DELIVERED", .left),
        ]
        if hasPolicy { columns.append(("POLICY", .left)) }
        var table = TextTable(columns)
        for group in groups {
            var cells = [
                group.name, "\(group.consumerCount)", "\(group.pendingCount)", number(group.entriesRead, "-"),
                number(group.lag, "-"), "\(group.lastDeliveredID)",
            ]
            if hasPolicy { cells.append(policy(group) ?? "-") }
            table.add(cells)
        }
        return table.lines
    }

    private static func json(_ group: RedisGroupInfo) -> String {
        var values = [
            ("group", JSONLine.string(group.name)), ("consumers", "\(group.consumerCount)"),
            ("pending", "\(group.pendingCount)"),
            ("lastDeliveredID", JSONLine.string("\(group.lastDeliveredID)")),
            ("entriesRead", number(group.entriesRead, "null")), ("lag", number(group.lag, "null")),
        ]
        if let text = policy(group) { values.append(("policy", JSONLine.string(text))) }
        return JSONLine.object(values: values)
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

    package static func report(_ rows: [StreamSurvey.Row], asJSON: Bool) -> [String] {
        if asJSON {
            return rows.map { row in
                JSONLine.object(values: [
                    ("stream", JSONLine.string(row.stream)), ("length", "\(row.length)"),
                    ("group", row.group.map { JSONLine.string($0) } ?? "null"), ("consumers", "\(row.consumers)"),
                    ("lag", number(row.lag, "null")), ("pending", "\(row.pending)"),
                    ("oldestMilliseconds", row.oldest.map { "\(Int64($0 / .milliseconds(1)))" } ?? "null"),
                ])
            }
        }
        var table = TextTable([
            ("STREAM", .left), ("LENGTH", .right), ("GROUP", .left), ("CONSUMERS", .right), ("LAG", .right),
            ("PENDING", .right), ("OLDEST", .right),
        ])
        for row in rows {
            guard let group = row.group else {
                table.add([row.stream, "\(row.length)", "-", "-", "-", "-", "-"])
                continue
            }
            table.add([
                row.stream, "\(row.length)", group, "\(row.consumers)", number(row.lag, "-"), "\(row.pending)",
                row.oldest.map { age($0) } ?? "-",
            ])
        }
        return table.lines
    }

    private static func number(_ value: Int?, _ absent: String) -> String { value.map { "\($0)" } ?? absent }

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
