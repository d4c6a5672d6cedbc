// SPDX-License-Identifier: Apache-2.0

import MartletTestPrograms

/// A page in Prometheus' text format, taken apart.
struct MetricsDocument {
    struct Broken: Error {
        var line: Substring
    }

    struct Family {
        var type: String
        /// Of all samples, without the bounds of buckets.
        var labels: Set<String> = []
        /// The bounds of buckets as they are written.
        var bounds: Set<String> = []
    }

    private(set) var families: [String: Family] = [:]
    /// By the whole of what stands before the value, its labels sorted.
    private(set) var values: [String: Double] = [:]

    init(of address: String) async throws {
        try self.init(try await output(of: "curl", ["-sS", "--max-time", "10", "http://\(address)/metrics"]))
    }

    init(_ text: String) throws {
        var family = ""
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if line.hasPrefix("# HELP ") { continue }
            if line.hasPrefix("# TYPE "), words.count == 4 {
                family = String(words[2])
                guard families.updateValue(Family(type: String(words[3])), forKey: family) == nil else {
                    throw Broken(line: line)
                }
                continue
            }
            // Values of labels here hold no spaces.
            guard words.count == 2, let value = Double(words[1]) else { throw Broken(line: line) }
            let parts = words[0].split(separator: "{")
            let name = String(parts[0])
            let endings =
                switch families[family]?.type {
                case "histogram": ["_bucket", "_sum", "_count"]
                case "summary": ["", "_sum", "_count"]
                default: [""]
                }
            guard endings.contains(where: { family + $0 == name }) else { throw Broken(line: line) }
            let labels = parts.count > 1 ? parts[1].dropLast().split(separator: ",").map(String.init).sorted() : []
            for label in labels {
                let pair = label.split(separator: "=", maxSplits: 1)
                guard pair.count == 2, pair[1].hasPrefix("\""), pair[1].hasSuffix("\"") else {
                    throw Broken(line: line)
                }
                if pair[0] == "le" {
                    families[family]?.bounds.insert(String(pair[1]))
                } else {
                    families[family]?.labels.insert(String(pair[0]))
                }
            }
            values[name + (labels.isEmpty ? "" : "{" + labels.joined(separator: ",") + "}")] = value
        }
    }

    subscript(_ name: String) -> Double? { values[name] }

    /// How much a series has grown; nil where it isn't there.
    func growth(of name: String, since earlier: MetricsDocument) -> Double? {
        values[name].map { $0 - (earlier.values[name] ?? 0) }
    }
}
