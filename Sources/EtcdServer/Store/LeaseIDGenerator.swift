// SPDX-License-Identifier: Apache-2.0

/// Positive lease ids that rise, on each member among its own, also over a restart.
///
/// From the top: 15 bits of the member's id, then a 48-bit number that starts at the milliseconds of the wall clock
/// times 256 and grows by one an id. So a later start begins above all earlier ids as long as less than 256 a
/// millisecond were given. Source: etcd's id generator.
struct LeaseIDGenerator {
    private static let sequenceBits: Int64 = 48
    private static let sequenceMask: Int64 = 1 << sequenceBits - 1

    private let memberPart: Int64
    private var sequence: Int64

    init(memberID: UInt64, wallClockMilliseconds: Int64) {
        memberPart = Int64(memberID & 0x7fff) << Self.sequenceBits
        sequence = wallClockMilliseconds << 8 & Self.sequenceMask
    }

    /// Never zero: the sequence isn't.
    mutating func next() -> Int64 {
        sequence = (sequence + 1) & Self.sequenceMask
        if sequence == 0 { sequence = 1 }
        return memberPart | sequence
    }
}
