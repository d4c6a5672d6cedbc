// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
package import MartletRESPCodec

/// What became of commands since the server began, or since CONFIG RESETSTAT: for INFO and LATENCY HISTOGRAM.
///
/// A command's time is that until its answer, the log's sync included; commands of one read that are handed over
/// together share it in equal parts. Of one that may wait for what isn't there only the asking counts.
package struct CommandStatistics {
    package struct Row {
        package var calls: UInt64 = 0
        package var nanoseconds: UInt64 = 0
        /// Turned away before they were carried out.
        package var rejected: UInt64 = 0
        /// Carried out and answered with an error.
        package var failed: UInt64 = 0
        package var latencies = LatencyHistogram()

        var isEmpty: Bool { calls == 0 && rejected == 0 && failed == 0 }
    }

    /// By the commands' numbers.
    package private(set) var rows = [Row](repeating: Row(), count: CommandTable.shared.all.count)
    /// Errors by their codes. Told in order of the codes.
    package private(set) var errors: [String: UInt64] = [:]
    package private(set) var errorCount: UInt64 = 0

    /// Codes that are counted apart, as in Redis: ours are few, and whatever brings more of them shall not fill memory.
    package static let maximumCodes = 128
    /// Counts the others. Source: Redis.
    package static let overflowCode = "ERRORSTATS_OVERFLOW"

    package init() {}

    /// A command is about to be carried out, so many times in a row.
    package mutating func begin(_ command: Int, count: Int = 1) { rows[command].calls += UInt64(count) }

    /// It was not, after all, so many times.
    mutating func takeBack(_ command: Int, count: Int) {
        rows[command].calls -= min(rows[command].calls, UInt64(count))
    }

    /// One was carried out, so many times in a row.
    ///
    /// - Parameter nanoseconds: of each.
    package mutating func end(_ command: Int, nanoseconds: UInt64, count: Int = 1) {
        rows[command].nanoseconds += nanoseconds * UInt64(count)
        rows[command].latencies.note(nanoseconds, count: count)
    }

    package mutating func note(_ failures: [ReplyFailure]) {
        for failure in failures {
            count(failure.code)
            if failure.isRejected {
                // It was taken for one that is carried out.
                if rows[failure.command].calls > 0 { rows[failure.command].calls -= 1 }
                rows[failure.command].rejected += 1
            } else {
                rows[failure.command].failed += 1
            }
        }
    }

    /// A command was answered with an error.
    ///
    /// - Parameters:
    ///   - command: `nil` where there is none of this name.
    ///   - reply: its answer.
    package mutating func fail(_ command: Int?, _ reply: ArraySlice<UInt8>, isRejected: Bool = false) {
        count(ReplyFailure.code(reply))
        guard let command else { return }
        if isRejected { rows[command].rejected += 1 } else { rows[command].failed += 1 }
    }

    private mutating func count(_ code: String) {
        errorCount += 1
        let isKnown = errors[code] != nil || errors.count < Self.maximumCodes
        errors[isKnown ? code : Self.overflowCode, default: 0] += 1
    }
}

/// How often something took how long: eight buckets for each power of two of nanoseconds, so that a figure is less than
/// an eighth too high.
package struct LatencyHistogram {
    /// Empty until something is noted.
    private var counts: [UInt64] = []
    package private(set) var total: UInt64 = 0

    private static let bits = 3
    /// Up to 2^40 ns, some 18 minutes; what takes longer is in the last bucket.
    private static let bucketCount = (40 - bits + 1) << bits

    package init() {}

    package mutating func note(_ nanoseconds: UInt64, count: Int = 1) {
        if counts.isEmpty { counts = [UInt64](repeating: 0, count: Self.bucketCount) }
        counts[min(Self.bucket(nanoseconds), Self.bucketCount - 1)] += UInt64(count)
        total += UInt64(count)
    }

    private static func bucket(_ value: UInt64) -> Int {
        if value < 1 << bits { return Int(value) }
        let power = 63 - value.leadingZeroBitCount
        // The power, and the three bits behind its own.
        return (power - bits) << bits + Int(value >> UInt64(power - bits))
    }

    /// The highest value in a bucket.
    private static func highest(_ bucket: Int) -> UInt64 {
        if bucket < 1 << bits { return UInt64(bucket) }
        let shift = (bucket >> bits) - 1
        return (UInt64(bucket - shift << bits) + 1) << UInt64(shift) - 1
    }

    /// The time that this part of them took at most; 0 where there are none.
    package func nanoseconds(percentile: Double) -> UInt64 {
        let wanted = UInt64((Double(total) * percentile / 100).rounded(.up))
        var seen: UInt64 = 0
        for (bucket, count) in counts.enumerated() where count > 0 {
            seen += count
            if seen >= max(wanted, 1) { return Self.highest(bucket) }
        }
        return 0
    }

    /// How many took no longer than powers of two of about a microsecond, as far as that differs from one to the next.
    /// Source: LATENCY HISTOGRAM of Redis 7.0, its names of the powers included.
    package var microseconds: [(limit: UInt64, count: UInt64)] {
        var told: [(limit: UInt64, count: UInt64)] = []
        var seen: UInt64 = 0
        for (bucket, count) in counts.enumerated() where count > 0 {
            seen += count
            let limit: UInt64 = max(1 << UInt64(64 - Self.highest(bucket).leadingZeroBitCount), 1024)
            let name = (limit + (limit >> 7) - 1) / 1000
            if told.last?.limit == name { told[told.count - 1].count = seen } else { told.append((name, seen)) }
        }
        return told
    }
}
