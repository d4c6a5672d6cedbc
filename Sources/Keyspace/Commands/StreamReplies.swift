// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension ReplyWriter {
    @inline(__always)
    mutating func bulk(_ id: StreamID) {
        beginBulk(Decimal.count(id.milliseconds) + 1 + Decimal.count(id.sequence))
        Decimal.append(id.milliseconds, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        Decimal.append(id.sequence, to: &bytes)
        endBulk()
    }

    @inline(__always)
    private mutating func bulk(_ text: StreamText) {
        beginBulk(text.count)
        text.append(to: &bytes)
        endBulk()
    }

    /// Names and values alone: a flat array in both protocols.
    @inline(__always)
    mutating func fields(_ entry: StreamEntry) {
        array(entry.pairCount * 2)
        entry.forEachField { name, value in
            bulk(name)
            bulk(value)
        }
    }

    /// An ID, and names and values.
    @inline(__always)
    mutating func entry(_ entry: StreamEntry) {
        array(2)
        bulk(entry.id)
        fields(entry)
    }
}
