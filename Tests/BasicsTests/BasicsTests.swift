// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import Testing

@Suite struct RevisionTests {
    @Test func ordersByMainThenSub() {
        #expect(Revision(main: 2, sub: 9) < Revision(main: 3))
        #expect(Revision(main: 3, sub: 1) > Revision(main: 3))
        #expect(Revision(main: 3) == Revision(main: 3, sub: 0))
        #expect(Revision.zero < Revision(main: 0, sub: 1))
        #expect(Revision(main: 4, sub: 2).description == "{4,2}")
    }
}

@Suite struct SeededRandomTests {
    /// The first numbers of the published SplitMix64 for two seeds.
    @Test func matchesThePublishedSequence() {
        var zero = SeededRandom(seed: 0)
        #expect(zero.next() == 0xE220_A839_7B1D_CDAF)
        #expect(zero.next() == 0x6E78_9E6A_A1B9_65F4)
        var other = SeededRandom(seed: 1_234_567)
        #expect(other.next() == 6_457_827_717_110_365_317)
        #expect(other.next() == 3_203_168_211_198_807_973)
    }

    @Test func splitsIntoIndependentSequences() {
        var one = SeededRandom(seed: 7)
        var two = SeededRandom(seed: 7)
        var child = one.split()
        var same = two.split()
        _ = one.next()
        #expect(child.next() == same.next())
        #expect(one.next() != two.next())
    }
}

@Suite struct KeyPrefixTests {
    @Test(
        arguments: [
            ([], nil), ([0], [1]), ([1, 2], [1, 3]), ([1, 255], [2]), ([1, 255, 255], [2]), ([255, 1], [255, 2]),
            ([255, 255], nil),
        ] as [([UInt8], [UInt8]?)])
    func end(prefix: [UInt8], end: [UInt8]?) {
        #expect(KeyPrefix.end(of: prefix) == end)
    }
}

@Suite struct ProtobufWriterTests {
    /// A message written in place is the one that is written from a buffer of its own, whatever its length takes.
    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384]) func writesMessagesInPlace(byteCount: Int) {
        let content = [UInt8](repeating: 7, count: byteCount)
        var (inPlace, copied): ([UInt8], [UInt8]) = ([1, 2], [1, 2])
        inPlace.append(choice: 3) { bytes in bytes.append(choice: 20) { $0 += content } }
        var inner: [UInt8] = []
        inner.append(choice: 20, bytes: content)
        copied.append(choice: 3, bytes: inner)
        #expect(inPlace == copied)
    }
}

@Suite struct RawSpanTests {
    /// Words of eight bytes, and what is left of them.
    @Test func comparesAllBytes() {
        func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool { one.span.bytes.isSame(as: other.span.bytes) }
        for count in 0...25 {
            let one = (0..<count).map { UInt8($0) }
            #expect(isSame(one, one.map { $0 }))
            for place in 0..<count {
                var other = one
                other[place] ^= 0x80
                #expect(!isSame(one, other), "\(place) of \(count)")
            }
            let longer = one + [0]
            #expect(!isSame(one, longer) && !isSame(longer, one))
        }
    }

    @Test func copiesFromAnOffsetOn() {
        let bytes = (0..<20).map { UInt8($0) }
        for offset in 0...20 {
            let copy = [UInt8](copying: bytes.span.bytes, from: offset)
            #expect(copy == Array(bytes[offset...]))
        }
    }
}
