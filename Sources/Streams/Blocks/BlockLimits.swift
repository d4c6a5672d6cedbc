// SPDX-License-Identifier: Apache-2.0

/// When a stream closes its open block. Settings of the server, which shape its state: they change by records alone.
public struct BlockLimits: Hashable, Sendable {
    /// Entries that a block is given, deleted ones included. 0: no limit of its own.
    public var entries: Int
    /// Bytes that a block may not reach. 0: no limit of its own.
    public var bytes: Int

    public init(entries: Int = 100, bytes: Int = 4096) {
        self.entries = max(entries, 0)
        self.bytes = max(bytes, 0)
    }

    /// A block is read from its beginning, so one without end would make every read of the newest entry slow.
    public static let maximumEntries = 10_000
    /// A block is what leaves memory and comes back, and what a checkpoint writes whole if one byte of it changed.
    public static let maximumBytes = 1 << 20

    var effectiveEntries: Int { entries == 0 ? Self.maximumEntries : min(entries, Self.maximumEntries) }
    var effectiveBytes: Int { bytes == 0 ? Self.maximumBytes : min(bytes, Self.maximumBytes) }

    /// Blocks that one approximate trim removes if its request gives no limit.
    private static let trimmedBlocks = 100
    private static let maximumTrimLimit = 1_000_000

    /// How many entries an approximate trim removes at most if its request gives no limit.
    /// Source: Redis's documentation of XTRIM, and its servers' behaviour at the edges.
    public var defaultTrimLimit: Int {
        if entries <= 0 { return 10_000 }
        return min(entries.multipliedReportingOverflow(by: Self.trimmedBlocks).partialValue, Self.maximumTrimLimit)
    }
}
