// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// What a client has published, for whoever listens to the channel.
package struct ChannelMessage: Hashable, Sendable {
    package var channel: [UInt8]
    package var text: [UInt8]
    /// Whether the channel is a shard channel, of a namespace of its own.
    package var isShard: Bool

    package init(channel: [UInt8], text: [UInt8], isShard: Bool = false) {
        self.channel = channel
        self.text = text
        self.isShard = isShard
    }

    /// Channel and text, each behind its length as a `Varint`; not of which kind the channel is.
    package func append(to bytes: inout [UInt8]) {
        for part in [channel, text] {
            Varint.append(UInt64(part.count), to: &bytes)
            bytes += part
        }
    }

    /// One behind the other, of one kind; `nil`: that is none.
    package static func list(_ bytes: [UInt8], isShard: Bool = false) -> [ChannelMessage]? {
        var offset = 0
        var messages: [ChannelMessage] = []
        func part() -> [UInt8]? {
            guard let count = Varint.read(bytes.span.bytes, at: &offset), count <= UInt64(bytes.count - offset) else {
                return nil
            }
            defer { offset += Int(count) }
            return Array(bytes[offset..<offset + Int(count)])
        }
        while offset < bytes.count {
            guard let channel = part(), let text = part() else { return nil }
            messages.append(ChannelMessage(channel: channel, text: text, isShard: isShard))
        }
        return messages
    }
}

/// Messages on their way to other members, each counted as often as there are members that it didn't reach.
package struct MessageLosses: Hashable, Sendable {
    /// Known not to have arrived.
    package var lost: UInt64
    /// Sent, and not answered: they may have arrived.
    package var unconfirmed: UInt64

    package init(lost: UInt64 = 0, unconfirmed: UInt64 = 0) {
        (self.lost, self.unconfirmed) = (lost, unconfirmed)
    }

    package mutating func add(_ other: MessageLosses) {
        lost += other.lost
        unconfirmed += other.unconfirmed
    }
}
