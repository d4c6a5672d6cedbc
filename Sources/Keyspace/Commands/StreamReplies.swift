// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension ReplyWriter {
    @inline(__always)
    mutating func bulk(_ id: StreamID) {
        bulk(id.milliseconds, UInt8(ascii: "-"), id.sequence)
    }

    /// Names and values alone: a flat array in both protocols.
    @inline(__always)
    mutating func fields(_ entry: StreamEntry) {
        array(entry.pairCount * 2)
        entry.forEachText { bulk($0) }
    }

    /// An ID, and names and values.
    @inline(__always)
    mutating func entry(_ entry: StreamEntry) {
        array(2)
        bulk(entry.id)
        fields(entry)
    }
}
