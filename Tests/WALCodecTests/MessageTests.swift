// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletWALCodec
import Testing

@Suite struct MessageTests {
    private func entry(_ hex: String) -> WALEntry? {
        let bytes = bytes(hex: hex)
        return WALEntry(bytes, 0..<bytes.count)
    }

    private func hardState(_ hex: String) -> WALHardState? {
        let bytes = bytes(hex: hex)
        return WALHardState(bytes, 0..<bytes.count)
    }

    private func snapshot(_ hex: String) -> WALSnapshot? {
        let bytes = bytes(hex: hex)
        return WALSnapshot(bytes, 0..<bytes.count)
    }

    @Test func entries() {
        let large = WALEntry(index: LogIndex(.max), term: Term(.max), kind: .configurationChangeV2, data: [0])
        let coded = encoded { $0.append(entry: large.index, large.term, large.kind, large.data.span.bytes) }
        #expect(coded == bytes(hex: "0802 10ffffffffffffffffff01 18ffffffffffffffffff01 220100"))
        #expect(WALEntry(coded, 0..<coded.count) == large)
        #expect(entry("08001001180122 00")?.data == [])
    }

    @Test(
        "is no entry",
        arguments: [
            "", "0800", "08001001", "08001801", "10011801", "080010011800", "080010001801", "080310011801",
            "080110011801", "080210011801",
            "0800100118012205", "08001001180122020001ff", "0800100118012801", "0800100118010d00000000",
            "0a0010011801", "0800100118ffffffffffffffffff02", "0800100118ffffffffffffffffffff01", "08001001188180",
            "08001001180122ffffffffffffffffff01",
        ])
    func noEntry(_ hex: String) {
        #expect(entry(hex) == nil)
    }

    @Test func hardStates() {
        #expect(encoded { $0.append(state(1)) } == bytes(hex: "080110001800"))
        #expect(hardState("080110001800") == state(1))
        for hex in ["", "080010011805", "08011000", "0801100018002001", "0801100018002200", "080110000a00"] {
            #expect(hardState(hex) == nil, "\(hex)")
        }
    }

    @Test func snapshots() {
        var membership = WALSnapshot.Membership()
        membership.voters = [1, 300]
        membership.learners = [2]
        membership.outgoingVoters = [3]
        membership.nextLearners = [4]
        membership.leavesByItself = true
        let full = WALSnapshot(index: LogIndex(5), term: Term(2), membership: membership)
        let coded = encoded { $0.append(full) }
        #expect(coded == bytes(hex: "0805 1002 1a0d 080108ac02 1002 1803 2004 2801"))
        #expect(snapshot("0805 1002 1a0d 080108ac02 1002 1803 2004 2801") == full)
        #expect(snapshot("0805 1002 1a0d 0a0301ac02 1002 1803 2004 2801") == full)
        #expect(snapshot("08001000") == WALSnapshot(index: LogIndex(0), term: Term(0)))
        for hex in [
            "", "0805", "080010021805", "08051002 2001", "08051002 1a023001", "08051002 1a030a0281", "08001001",
        ] {
            #expect(snapshot(hex) == nil, "\(hex)")
        }
    }

    @Test func metadata() {
        let metadata = WALMetadata(memberID: 1, clusterID: .max)
        #expect(metadata.encoded == bytes(hex: "080110ffffffffffffffffff01"))
        #expect(WALMetadata(metadata.encoded) == metadata)
        #expect(WALMetadata([8, 1]) == nil)
        #expect(WALMetadata([0xFF]) == nil)
    }

    @Test func anyBytesAreReadWithoutATrap() {
        var random = SeededRandom(seed: testSeed("MessageTests"))
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...0x30, using: &random) : UInt8.random(in: 0...255, using: &random)
            }
            let range = 0..<bytes.count
            if let entry = WALEntry(bytes, range) { #expect(entry.term > Term(0) && entry.index > LogIndex(0)) }
            if let state = WALHardState(bytes, range) { #expect(state.term > Term(0)) }
            if let snapshot = WALSnapshot(bytes, range) {
                #expect((snapshot.index == LogIndex(0)) == (snapshot.term == Term(0)))
            }
        }
    }
}
