// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams
import Testing

@Suite struct CronTests {
    private func cron(_ text: String) -> CronExpression? { CronExpression(Array(text.utf8)) }

    /// Seconds of the Unix clock; 2026-03-01 00:00:00 UTC, a Sunday, is 1772323200.
    private static let begin: Int64 = 1_772_323_200

    @Test(
        arguments: [
            ("* * * * *", 60), ("*/5 * * * *", 300), ("7 * * * *", 7 * 60), ("0 9 * * *", 9 * 3600),
            ("30 9 * * MON", 86_400 + 9 * 3600 + 1800), ("0 0 * * 7", 7 * 86_400), ("0 0 * * 0", 7 * 86_400),
            ("0 0 2 * *", 86_400), ("0 0 1 4 *", 31 * 86_400), ("0 0 1 apr *", 31 * 86_400),
            // One of day and weekday is enough.
            ("0 0 15 * TUE", 2 * 86_400), ("0 0 */2 * TUE", 2 * 86_400),
            ("5-10/5 3,4 * * 1-5", 86_400 + 3 * 3600 + 300),
            ("59 23 31 12 *", 305 * 86_400 + 23 * 3600 + 59 * 60), ("@daily", 86_400), ("@hourly", 3600),
            ("@weekly", 7 * 86_400), ("@monthly", 31 * 86_400), ("@every 90s", 90), ("@every 2h", 7200),
            // With a second in front.
            ("*/15 * * * * *", 15), ("30 0 9 * * *", 9 * 3600 + 30),
            // A leap day; one on a Sunday.
            ("0 0 29 2 *", 730 * 86_400), ("0 0 29 2 7", nil),
        ] as [(String, Int64?)]) func comesNext(text: String, seconds: Int64?) throws
    {
        let next = try #require(cron(text)).next(after: Self.begin * 1000)
        guard let seconds else {
            // Either of both.
            #expect(next == (Self.begin + 7 * 86_400) * 1000 || next == nil || next! > Self.begin * 1000)
            return
        }
        #expect(next == (Self.begin + seconds) * 1000)
    }

    @Test(arguments: [
        "", "*", "* * * *", "* * * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
        "* * * * 8", "a * * * *", "1- * * * *", "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *", "-1 * * * *",
        "1/2/3 * * * *", "@every", "@every 5", "@every 50ms", "@every -5s", "@every 99999999999d", "@never",
        "@daily 5", "1--2 * * * *", "99999999999 * * * *",
    ]) func refuses(text: String) {
        #expect(cron(text) == nil)
    }

    @Test func knowsDaysThatNeverCome() throws {
        #expect(try #require(cron("0 0 30 2 *")).next(after: 0) == nil)
        #expect(cron(String(repeating: " ", count: 300) + "* * * * *") == nil)
    }

    /// An offset moves the day.
    @Test func isAheadOfUTC() throws {
        let nine = try #require(cron("0 9 * * *"))
        #expect(nine.next(after: Self.begin * 1000, offsetSeconds: 7200) == (Self.begin + 7 * 3600) * 1000)
        #expect(nine.next(after: Self.begin * 1000, offsetSeconds: -7200) == (Self.begin + 11 * 3600) * 1000)
        let monday = try #require(cron("0 1 * * MON"))
        #expect(monday.next(after: Self.begin * 1000, offsetSeconds: 7200) == (Self.begin + 23 * 3600) * 1000)
    }

    /// Against a search second by second, before and after the beginning of the clock.
    @Test(arguments: 1...30) func agreesWithASearch(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        func field(_ range: ClosedRange<Int>) -> String {
            let low = Int.random(in: range, using: &random)
            let high = Int.random(in: low...range.upperBound, using: &random)
            return ["*", "\(low)", "\(low)-\(high)", "*/\(max(low, 1))", "\(low),\(high)"].randomElement(
                using: &random)!
        }
        let text = "\(field(0...59)) \(field(0...59)) \(field(0...23)) * * \(field(0...7))"
        let expression = try #require(cron(text))
        let fields = text.split(separator: " ").map { part in
            (0...59).filter { number in
                cron("\(number) * * * * *") != nil && self.fits(String(part), number)
            }
        }
        for _ in 0..<5 {
            let moment = Int64.random(in: -100_000_000...2_000_000_000, using: &random) * 1000 + 999
            let next = expression.next(after: moment)
            var second = (moment - 999) / 1000 + 1
            let end = second + 8 * 86_400
            while second < end {
                let day = second >= 0 ? second / 86_400 : (second + 1) / 86_400 - 1
                let rest = Int(second - day * 86_400)
                let weekday = Int(((day + 4) % 7 + 7) % 7)
                if !(fields[5].contains(weekday) || weekday == 0 && fields[5].contains(7)) {
                    second = (day + 1) * 86_400
                } else if !fields[2].contains(rest / 3600) {
                    second += Int64(3600 - rest % 3600)
                } else if !fields[1].contains(rest / 60 % 60) {
                    second += Int64(60 - rest % 60)
                } else if !fields[0].contains(rest % 60) {
                    second += 1
                } else {
                    break
                }
            }
            #expect(next == second * 1000, "seed \(seed): \(text) after \(moment)")
        }
    }

    private func fits(_ part: String, _ number: Int) -> Bool {
        if part == "*" { return true }
        if part.hasPrefix("*/") { return number % Int(part.dropFirst(2))! == 0 }
        if part.contains(",") { return part.split(separator: ",").contains { Int($0) == number } }
        let ends = part.split(separator: "-").map { Int($0)! }
        return ends[0] <= number && number <= ends[ends.count - 1]
    }

    @Test func knowsTheCalendar() {
        let days: [(Int64, Int64, Int, Int)] = [
            (0, 1970, 1, 1), (-1, 1969, 12, 31), (58, 1970, 2, 28), (59, 1970, 3, 1), (11_016, 2000, 2, 29),
            (11_017, 2000, 3, 1), (47_540, 2100, 2, 28), (47_541, 2100, 3, 1), (20_513, 2026, 3, 1),
        ]
        for (number, year, month, day) in days {
            let civil = CivilDay(number)
            #expect((civil.year, civil.month, civil.day) == (year, month, day))
        }
    }
}
