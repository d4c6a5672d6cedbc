// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletWALCodec
import Testing

/// A log as writes leave it, some larger than sectors and one with sectors of zeroes inside.
private func image(closed: Bool) -> SegmentImage {
    var image = SegmentImage()
    image.write([entry(1), entry(2, [])], state(1, vote: 1, commit: 0))
    image.write([entry(3, [UInt8](repeating: 7, count: 700))], state(1, vote: 1, commit: 2))
    image.write([entry(4, [UInt8](repeating: 0, count: 1300)), entry(5)], state(1, vote: 1, commit: 3))
    image.write([entry(6, term: 2, Array("six".utf8))], state(2, vote: 0x8000_0000_0000_0001, commit: 5))
    image.write(
        (7...12).map { entry($0, term: 2, [UInt8](repeating: UInt8($0), count: 90)) },
        state(2, vote: 0x8000_0000_0000_0001, commit: 6))
    if closed { image.close() }
    return image
}

@Suite struct DamageTests {
    @Test func aWholeLogIsWhole() {
        let image = image(closed: true)
        #expect(Outcome(image.bytes) == .whole(image.entries))
        #expect(Outcome(image.padded(to: 8192)) == .whole(image.entries))
        #expect(Outcome(image.padded(to: 8192), isLast: false) == .whole(image.entries))
        #expect(image.entries.count == 12)
    }

    /// A file that is cut anywhere gives the records that are whole.
    @Test func cutAtEachByte() {
        let image = image(closed: false)
        for size in 0..<image.bytes.count {
            let outcome = Outcome(Array(image.bytes[..<size]))
            guard size >= image.ends[1].offset else {
                #expect(outcome == .refused(.header), "\(size)")
                continue
            }
            let whole = image.ends.last { $0.offset <= size } ?? (0, 0)
            let left = Array(image.entries[..<whole.entries])
            // Up to seven zeroes of the next length word's place are no word yet.
            let isRest = image.bytes[whole.offset..<size].allSatisfy { $0 == 0 }
            #expect(outcome == (isRest ? .whole(left) : .torn(left, at: whole.offset)), "\(size)")
        }
    }

    /// A file with zeroes from any sector on gives the records in front of it.
    @Test func zeroFromEachSector() {
        let image = image(closed: false)
        for start in stride(from: 512, to: image.bytes.count, by: 512) {
            let bytes = Array(image.bytes[..<start]) + [UInt8](repeating: 0, count: 8192 - start)
            // A record that ends in zeroes may be whole without its last sectors.
            let whole = image.ends.last { bytes[..<$0.offset] == image.bytes[..<$0.offset] } ?? (0, 0)
            let left = Array(image.entries[..<whole.entries])
            let isRest = bytes[whole.offset...].allSatisfy { $0 == 0 }
            let expected: Outcome = isRest ? .whole(left) : .torn(left, at: whole.offset)
            #expect(Outcome(bytes) == expected, "\(start)")
        }
    }

    /// Zeroes from a byte inside a sector are what no disk leaves: refused, or the same as a torn write; never another
    /// entry than those written.
    @Test func zeroFromEachByte() {
        let image = image(closed: false)
        for start in image.headEnd..<image.bytes.count {
            let bytes = Array(image.bytes[..<start]) + [UInt8](repeating: 0, count: 8192 - start)
            switch Outcome(bytes) {
            case .whole(let entries), .torn(let entries, _): #expect(image.entries.starts(with: entries), "\(start)")
            case .refused: break
            }
        }
    }

    /// A write of which any sectors are missing gives records of that write's front, and all of the writes before.
    @Test func anySectorsOfTheLastWriteMissing() {
        var random = SeededRandom(seed: testSeed("DamageTests.anySectors"))
        var image = SegmentImage()
        image.write([entry(1)], state(1))
        for round in 0..<400 {
            var torn = image
            let first = UInt64(torn.entries.count) + 1
            let new = (first..<first + UInt64.random(in: 1...8, using: &random)).map { index in
                let size = Int.random(in: 0...1500, using: &random)
                return entry(index, [UInt8](repeating: Bool.random(using: &random) ? 0 : 5, count: size))
            }
            torn.write(new, state(1, commit: first - 1))
            var bytes = torn.padded(to: torn.bytes.count + 2048)
            let start = image.bytes.count
            for sector in start / 512...torn.bytes.count / 512 where Bool.random(using: &random) {
                for place in max(start, sector * 512)..<min((sector + 1) * 512, bytes.count) { bytes[place] = 0 }
            }
            // The file may not have grown yet either.
            if Bool.random(using: &random) {
                bytes.removeLast(bytes.count - Int.random(in: start...bytes.count, using: &random) / 512 * 512)
                if bytes.count < start { bytes = image.bytes }
            }
            switch Outcome(bytes) {
            case .whole(let entries), .torn(let entries, _):
                #expect(entries.count >= image.entries.count && torn.entries.starts(with: entries), "round \(round)")
            case .refused(let reason): Issue.record("round \(round) refused: \(reason)")
            }
            if image.bytes.count < 6000 { image = torn }
        }
    }

    /// Any change of any byte of a closed log is noticed, or changes nothing: all records are read as they were.
    @Test func eachByteOfAClosedLog() {
        let image = image(closed: true)
        var bytes = image.padded(to: 6144)
        var harmless: [Int] = []
        for place in 0..<image.bytes.count {
            for mask in Self.masks {
                bytes[place] ^= mask
                switch Outcome(bytes) {
                case .refused: break
                case .whole(let entries), .torn(let entries, _):
                    #expect(entries == image.entries, "byte \(place), mask \(mask)")
                    harmless.append(place)
                }
                bytes[place] ^= mask
            }
        }
        // Only the last barrier itself, behind all records.
        let last = image.ends[image.ends.count - 2].offset
        #expect(harmless.allSatisfy { $0 >= last }, "\(harmless)")
    }

    /// Without the last barrier the same holds for all writes but the last. In that one damage may be taken for a torn
    /// write only where it holds a sector's share of zeroes, as this one does not.
    @Test func eachByteOfALogThatWasNotClosed() {
        let image = image(closed: false)
        var bytes = image.padded(to: 6144)
        for place in 0..<image.bytes.count {
            for mask in Self.masks {
                bytes[place] ^= mask
                let outcome = Outcome(bytes)
                if case .refused = outcome {} else { Issue.record("byte \(place), mask \(mask): \(outcome)") }
                bytes[place] ^= mask
            }
        }
    }

    private static let masks: [UInt8] = [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xFF]

    /// A log that ends in a write with sectors of zeroes in it, damaged beside them, reads as torn: the one damage that
    /// can't be told, and the next barrier tells it.
    @Test func onlyALaterBarrierTellsDamageBesideZeroes() {
        var image = SegmentImage()
        image.write([entry(1, [UInt8](repeating: 0, count: 2000))], state(1))
        let place = image.writes[0] + 60
        func damaged() -> [UInt8] {
            var bytes = image.padded(to: 6144)
            bytes[place] ^= 1
            return bytes
        }
        #expect(Outcome(image.padded(to: 6144)) == .whole(image.entries))
        guard case .torn([], _) = Outcome(damaged()) else {
            Issue.record("\(Outcome(damaged()))")
            return
        }
        image.close()
        #expect(Outcome(damaged()) == .refused(.checksum))
    }

    @Test func damageInTheZeroesBehindTheLog() {
        let image = image(closed: true)
        for place in image.bytes.count..<6144 {
            var bytes = image.padded(to: 6144)
            bytes[place] = 0x40
            switch Outcome(bytes) {
            case .whole: Issue.record("not noticed at \(place)")
            case .torn(let entries, let offset):
                #expect(entries == image.entries && offset == image.bytes.count)
                #expect(place / 512 > image.bytes.count / 512)
            case .refused: #expect(place / 512 == image.bytes.count / 512)
            }
        }
    }

    @Test func onlyTheLastSegmentMayBeTorn() {
        let image = image(closed: false)
        let cut = Array(image.bytes[..<(image.bytes.count - 20)])
        #expect(Outcome(cut, isLast: false) == .refused(.malformed))
        var hole = image.padded(to: 8192)
        for place in 512..<1024 { hole[place] = 0 }
        #expect(Outcome(hole) == .refused(.checksum))
    }

    @Test func aCopyOfALogInsideAValueIsNoBarrier() {
        var inner = SegmentImage()
        for index in 1...5 as ClosedRange<UInt64> { inner.write([entry(index)], state(1)) }
        var image = SegmentImage()
        image.write([entry(1)], state(1))
        let kept = image.entries
        image.write([entry(2, [UInt8](repeating: 1, count: 600) + inner.bytes)])
        var bytes = image.padded(to: 6144)
        let start = image.writes[1]
        for place in start..<(start / 512 + 1) * 512 { bytes[place] = 0 }
        #expect(Outcome(bytes) == .torn(kept, at: start))
    }

    @Test func faultsAreNamed() {
        let image = image(closed: true)
        var long = image.padded(to: 8192)
        let last = image.bytes.count
        long[last + 5] = 1
        #expect(Outcome(long) == .refused(.tooLong))
        var encoder = WALEncoder()
        encoder.appendChain()
        encoder.append(.state, [8, 1, 16, 0, 24, 0].span.bytes)
        #expect(Outcome(encoder.bytes.array) == .refused(.header))
        #expect(Outcome([]) == .refused(.header))
        #expect(Outcome([UInt8](repeating: 0, count: 4096)) == .refused(.header))
        var chained = WALDecoder(firstSegment, bytes: image.bytes, chain: 5, isLast: true)
        #expect(throws: WALCorruption(segment: firstSegment, offset: 0, reason: .chain)) { try chained.next() }
        #expect(
            "\(WALCorruption(segment: firstSegment, offset: 16, reason: .checksum))"
                == "0000000000000000-0000000000000000.wal is damaged at byte 16: a record does not match its checksum")
    }

    @Test func anyBytesAreReadWithoutATrap() {
        var random = SeededRandom(seed: testSeed("DamageTests.anyBytes"))
        let image = image(closed: true)
        for _ in 0..<300 {
            var bytes = image.padded(to: 6144)
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let place = Int.random(in: 0..<image.bytes.count, using: &random)
                let end = min(place + Int.random(in: 1...40, using: &random), bytes.count)
                for target in place..<end { bytes[target] = UInt8.random(in: 0...255, using: &random) }
            }
            switch Outcome(bytes) {
            case .whole(let entries), .torn(let entries, _): #expect(image.entries.starts(with: entries))
            case .refused: break
            }
        }
    }
}
