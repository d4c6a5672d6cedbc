// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletDNSCodec
import Testing

@Suite struct DNSNameTests {
    @Test func namesCompareWithoutCase() {
        #expect(DNSName("A.b.C.") == DNSName("a.B.c"))
        #expect(DNSName("A.b").hashed == DNSName("a.B").hashed)
        #expect(DNSName("a.b") != DNSName("ab"))
        #expect(DNSName("x.a.b").prefix(before: DNSName("A.B"))?.text == "x")
        #expect(DNSName("b").prefix(before: DNSName("a.b")) == nil)
        #expect(DNSName("").isValid)
        #expect(!DNSName(String(repeating: "a", count: 64)).isValid)
        #expect(DNSName(String(repeating: "a.", count: 127)).isValid)
        #expect(!DNSName(String(repeating: "a.", count: 128)).isValid)
    }
}

extension DNSName {
    fileprivate var hashed: Int {
        var hasher = Hasher()
        self.hash(into: &hasher)
        return hasher.finalize()
    }
}

@Suite struct DNSMessageTests {
    static let message: DNSMessage = {
        var message = DNSMessage()
        message.id = 0x1234
        message.flags.isResponse = true
        message.flags.wantsRecursion = true
        message.questions = [DNSQuestion(DNSName("_a._tcp.local"), .srv, wantsUnicast: true)]
        message.answers = [
            DNSRecord(
                DNSName("_a._tcp.local"), ttlSeconds: 70_000,
                .srv(priority: 1, weight: 2, port: 65_535, target: DNSName("h.local"))),
            DNSRecord(DNSName("p"), ttlSeconds: 1, flushesCache: true, .ptr(DNSName("q.r"))),
        ]
        message.authorities = [DNSRecord(DNSName("c"), ttlSeconds: 0, .cname(DNSName("")))]
        message.additionals = [
            DNSRecord(DNSName("h.local"), ttlSeconds: 5, .a([127, 0, 0, 1])),
            DNSRecord(DNSName("h.local"), ttlSeconds: 5, .aaaa(Array(0..<16))),
            DNSRecord(DNSName("t"), ttlSeconds: 5, .txt([[1, 2], [], Array(repeating: 7, count: 255)])),
            DNSRecord(DNSName(""), ttlSeconds: 0, .other(.opt, [])),
        ]
        return message
    }()

    @Test func whatIsWrittenReadsBack() throws {
        let bytes = try #require(Self.message.encoded())
        #expect(try DNSMessage(bytes) == Self.message)
        #expect(Array(bytes.prefix(12)) == [0x12, 0x34, 0x81, 0, 0, 1, 0, 2, 0, 1, 0, 4])
    }

    @Test func whatCanNotBeWrittenIsNot() {
        var message = DNSMessage()
        message.questions = [DNSQuestion(DNSName(String(repeating: "a", count: 64)), .a)]
        #expect(message.encoded() == nil)
        message.questions = []
        message.answers = [DNSRecord(DNSName("a"), ttlSeconds: 1, .txt([Array(repeating: 0, count: 256)]))]
        #expect(message.encoded() == nil)
        message.answers = [DNSRecord(DNSName("a"), ttlSeconds: 1, .a([1, 2, 3]))]
        #expect(message.encoded() == nil)
    }

    /// An answer as real servers write it, names compressed.
    @Test func compressedNamesAreRead() throws {
        let bytes: [UInt8] =
            [0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
            + [1, 0x61, 2, 0x62, 0x63, 0, 0, 33, 0, 1]
            + [0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, 10, 0, 0, 0, 5, 0, 80, 1, 0x68, 0xC0, 14]
        let message = try DNSMessage(bytes)
        #expect(message.questions == [DNSQuestion(DNSName("a.bc"), .srv)])
        #expect(
            message.answers == [
                DNSRecord(
                    DNSName("a.bc"), ttlSeconds: 60,
                    .srv(priority: 0, weight: 5, port: 80, target: DNSName("h.bc")))
            ])
    }

    @Test(
        arguments: [
            // A name that points at itself, forward, and at a name that points back to it.
            [0xC0, 12, 0, 1, 0, 1], [0xC0, 14, 0xC0, 12, 0, 1, 0, 1], [1, 0x61, 0xC0, 12, 0, 1, 0, 1],
            // Cut off in a label, in a pointer, behind a name; a label of an unknown kind.
            [5, 0x61], [0xC0], [1, 0x61, 0], [0x80, 0x61, 0, 0, 1, 0, 1],
        ] as [[UInt8]]) func malformedNamesAreRefused(_ question: [UInt8])
    {
        #expect(throws: DNSMalformed.self) { try DNSMessage([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + question) }
    }

    @Test func claimedCountsAndLengthsAreChecked() {
        #expect(throws: DNSMalformed.self) {
            try DNSMessage([0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        }
        #expect(throws: DNSMalformed.self) {
            try DNSMessage([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0] + [0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 3, 5, 1, 2])
        }
        #expect(throws: DNSMalformed.self) { try DNSMessage([]) }
    }

    /// Anything may come: what reads is written and read again as the same.
    @Test func damagedMessagesNeverTrap() throws {
        let seed =
            ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) }
            ?? .random(in: 0...UInt64.max)
        print("MARTLET_SEED=\(seed)")
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(truncatingIfNeeded: state >> 33) % bound
        }
        let good = try #require(Self.message.encoded())
        var read = 0
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...next(4) {
                switch next(4) {
                case 0: bytes[next(bytes.count)] = UInt8(next(256))
                case 1: bytes = Array(bytes.prefix(max(1, next(bytes.count + 1))))
                case 2: bytes[next(bytes.count)] = 0xC0
                default: bytes.insert(UInt8(next(256)), at: next(bytes.count))
                }
            }
            guard let message = try? DNSMessage(bytes) else { continue }
            read += 1
            if let again = message.encoded() { #expect(try DNSMessage(again) == message) }
        }
        #expect(read > 100)
    }
}
