// SPDX-License-Identifier: Apache-2.0

package import MartletRedisClient

/// What only some streams or groups have: a column of the table where one that is shown has it, and a field of the JSON
/// of those that do.
struct StreamFact {
    let head: String
    let key: String
    let alignment: TextTable.Alignment
    /// As tables show it, and as JSON; `nil`: there is nothing of it.
    private(set) var text: String?
    private(set) var json: String?

    static func number(_ head: String, _ key: String, _ number: Int?) -> StreamFact {
        let text = number.map { "\($0)" }
        return StreamFact(head: head, key: key, alignment: .right, text: text, json: text)
    }

    /// None is nothing.
    static func count(_ head: String, _ key: String, _ count: Int) -> StreamFact {
        number(head, key, count == 0 ? nil : count)
    }

    static func words(_ head: String, _ key: String, _ text: String?) -> StreamFact {
        StreamFact(head: head, key: key, alignment: .left, text: text, json: text.map { JSONLine.string($0) })
    }
}

extension StreamText {
    typealias Column = (head: String, alignment: TextTable.Alignment)

    /// Rows whose facts are the same ones in the same order.
    static func table(_ columns: [Column], _ rows: [(cells: [String], facts: [StreamFact])]) -> [String] {
        let facts = rows.first?.facts ?? []
        let shown = facts.indices.filter { place in rows.contains { $0.facts[place].text != nil } }
        var table = TextTable(columns + shown.map { (facts[$0].head, facts[$0].alignment) })
        for row in rows { table.add(row.cells + shown.map { row.facts[$0].text ?? "-" }) }
        return table.lines
    }

    static func object(_ values: [(String, String)], _ facts: [StreamFact]) -> String {
        JSONLine.object(values: values + facts.compactMap { fact in fact.json.map { (fact.key, $0) } })
    }

    static func facts(of stream: RedisStreamInfo) -> [StreamFact] {
        [
            .count("DELAYED", "delayed", stream.delayedCount), .count("ENDING", "ending", stream.endingCount),
            .count("URGENT", "prioritized", stream.prioritizedCount), .count("JOBS", "jobs", stream.jobCount),
            .words("RETENTION", "retention", stream.retention.map { retention($0) }),
        ]
    }

    /// - Parameter deadLetters: How many are where the group puts its own; `nil`: it has none.
    static func facts(
        ofGroupWith policy: RedisGroupPolicy?, parked: Int, deadLetters: Int?
    ) -> [StreamFact] {
        [
            .count("PARKED", "parked", parked), .number("DEAD", "deadLetters", deadLetters),
            .words("POLICY", "policy", policy.map { self.policy($0) }),
        ]
    }

    /// `age 1h0m, length 1000, acknowledged`.
    package static func retention(_ retention: RedisRetention) -> String {
        var parts: [String] = []
        if let limit = retention.maximumAge { parts.append("age \(age(limit))") }
        if let bytes = retention.maximumBytes { parts.append("bytes \(bytes)") }
        if let count = retention.maximumCount { parts.append("length \(count)") }
        if retention.removesAcknowledged { parts.append("acknowledged") }
        return parts.joined(separator: ", ")
    }

    /// `visible 30s, 5 deliveries to dead, order k`.
    package static func policy(_ policy: RedisGroupPolicy) -> String {
        var parts: [String] = []
        if let time = policy.visibility { parts.append("visible \(age(time))") }
        if let count = policy.maximumDeliveries {
            parts.append(
                "\(count) \(count == 1 ? "delivery" : "deliveries") to \(printable(policy.deadLetterStream ?? "-"))")
        }
        if let time = policy.idleConsumers { parts.append("consumers \(age(time))") }
        if let field = policy.orderField { parts.append("order \(printable(field))") }
        if policy.prefersUrgent { parts.append("urgent first") }
        if !policy.filter.isEmpty { parts.append("\(policy.filter.count) filtered") }
        return parts.joined(separator: ", ")
    }
}
