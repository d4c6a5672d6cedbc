// SPDX-License-Identifier: Apache-2.0

/// What `--auto-compaction-mode` and `--auto-compaction-retention` ask for.
package enum AutoCompaction: Sendable, Equatable {
    /// Revisions older than this go.
    case periodic(Duration)
    /// This many revisions stay.
    case revision(Int64)

    /// Nil where nothing is to be compacted: the retention is 0.
    ///
    /// A number alone means hours, or revisions. A duration as the number of revisions means its nanoseconds, as in
    /// etcd. Source: etcd server/embed.
    static func parse(mode: String, retention: String) throws(ServerFlagError) -> AutoCompaction? {
        guard !mode.isEmpty else { throw .conflict("undefined auto-compaction-mode") }
        guard mode == "periodic" || mode == "revision" else {
            throw .conflict("unknown auto-compaction-mode \(mode.goQuoted)")
        }
        let isPeriodic = mode == "periodic"
        if let number = Int64(retention), number >= 0 {
            guard number > 0 else { return nil }
            guard !isPeriodic || number <= mostHours else {
                throw .conflict("error parsing CompactionRetention: time: invalid duration \(retention.goQuoted)")
            }
            return isPeriodic ? .periodic(.seconds(3600) * number) : .revision(number)
        }
        guard let duration = FlagValue.duration(retention) else {
            throw .conflict("error parsing CompactionRetention: time: invalid duration \(retention.goQuoted)")
        }
        guard duration > .zero else { return nil }
        return isPeriodic ? .periodic(duration) : .revision(Int64(duration / .nanoseconds(1)))
    }

    /// Go's durations are 64-bit counts of nanoseconds.
    private static let mostHours = Int64.max / 3_600_000_000_000
}
