// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded
import MartletEtcdClient
import Testing

/// What a server answers to a transaction is read by hand: whatever comes is read or refused.
@Suite struct TransactionResponseTests {
    private static func varint(_ number: UInt64) -> [UInt8] {
        var (bytes, rest): ([UInt8], UInt64) = ([], number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private static func message(_ field: UInt64, _ content: [UInt8]) -> [UInt8] {
        varint(field << 3 | 2) + varint(UInt64(content.count)) + content
    }

    private static func number(_ field: UInt64, _ number: UInt64) -> [UInt8] {
        varint(field << 3) + varint(number)
    }

    /// A header, success and one response of each kind that is read by hand; the last two hold another header.
    private static let fields: [[UInt8]] = {
        let header = message(1, number(3, 300))
        return [
            header, number(2, 1), message(3, message(5, number(1, 1_790_000_000_000) + number(2, 7))),
            message(3, number(6, 4)), message(3, message(2, header)), message(3, message(4, header + number(2, 0))),
        ]
    }()

    private static let whole = fields.flatMap { $0 }

    /// Transactions inside each other, so many in all.
    private static func nested(_ depth: Int) -> [UInt8] {
        var bytes = number(2, 1)
        for _ in 1..<depth { bytes = message(3, message(4, bytes)) }
        return bytes
    }

    @Test func readsWhatServersSend() throws {
        let result = try StoreTransactionResult(decoding: Self.whole)
        #expect(result.revision == 300 && result.succeeded)
        let empty = try StoreTransactionResult(decoding: [])
        #expect(empty.revision == 0 && !empty.succeeded)
        // Fields that nobody knows, of each form.
        let before = Self.join(
            Self.number(900, 1), Self.message(901, [1]), Self.varint(902 << 3 | 1), Self.repeated(0, 8))
        let behind = Self.join(Self.varint(903 << 3 | 5), Self.repeated(0, 4))
        let longer = try StoreTransactionResult(decoding: before + Self.whole + behind)
        #expect(longer.revision == 300 && longer.succeeded)
    }

    /// Only between its fields may it end.
    @Test func refusesWhatIsCutOff() {
        var ends: Set<Int> = [0]
        for field in Self.fields { ends.insert(ends.max()! + field.count) }
        for end in 0...Self.whole.count {
            let bytes = Array(Self.whole[..<end])
            #expect(isRead(bytes) == ends.contains(end), "\(end)")
        }
    }

    private func isRead(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try StoreTransactionResult(decoding: bytes)
            return true
        } catch {
            #expect(error.code == .other && error.message == "malformed response of a transaction")
            return false
        }
    }

    private static let wrongTypes: [[UInt8]] = [
        number(1, 1), message(2, [1]), number(3, 1), message(1, message(3, [1])), message(3, number(2, 1)),
        message(3, number(4, 1)), message(3, message(6, [1])), message(3, message(5, message(1, [1]))),
        [1 << 3 | 5, 0, 0, 0, 0], [2 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0],
        // Responses that a decoder of messages reads, and that it refuses.
        message(3, message(1, [0x0A])), message(3, message(3, [0x0A, 0xFF])),
        message(3, message(2, message(2, [0x0A]))),
        // No field, groups, and forms that there are not.
        [0, 0], [2], [1 << 3 | 3], [1 << 3 | 4], [1 << 3 | 6], [1 << 3 | 7],
    ]

    /// By one byte, and by as many as can be said; numbers of more than 64 bits.
    private static let tooLong: [[UInt8]] = [
        [0x0A, 1], join([0x0A], varint(1 << 31)), join([0x0A], varint(.max >> 1)), join([0x0A], varint(.max)),
        join([0x0A], repeated(0xFF, 10)), join([0x10], repeated(0xFF, 11)), join([0x10], repeated(0x80, 30)),
        join(varint(901 << 3 | 1), [0]), join(varint(901 << 3 | 5), [0, 0, 0]),
    ]

    /// Fields that reach out of their message into the next; messages that are too deep.
    private static let outside: [[UInt8]] = [
        join(message(1, [0x18]), [0x10, 1]), join(message(1, [0x18, 0x80]), [0x10, 1]),
        join(message(3, [0x2A, 3]), [0x10, 1, 0x10, 1]), join(message(1, [0x21]), repeated(0x10, 8)),
        nested(151), nested(2000),
    ]

    private static func join(_ parts: [UInt8]...) -> [UInt8] { parts.flatMap { $0 } }

    private static func repeated(_ byte: UInt8, _ count: Int) -> [UInt8] { [UInt8](repeating: byte, count: count) }

    static let malformed: [[UInt8]] = wrongTypes + tooLong + outside

    @Test(arguments: malformed) func refuses(bytes: [UInt8]) {
        #expect(!isRead(bytes))
        #expect(!isRead(Self.whole + bytes))
    }

    @Test func readsWhatIsAsDeepAsServersTakeIt() {
        #expect(isRead(Self.nested(150)))
    }

    /// Whatever one byte becomes, nothing traps.
    @Test func bearsDamage() {
        var refused = 0
        for place in Self.whole.indices {
            for value in UInt8.min...UInt8.max {
                var bytes = Self.whole
                bytes[place] = value
                if !isRead(bytes) { refused += 1 }
            }
        }
        #expect(refused > Self.whole.count * 16)
    }
}
