// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletGRPCWire
import Testing

@Suite struct MessageAssemblerTests {
    static func frame(_ message: [UInt8], flag: UInt8 = 0) -> [UInt8] {
        let length = UInt32(message.count)
        return [flag, UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255)]
            + message
    }

    /// What an assembler makes of `pieces`.
    private func assemble(
        _ pieces: [[UInt8]], maximumBytes: Int = 1 << 20
    ) throws -> (messages: [[UInt8]], flags: [Bool], isInMessage: Bool) {
        var assembler = MessageAssembler(maximumBytes: maximumBytes)
        var messages: [[UInt8]] = []
        var flags: [Bool] = []
        for piece in pieces {
            try piece.withUnsafeBytes { bytes in
                var rest = bytes
                while let message = try assembler.next(&rest) {
                    messages.append(message.bytes)
                    flags.append(message.isCompressed)
                }
                #expect(rest.isEmpty, "what makes no message must be taken in whole")
            }
        }
        return (messages, flags, assembler.isInMessage)
    }

    static let messages: [[UInt8]] = [[], [1], [2, 3, 4], [], (0..<300).map { UInt8(truncatingIfNeeded: $0) }, []]

    @Test func everySplitInTwoAndThree() throws {
        let stream = Self.messages.enumerated().flatMap { Self.frame($1, flag: UInt8($0 % 2)) }
        for first in 0...stream.count {
            for second in stride(from: first, through: stream.count, by: first % 7 == 0 ? 1 : 41) {
                let pieces = [Array(stream[..<first]), Array(stream[first..<second]), Array(stream[second...])]
                let result = try self.assemble(pieces)
                #expect(result.messages == Self.messages)
                #expect(result.flags == [false, true, false, true, false, true])
                #expect(!result.isInMessage)
            }
        }
    }

    @Test func byteByByte() throws {
        let stream = Self.messages.flatMap { Self.frame($0) }
        #expect(try self.assemble(stream.map { [$0] }).messages == Self.messages)
    }

    @Test func randomSplits() throws {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let messages = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                [UInt8](repeating: .random(in: 0...255, using: &random), count: .random(in: 0...3_000, using: &random))
            }
            let stream = messages.flatMap { Self.frame($0) }
            var pieces: [[UInt8]] = []
            var start = 0
            while start < stream.count {
                let end = min(start + Int.random(in: 1...2_000, using: &random), stream.count)
                pieces.append(Array(stream[start..<end]))
                start = end
            }
            #expect(try self.assemble(pieces).messages == messages, "seed \(seed)")
        }
    }

    @Test func saysWhetherAMessageIsOpen() throws {
        #expect(try self.assemble([[0]]).isInMessage)
        #expect(try self.assemble([[0, 0, 0, 0, 1]]).isInMessage)
        #expect(try self.assemble([[]]).isInMessage == false)
    }

    @Test func limitIsExact() throws {
        let message = [UInt8](repeating: 1, count: 100)
        #expect(try self.assemble([Self.frame(message)], maximumBytes: 100).messages == [message])
        let error = #expect(throws: GRPCStatus.self) {
            try self.assemble([Self.frame(message)], maximumBytes: 99)
        }
        #expect(error?.code == .resourceExhausted)
        #expect(error?.message == "grpc: received message larger than max (100 vs. 99)")
    }

    /// A length that is only claimed is refused or waited for, never allocated.
    @Test func claimedLengths() throws {
        #expect(throws: GRPCStatus.self) { try self.assemble([[0, 0xff, 0xff, 0xff, 0xff]]) }
        let open = try self.assemble([[0, 0x7f, 0xff, 0xff, 0xff, 1]], maximumBytes: .max)
        #expect(open.messages.isEmpty && open.isInMessage)
    }

    @Test(arguments: [2, 3, 128, 255] as [UInt8]) func flagIsZeroOrOne(_ flag: UInt8) {
        let error = #expect(throws: GRPCStatus.self) { try self.assemble([Self.frame([1], flag: flag)]) }
        #expect(error?.code == .internalError)
        #expect(error?.message == "grpc: received unexpected payload format \(flag)")
    }
}

@Suite struct GzipTests {
    @Test(arguments: [0, 1, 255, 256, 100_000, 3_000_000]) func comesBack(_ count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7) }
        let packed = Gzip.compress(bytes)
        #expect(packed.prefix(2) == [0x1f, 0x8b])
        #expect(try Gzip.decompress(packed, maximumBytes: count) == bytes)
    }

    @Test func bombIsStatus8() {
        let bomb = Gzip.compress([UInt8](repeating: 0, count: 50 << 20))
        #expect(bomb.count < 100_000)
        let error = #expect(throws: GRPCStatus.self) { try Gzip.decompress(bomb, maximumBytes: 4 << 20) }
        #expect(error?.code == .resourceExhausted)
    }

    @Test func limitIsExact() throws {
        let packed = Gzip.compress([UInt8](repeating: 0, count: 1_000))
        #expect(try Gzip.decompress(packed, maximumBytes: 1_000).count == 1_000)
        #expect(throws: GRPCStatus.self) { try Gzip.decompress(packed, maximumBytes: 999) }
    }

    @Test func whatIsNoGzipIsStatus13() {
        let packed = Gzip.compress((0..<1_000).map { UInt8(truncatingIfNeeded: $0 &* $0) })
        var broken: [[UInt8]] = [[], [0x1f, 0x8b], bytes("no gzip at all")]
        broken += stride(from: 0, to: packed.count, by: 13).map { Array(packed[..<$0]) }
        var flipped = packed
        flipped[packed.count - 6] ^= 1
        broken.append(flipped)
        for input in broken {
            let error = #expect(throws: GRPCStatus.self) { try Gzip.decompress(input, maximumBytes: 1 << 20) }
            #expect(error?.code == .internalError)
        }
    }
}
