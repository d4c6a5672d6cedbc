// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

/// What is left of MAXCOUNT and MAXSIZE: entries, and bytes of the reply with all that frames them, of all streams of a
/// read together. One entry comes in any case, and the last one may exceed the bytes.
///
/// Source: Redis 8.10, XREAD and XREADGROUP.
struct ReplyBudget: Sendable {
    private var count: Int
    private var bytes: Int
    private let limitsBytes: Bool

    /// - Parameters: above 0 both. The greatest numbers are no limits: no reply uses them up.
    init(count: Int = .max, bytes: Int = .max) {
        self.count = count
        self.bytes = bytes
        limitsBytes = bytes < .max
    }

    /// Nothing more comes.
    var isSpent: Bool { count <= 0 || bytes <= 0 }

    /// An entry has come.
    @inline(__always)
    mutating func spend(_ byteCount: Int) {
        count -= 1
        bytes -= byteCount
    }

    /// Whether an entry comes that a group hands over. Its bytes are those of its reply.
    mutating func admits(_ entry: StreamEntry, _ selection: EntrySelection) -> Bool {
        if isSpent { return false }
        var reply = ReplyWriter()
        if limitsBytes { reply.entry(entry, selection) }
        spend(reply.bytes.count)
        return true
    }
}
