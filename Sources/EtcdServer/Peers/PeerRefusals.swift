// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Which refusals of peers the log is told of: of each peer one, as long as it is told the same. It comes again and
/// again.
///
/// Who a peer is, it says itself, and whoever reaches the port may say anything: so little is remembered, and lines are
/// few.
package struct PeerRefusals {
    /// Who a peer says that it is, as far as that can be read.
    package struct Peer: Hashable, Sendable {
        package var member: UInt64?
        package var cluster: UInt64?

        package init(member: UInt64?, cluster: UInt64?) {
            (self.member, self.cluster) = (member, cluster)
        }
    }

    /// Peers of which it is known what they were told. Beyond it all are forgotten, and some are told of again.
    package static let knownMax = 64
    /// More than a cluster has members.
    package static let linesPerMinute = 16

    private var known: [Peer: String] = [:]
    private var minuteEnd = NIODeadline.uptimeNanoseconds(0)
    private var lines = 0
    private var heldBack = 0

    package init() {}

    /// - Parameter reason: what the peer is told.
    /// - Returns: how many lines were held back since the last one, if a line is to be written; nil: none is.
    package mutating func admit(_ peer: Peer, _ reason: String, at now: NIODeadline) -> Int? {
        guard known[peer] != reason else { return nil }
        if now >= minuteEnd { (minuteEnd, lines) = (now + .minutes(1), 0) }
        guard lines < Self.linesPerMinute else {
            heldBack += 1
            return nil
        }
        lines += 1
        if known.count >= Self.knownMax { known = [:] }
        known[peer] = reason
        defer { heldBack = 0 }
        return heldBack
    }
}
