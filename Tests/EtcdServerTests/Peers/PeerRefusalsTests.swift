// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
import NIOCore
import Testing

/// Of which refused peers the log is told.
@Suite struct PeerRefusalsTests {
    private static let start = NIODeadline.uptimeNanoseconds(5_000_000_000)

    @Test func onceForEachReason() {
        var refusals = PeerRefusals()
        let peer = PeerRefusals.Peer(member: 7, cluster: 1)
        var told: [Int?] = []
        for (reason, seconds) in [("removed", 0), ("removed", 1), ("removed", 7_200), ("mismatch", 7_201)] {
            told.append(refusals.admit(peer, reason, at: Self.start + .seconds(Int64(seconds))))
        }
        told.append(refusals.admit(PeerRefusals.Peer(member: nil, cluster: nil), "mismatch", at: Self.start))
        #expect(told == [0, nil, nil, 0, 0])
    }

    /// Strangers that never say twice who they are get a few lines, and the next minute's first says how many had none.
    @Test func linesAreFew() {
        var refusals = PeerRefusals()
        var lines = 0
        for number in 0..<100_000 {
            let peer = PeerRefusals.Peer(member: UInt64(number), cluster: 2)
            if refusals.admit(peer, "mismatch", at: Self.start) != nil { lines += 1 }
        }
        #expect(lines == PeerRefusals.linesPerMinute)
        // One that had none is told of as soon as there is room.
        let late = PeerRefusals.Peer(member: 99_999, cluster: 2)
        let early = refusals.admit(late, "mismatch", at: Self.start + .seconds(59))
        #expect(early == nil)
        let next = refusals.admit(late, "mismatch", at: Self.start + .minutes(1))
        #expect(next == 100_001 - PeerRefusals.linesPerMinute)
        let again = refusals.admit(late, "mismatch", at: Self.start + .minutes(9))
        #expect(again == nil)
    }

    /// What is remembered of peers has an end: then some are told of again.
    @Test func fewAreRemembered() {
        var refusals = PeerRefusals()
        var lines = 0
        for minute in 0..<10 {
            for number in 0..<PeerRefusals.linesPerMinute {
                let peer = PeerRefusals.Peer(member: UInt64(minute * 100 + number), cluster: 2)
                let moment = Self.start + .minutes(Int64(minute))
                if refusals.admit(peer, "mismatch", at: moment) != nil { lines += 1 }
            }
        }
        #expect(lines == 10 * PeerRefusals.linesPerMinute)
        let first = refusals.admit(PeerRefusals.Peer(member: 0, cluster: 2), "mismatch", at: Self.start + .hours(1))
        #expect(first == 0)
    }
}
