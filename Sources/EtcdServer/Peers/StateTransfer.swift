// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletRaft

/// A member's whole state, sent to one that lags too far behind for the log: `/martlet.v1.Peer/State`, on connections
/// of its own, so that it holds up nothing.
///
///     sender      PeerHello   Announcement           chunks from there on
///     receiver                               count                          counts, now and then     empty
///
/// A count, a varint, says how many chunks are here. The sender keeps what isn't counted yet; after a break, or a chunk
/// that came damaged, it goes on there with the next connection. The empty message says that all of it is on the
/// receiver's disk. An announcement without the dump's number is an older sender's: it is answered by the empty message
/// alone, and nothing is kept for it.
enum StateTransfer {
    static let path = "/martlet.v1.Peer/State"

    /// When so much has come the receiver says what it has: well below `SentChunks.byteLimit`, where a sender waits.
    static let bytesPerCount = 2 << 20

    /// What the state is: varints.
    struct Announcement {
        /// The term of the leader's order.
        var order: Term
        var applied: AppliedPosition
        /// Of `StateDump.number`. Older members neither write nor read it.
        var dump: UInt64?

        func encoded() -> [UInt8] {
            var bytes: [UInt8] = []
            for number in [order.rawValue, applied.index.rawValue, applied.term.rawValue] {
                Varint.append(number, to: &bytes)
            }
            if let dump { Varint.append(dump, to: &bytes) }
            return bytes
        }

        init(order: Term, applied: AppliedPosition, dump: UInt64?) {
            self.order = order
            self.applied = applied
            self.dump = dump
        }

        init?(_ bytes: [UInt8]) {
            var offset = 0
            func number() -> UInt64? { Varint.read(bytes.span.bytes, at: &offset) }
            guard let order = number(), let index = number(), let term = number() else { return nil }
            self.order = Term(order)
            applied = AppliedPosition(index: LogIndex(index), term: Term(term))
            dump = number()
            guard offset == bytes.count else { return nil }
        }
    }

    static func encoded(count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        Varint.append(UInt64(count), to: &bytes)
        return bytes
    }

    static func count(_ bytes: [UInt8]) -> Int? {
        var offset = 0
        guard let number = Varint.read(bytes.span.bytes, at: &offset), offset == bytes.count else { return nil }
        return Int(exactly: number)
    }
}
