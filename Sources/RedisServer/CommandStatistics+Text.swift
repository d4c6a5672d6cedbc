// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec

extension CommandStatistics {
    private var used: [(name: String, row: Row)] {
        zip(CommandTable.shared.all, rows).compactMap { $1.isEmpty ? nil : ($0.name, $1) }
    }

    /// Source: INFO of Redis 8.8, which names no slow commands where there are none.
    var commandLines: InfoLines {
        used.map { name, row in
            let microseconds = row.nanoseconds / 1000
            let average = row.calls == 0 ? 0 : Double(microseconds) / Double(row.calls)
            return (
                "cmdstat_\(name)",
                "calls=\(row.calls),usec=\(microseconds),usec_per_call=\(average.fixed(2)),"
                    + "rejected_calls=\(row.rejected),failed_calls=\(row.failed)"
            )
        }
    }

    var errorLines: InfoLines {
        errors.sorted { $0.key < $1.key }.map { ("errorstat_\($0.key)", "count=\($0.value)") }
    }

    /// Source: Redis's default of `latency-tracking-info-percentiles`.
    private static let percentiles: [(Double, String)] = [(50, "p50"), (99, "p99"), (99.9, "p99.9")]

    var latencyLines: InfoLines {
        used.compactMap { name, row in
            if row.latencies.total == 0 { return nil }
            let told = Self.percentiles.map { percentile, text in
                "\(text)=\((Double(row.latencies.nanoseconds(percentile: percentile)) / 1000).fixed(3))"
            }
            return ("latency_percentiles_usec_\(name)", told.joined(separator: ","))
        }
    }
}

extension ClientHub {
    /// LATENCY HISTOGRAM: of all commands, or of those that are named, each with its subcommands.
    func tellLatencies(_ arguments: Arguments, _ reply: inout ReplyWriter) {
        let table = CommandTable.shared
        let named = (2..<arguments.count).flatMap { word -> [CommandEntry] in
            let words = arguments.text(word).split(separator: "|", maxSplits: 1).map(String.init)
            guard let first = words.first, let entry = table.entry(named: first) else { return [] }
            if words.count == 2 { return entry.subcommands.filter { $0.subcommandName == words[1].lowercased() } }
            return entry.subcommands.isEmpty ? [entry] : entry.subcommands
        }
        let told = (arguments.count == 2 ? table.all : named).filter { calls.rows[$0.number].latencies.total > 0 }
        reply.map(told.count)
        for entry in told {
            let latencies = calls.rows[entry.number].latencies
            reply.bulk(entry.name)
            reply.map(2)
            reply.bulk("calls")
            reply.integer(Int64(clamping: latencies.total))
            reply.bulk("histogram_usec")
            let steps = latencies.microseconds
            reply.map(steps.count)
            for step in steps {
                reply.integer(Int64(clamping: step.limit))
                reply.integer(Int64(clamping: step.count))
            }
        }
    }
}

extension Double {
    /// With so many digits behind the point.
    ///
    /// - Precondition: at least 0, and below 2^53 in units of the last digit.
    func fixed(_ digits: Int) -> String {
        let unit = (0..<digits).reduce(1.0) { unit, _ in unit * 10 }
        let number = UInt64((self * unit).rounded())
        let fraction = String(number % UInt64(unit))
        return "\(number / UInt64(unit))." + String(repeating: "0", count: digits - fraction.count) + fraction
    }
}
