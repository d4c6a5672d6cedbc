// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec

/// Latencies that were worth a note, by what they were of.
package struct LatencyMonitor {
    /// Source: Redis's names of them.
    package enum Event: String, CaseIterable {
        case command
        /// Of commands that are flagged as fast.
        case fastCommand = "fast-command"
    }

    package struct Sample: Hashable {
        /// Seconds of the Unix clock.
        package var time: Int64
        package var milliseconds: Int64

        package init(time: Int64, milliseconds: Int64) {
            self.time = time
            self.milliseconds = milliseconds
        }
    }

    package struct Series {
        /// One a second, the highest of it; the latest last.
        package var samples: [Sample] = []
        package var highest: Int64 = 0
        package var count = 0
    }

    package private(set) var series: [Event: Series] = [:]

    package init() {}

    /// Of an event. Source: Redis.
    package static let maximumSamples = 160

    package mutating func note(_ event: Event, _ milliseconds: Int64, at time: Int64) {
        var known = series[event] ?? Series()
        known.highest = max(known.highest, milliseconds)
        known.count += 1
        if let last = known.samples.last, last.time == time {
            known.samples[known.samples.count - 1].milliseconds = max(last.milliseconds, milliseconds)
        } else {
            known.samples.append(Sample(time: time, milliseconds: milliseconds))
            if known.samples.count > Self.maximumSamples { known.samples.removeFirst() }
        }
        series[event] = known
    }

    /// Those of which something is known, in order of their names.
    package var known: [(event: Event, series: Series)] {
        Event.allCases.compactMap { event in series[event].map { (event, $0) } }
    }

    /// - Returns: whether something was forgotten.
    package mutating func reset(_ event: Event) -> Bool { series.removeValue(forKey: event) != nil }

    /// One line for each sample, as long as its latency is high.
    package static func graph(_ event: Event, _ series: Series, now: Int64) -> String {
        let width: Int64 = 40
        let lines = series.samples.map { sample in
            let length = Int(sample.milliseconds * width / max(series.highest, 1))
            return String(repeating: "#", count: max(length, 1))
                + " \(sample.milliseconds) ms, \(max(now - sample.time, 0)) s ago\n"
        }
        return "\(event.rawValue): highest \(series.highest) ms\n" + lines.joined()
    }
}

extension ClientHub {
    /// LATENCY, but for its histograms.
    func tellLatency(_ entry: CommandEntry, _ arguments: Arguments, _ reply: inout ReplyWriter) {
        switch entry.name {
        case "latency|latest":
            let known = latencies.known
            reply.array(known.count)
            for (event, series) in known {
                guard let last = series.samples.last else { preconditionFailure("a series without a sample") }
                reply.array(4)
                reply.bulk(event.rawValue)
                reply.integer(last.time)
                reply.integer(last.milliseconds)
                reply.integer(series.highest)
            }
        case "latency|history":
            let samples = series(arguments, 2)?.samples ?? []
            reply.array(samples.count)
            for sample in samples {
                reply.array(2)
                reply.integer(sample.time)
                reply.integer(sample.milliseconds)
            }
        case "latency|graph":
            let event = LatencyMonitor.Event(rawValue: arguments.text(2))
            guard let event, let series = latencies.series[event] else {
                return reply.error("ERR No samples available for event '\(arguments.text(2))'")
            }
            reply.verbatim(LatencyMonitor.graph(event, series, now: engine.now / 1000))
        case "latency|reset":
            let named = (2..<arguments.count).compactMap { LatencyMonitor.Event(rawValue: arguments.text($0)) }
            let events = arguments.count == 2 ? LatencyMonitor.Event.allCases : named
            reply.integer(events.count { latencies.reset($0) })
        default: reply.verbatim(latencyReport)
        }
    }

    private func series(_ arguments: Arguments, _ index: Int) -> LatencyMonitor.Series? {
        LatencyMonitor.Event(rawValue: arguments.text(index)).flatMap { latencies.series[$0] }
    }

    /// LATENCY DOCTOR.
    private var latencyReport: String {
        let known = latencies.known
        if known.isEmpty {
            return settings.latencyMilliseconds == 0
                ? "No latency is noted: CONFIG SET latency-monitor-threshold says from how many milliseconds on.\n"
                : "No command has taken \(settings.latencyMilliseconds) ms.\n"
        }
        return known.map { event, series in
            "\(event.rawValue): \(series.count) times, the latest \(series.samples.last?.milliseconds ?? 0) ms, "
                + "the highest \(series.highest) ms\n"
        }.joined()
    }
}
