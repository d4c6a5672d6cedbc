// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletRaft

/// The first message of each stream between members: who speaks to whom.
///
/// Four numbers, each as a `Varint`: format version, cluster, sender, receiver.
package struct PeerHello: Hashable, Sendable {
    package var version = PeerFormat.version
    package var cluster: UInt64
    package var from: MemberID
    package var to: MemberID

    package init(cluster: UInt64, from: MemberID, to: MemberID) {
        self.cluster = cluster
        self.from = from
        self.to = to
    }

    package func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        for number in [version, cluster, from.rawValue, to.rawValue] { Varint.append(number, to: &bytes) }
        return bytes
    }

    /// A later version may say more behind the first number, so of another version only that is read.
    package init(_ bytes: [UInt8]) throws(PeerFormatError) {
        var offset = 0
        var numbers: [UInt64] = []
        while numbers.count < 4, let number = Varint.read(bytes.span.bytes, at: &offset) {
            numbers.append(number)
            if numbers.count == 1, number != PeerFormat.version {
                numbers += [0, 0, 0]
                offset = bytes.count
            }
        }
        guard numbers.count == 4, offset == bytes.count else { throw PeerFormatError("a greeting that can't be read") }
        version = numbers[0]
        cluster = numbers[1]
        from = MemberID(numbers[2])
        to = MemberID(numbers[3])
    }
}
