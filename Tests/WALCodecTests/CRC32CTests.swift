// SPDX-License-Identifier: Apache-2.0

import CMartletPosix
import MartletBasics
import MartletWALCodec
import Testing

@Suite struct CRC32CTests {
    // Source: RFC 3720 B.4 and the check value of the CRC catalogue.
    @Test func knownValues() {
        #expect(CRC32C.extend(0, Array("123456789".utf8).span.bytes) == 0xE306_9283)
        #expect(CRC32C.extend(0, [UInt8](repeating: 0, count: 32).span.bytes) == 0x8A91_36AA)
        #expect(CRC32C.extend(0, [UInt8](repeating: 0xFF, count: 32).span.bytes) == 0x62A8_AB43)
        #expect(CRC32C.extend(0, Array(0..<32 as Range<UInt8>).span.bytes) == 0x46DD_794E)
        #expect(CRC32C.extend(0, [UInt8]().span.bytes) == 0)
        #expect(CRC32C.extend(7, [UInt8]().span.bytes) == 7)
    }

    @Test func theInstructionAgreesWithTheTable() {
        print("CRC-32C by instruction: \(martlet_crc32c_has_instruction() == 1)")
        var random = SeededRandom(seed: testSeed("CRC32CTests"))
        let bytes = (0..<300).map { _ in UInt8.random(in: 0...255, using: &random) }
        for start in 0..<9 {
            for end in start...bytes.count {
                let part = Array(bytes[start..<end])
                let crc = UInt32.random(in: 0 ... .max, using: &random)
                #expect(martlet_crc32c(crc, part, part.count) == martlet_crc32c_by_table(crc, part, part.count))
            }
        }
    }

    @Test func continues() {
        let bytes = Array("a log is a long thing".utf8)
        let whole = CRC32C.extend(0, bytes.span.bytes)
        for place in 0...bytes.count {
            let first = CRC32C.extend(0, bytes.span.bytes.extracting(0..<place))
            #expect(CRC32C.extend(first, bytes.span.bytes.extracting(place..<bytes.count)) == whole)
        }
    }
}
