// SPDX-License-Identifier: Apache-2.0

package import MartletRedisClient

extension StreamText {
    package static func list(_ streams: [(String, RedisStreamInfo)], asJSON: Bool) -> [String] {
        if asJSON {
            return streams.map { name, info in
                object(
                    [
                        ("stream", JSONLine.string(name)), ("length", "\(info.length)"),
                        ("groups", "\(info.groupCount)"), ("lastID", JSONLine.string("\(info.lastID)")),
                    ], facts(of: info))
            }
        }
        return table(
            [("STREAM", .left), ("LENGTH", .right), ("GROUPS", .right), ("LAST ID", .left)],
            streams.map { name, info in
                ([name, "\(info.length)", "\(info.groupCount)", "\(info.lastID)"], facts(of: info))
            })
    }

    /// - Parameter deadLetters: How many there are, by the stream that they are in.
    package static func groups(
        _ groups: [RedisGroupInfo], deadLetters: [String: Int] = [:], asJSON: Bool
    ) -> [String] {
        func facts(_ group: RedisGroupInfo) -> [StreamFact] {
            self.facts(
                ofGroupWith: group.policy, parked: group.parkedCount,
                deadLetters: group.policy?.deadLetterStream.flatMap { deadLetters[$0] })
        }
        if asJSON {
            return groups.map { group in
                object(
                    [
                        ("group", JSONLine.string(group.name)), ("consumers", "\(group.consumerCount)"),
                        ("pending", "\(group.pendingCount)"),
                        ("lastDeliveredID", JSONLine.string("\(group.lastDeliveredID)")),
                        ("entriesRead", number(group.entriesRead, "null")), ("lag", number(group.lag, "null")),
                    ], facts(group))
            }
        }
        return table(
            [
                ("GROUP", .left), ("CONSUMERS", .right), ("PENDING", .right), ("READ", .right), ("LAG", .right),
                ("LAST DELIVERED", .left),
            ],
            groups.map { group in
                let cells = [
                    group.name, "\(group.consumerCount)", "\(group.pendingCount)", number(group.entriesRead, "-"),
                    number(group.lag, "-"), "\(group.lastDeliveredID)",
                ]
                return (cells, facts(group))
            })
    }

    package static func report(_ rows: [StreamSurvey.Row], asJSON: Bool) -> [String] {
        func facts(_ row: StreamSurvey.Row) -> [StreamFact] {
            [
                .count("DELAYED", "delayed", row.delayed), .count("ENDING", "ending", row.ending),
                .count("URGENT", "prioritized", row.prioritized),
            ] + self.facts(ofGroupWith: row.policy, parked: row.parked, deadLetters: row.deadLetters)
        }
        if asJSON {
            return rows.map { row in
                object(
                    [
                        ("stream", JSONLine.string(row.stream)), ("length", "\(row.length)"),
                        ("group", row.group.map { JSONLine.string($0) } ?? "null"), ("consumers", "\(row.consumers)"),
                        ("lag", number(row.lag, "null")), ("pending", "\(row.pending)"),
                        ("oldestMilliseconds", row.oldest.map { "\(Int64($0 / .milliseconds(1)))" } ?? "null"),
                    ], facts(row))
            }
        }
        return table(
            [
                ("STREAM", .left), ("LENGTH", .right), ("GROUP", .left), ("CONSUMERS", .right), ("LAG", .right),
                ("PENDING", .right), ("OLDEST", .right),
            ],
            rows.map { row in
                let group = row.group.map { name in
                    [
                        name, "\(row.consumers)", number(row.lag, "-"), "\(row.pending)",
                        row.oldest.map { age($0) } ?? "-",
                    ]
                }
                return ([row.stream, "\(row.length)"] + (group ?? ["-", "-", "-", "-", "-"]), facts(row))
            })
    }

    private static func number(_ value: Int?, _ absent: String) -> String { value.map { "\($0)" } ?? absent }
}
