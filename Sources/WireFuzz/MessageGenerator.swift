// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletGRPCWire

/// Makes input for the parsers, most of it nearly right.
enum MessageGenerator {
    /// gRPC messages behind each other; some with a wrong flag, a wrong length or compressed.
    static func messages(_ random: inout SeededRandom) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<(random.next() % 4) {
            var message = self.bytes(&random, upTo: [0, 8, 300, 3_000][Int(random.next() % 4)])
            var flag: UInt8 = 0
            if random.next() % 8 == 0 {
                flag = 1
                if random.next() % 4 != 0 { message = Gzip.compress(message) }
            }
            if random.next() % 30 == 0 { flag = UInt8(truncatingIfNeeded: random.next()) }
            var length = UInt32(message.count)
            if random.next() % 20 == 0 { length = UInt32(truncatingIfNeeded: random.next() >> (random.next() % 64)) }
            bytes += [
                flag, UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255),
            ]
            bytes += message
        }
        return bytes
    }

    /// A gzip member; a few expand beyond every limit.
    static func gzip(_ random: inout SeededRandom) -> [UInt8] {
        switch random.next() % 16 {
        case 0: self.bytes(&random, upTo: 100)
        case 1: self.bomb
        default: Gzip.compress(self.bytes(&random, upTo: 400))
        }
    }

    private static let bomb = Gzip.compress([UInt8](repeating: 0, count: 1 << 20))

    static func text(_ target: FuzzTarget, _ random: inout SeededRandom) -> [UInt8] {
        let alphabet: [UInt8] =
            switch target {
            case .percent: Array("%%%%0123456789abcdefABCDEFxyz ~\u{7f}ä🐦".utf8)
            case .base64: Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_==,".utf8)
            case .timeout: Array("00123456789999HMSmunx".utf8)
            default: Array("application/grpcAPPLICATION+proto;json ".utf8)
            }
        var bytes = target == .contentType && random.next() % 2 == 0 ? Array("application/grpc".utf8) : []
        for _ in 0..<(random.next() % 24) { bytes.append(alphabet[Int(random.next() % UInt64(alphabet.count))]) }
        return bytes
    }

    private static func bytes(_ random: inout SeededRandom, upTo limit: Int) -> [UInt8] {
        let count = Int(random.next() % UInt64(limit + 1))
        let isPlain = random.next() % 2 == 0
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: count)
        if !isPlain { for index in 0..<min(count, 64) { bytes[index] = UInt8(truncatingIfNeeded: random.next()) } }
        return bytes
    }
}
