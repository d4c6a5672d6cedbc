// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletStreams
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Schedules of a place's clocks.
@Suite struct ZoneTests {
    private static let berlin = "CET-1CEST,M3.5.0,M10.5.0/3"
    private static let newYork = "EST5EDT,M3.2.0,M11.1.0"

    private func rules(_ yearly: String) throws -> ZoneRules {
        let zone = try #require(PosixZone(bytes(yearly)))
        return try #require(ZoneRules(initialOffset: 0, changes: [], yearly: zone))
    }

    /// Seconds of the Unix clock.
    private func utc(_ year: Int64, _ month: Int, _ day: Int, _ hour: Int64, _ minute: Int64 = 0) -> Int64 {
        CivilDay.number(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60
    }

    private func runs(_ schedule: String, _ rules: ZoneRules, after moment: Int64, _ count: Int) throws -> [Int64] {
        let cron = try #require(CronExpression(bytes(schedule)))
        var (moments, last): ([Int64], Int64) = ([], moment * 1000)
        for _ in 0..<count {
            last = try #require(cron.next(after: last, in: rules))
            moments.append(last / 1000)
        }
        return moments
    }

    @Test func knowsDays() {
        for number in stride(from: Int64(-800_000), through: 800_000, by: 37) {
            let day = CivilDay(number)
            #expect(CivilDay.number(year: day.year, month: day.month, day: day.day) == number)
        }
        #expect(CivilDay.weekday(0) == 4 && CivilDay.weekday(-1) == 3)
    }

    @Test(
        arguments: [
            (
                berlin,
                [
                    (2026, 3, 29, 0, 59, 3600), (2026, 3, 29, 1, 0, 7200), (2026, 10, 25, 0, 59, 7200),
                    (2026, 10, 25, 1, 0, 3600),
                ]
            ),
            (
                newYork,
                [
                    (2026, 3, 8, 6, 59, -18000), (2026, 3, 8, 7, 0, -14400), (2026, 11, 1, 5, 59, -14400),
                    (2026, 11, 1, 6, 0, -18000),
                ]
            ),
            // South of the equator; winter as the exception; a time before midnight; no summer; days of the year.
            (
                "AEST-10AEDT,M10.1.0,M4.1.0/3",
                [(2026, 1, 1, 0, 0, 39600), (2026, 7, 1, 0, 0, 36000), (2026, 12, 31, 23, 0, 39600)]
            ),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", [(2026, 1, 1, 0, 0, 0), (2026, 7, 1, 0, 0, 3600)]),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", [(2026, 3, 29, 0, 59, -7200), (2026, 3, 29, 1, 0, -3600)]),
            ("<+0545>-5:45", [(2026, 7, 1, 0, 0, 20700)]),
            ("AAA0BBB,J60/0,J300/0", [(2024, 2, 29, 23, 59, 0), (2024, 3, 1, 0, 0, 3600), (2026, 3, 1, 0, 0, 3600)]),
            ("AAA0BBB,59/0,299/0", [(2024, 2, 29, 0, 0, 3600), (2026, 2, 28, 23, 59, 0), (2026, 3, 1, 0, 0, 3600)]),
        ] as [(String, [(Int64, Int, Int, Int64, Int64, Int64)])])
    func offsetsAreThoseOfTheRule(text: String, moments: [(Int64, Int, Int, Int64, Int64, Int64)]) throws {
        let rules = try rules(text)
        for (year, month, day, hour, minute, offset) in moments {
            #expect(rules.offset(at: utc(year, month, day, hour, minute)) == offset, "\(text): \(month)-\(day) \(hour)")
        }
    }

    @Test(arguments: [
        "", "C", "CET", "CET-", "CET-25", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J5", "CET-1CEST,366,5", "<>1", "<a1",
        "CET-1:60", "CET-1CEST,M3.5.0/168,M10.5.0", "CET-1CEST,M3.5.0,M10.5.0x", "CET-19", "99999-1",
        "CET-1" + String(repeating: "x", count: 200),
    ]) func refuses(text: String) {
        #expect(PosixZone(bytes(text)) == nil)
    }

    /// What falls into the hour that clocks pass over runs once, right then.
    @Test func inAGapRunsOnceRightAfter() throws {
        let berlin = try rules(Self.berlin)
        #expect(
            try runs("30 2 * * *", berlin, after: utc(2026, 3, 27, 12), 3)
                == [utc(2026, 3, 28, 1, 30), utc(2026, 3, 29, 1), utc(2026, 3, 30, 0, 30)])
        #expect(
            try runs("*/20 * * * *", berlin, after: utc(2026, 3, 29, 0, 30), 4)
                == [utc(2026, 3, 29, 0, 40), utc(2026, 3, 29, 1), utc(2026, 3, 29, 1, 20), utc(2026, 3, 29, 1, 40)])
        // At three there is a run anyway.
        #expect(
            try runs("0 2,3 * * *", berlin, after: utc(2026, 3, 28, 12), 3)
                == [utc(2026, 3, 29, 1), utc(2026, 3, 30, 0), utc(2026, 3, 30, 1)])
        let newYork = try rules(Self.newYork)
        #expect(
            try runs("15 2 * * *", newYork, after: utc(2026, 3, 7, 12), 2)
                == [utc(2026, 3, 8, 7), utc(2026, 3, 9, 6, 15)])
    }

    /// What falls into the hour that comes twice runs once, the first time.
    @Test func inAnOverlapRunsOnceAtTheFirst() throws {
        let berlin = try rules(Self.berlin)
        #expect(
            try runs("30 2 * * *", berlin, after: utc(2026, 10, 24, 12), 2)
                == [utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1, 30)])
        #expect(
            try runs("*/30 * * * *", berlin, after: utc(2026, 10, 24, 23, 50), 5)
                == [
                    utc(2026, 10, 25, 0), utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 2), utc(2026, 10, 25, 2, 30),
                    utc(2026, 10, 25, 3),
                ])
        // Asked in the midst of the second time.
        #expect(try runs("30 2 * * *", berlin, after: utc(2026, 10, 25, 1, 10), 1) == [utc(2026, 10, 26, 1, 30)])
        #expect(try runs("0 3 * * *", berlin, after: utc(2026, 10, 25, 1, 10), 1) == [utc(2026, 10, 25, 2)])
        let newYork = try rules(Self.newYork)
        #expect(
            try runs("30 1 * * *", newYork, after: utc(2026, 10, 31, 12), 2)
                == [utc(2026, 11, 1, 5, 30), utc(2026, 11, 2, 6, 30)])
        // Intervals know nothing of clocks.
        #expect(
            try runs("@every 30m", newYork, after: utc(2026, 11, 1, 5, 45), 2)
                == [utc(2026, 11, 1, 6, 15), utc(2026, 11, 1, 6, 45)])
    }

    /// Each local time once in a year, whatever clocks do: counted by walking through the year.
    @Test(arguments: [berlin, newYork, "AEST-10AEDT,M10.1.0,M4.1.0/3"]) func runsOnceADay(zone: String) throws {
        let rules = try rules(zone)
        for schedule in ["30 2 * * *", "0 1 * * *", "59 23 * * *", "0 3 * * *"] {
            let all = try runs(schedule, rules, after: utc(2026, 1, 1, 12), 400)
            for (before, after) in zip(all, all.dropFirst()) {
                #expect(86_400 - 7200 <= after - before && after - before <= 86_400 + 7200, "\(zone) \(schedule)")
            }
            #expect(all[399] - all[34] == 365 * 86_400, "\(zone) \(schedule)")
        }
    }

    // MARK: Files

    private func file(_ name: String) -> [UInt8]? {
        guard let file = fopen("/usr/share/zoneinfo/\(name)", "rb") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 100_000)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes[..<count])
    }

    /// What a machine knows of a place is what its rule says, and what was before.
    @Test func readsFiles() throws {
        guard let content = file("Europe/Berlin") else { return }
        let all = try #require(ZoneFile.rules(content, from: .min))
        let recent = try #require(ZoneFile.rules(content, from: utc(2025, 6, 1, 0)))
        #expect(recent.changes.count < all.changes.count)
        #expect(recent.bytes.count < 400)
        let yearly = try rules(Self.berlin)
        for moment in stride(from: utc(2025, 6, 2, 0), to: utc(2045, 1, 1, 0), by: 40_000) {
            let offset = yearly.offset(at: moment)
            #expect(all.offset(at: moment) == offset && recent.offset(at: moment) == offset)
        }
        // Summer's time was an hour more, after the war; before 1893 each town had its own.
        #expect(all.offset(at: utc(1945, 6, 1, 0)) == 10_800)
        #expect(all.offset(at: utc(1890, 1, 1, 0)) == 3208)
        #expect(ZoneRules(decoding: recent.bytes) == recent)
        #expect(
            try runs("30 2 * * *", recent, after: utc(2026, 3, 28, 12), 2)
                == [utc(2026, 3, 29, 1), utc(2026, 3, 30, 0, 30)])
    }

    @Test func refusesWhatIsNoFile() throws {
        guard let content = file("America/New_York") else { return }
        #expect(ZoneFile.rules(content, from: 0) != nil)
        for count in stride(from: 0, to: content.count, by: 13) {
            #expect(ZoneFile.rules(Array(content[..<count]), from: 0) == nil, "\(count) bytes")
        }
        var random = SeededRandom(seed: 5)
        for _ in 0..<3000 {
            var other = content
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                other[Int.random(in: 0..<other.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            // Whatever it says, it is read or refused.
            if let rules = ZoneFile.rules(other, from: 0) { #expect(ZoneRules(decoding: rules.bytes) == rules) }
        }
    }

    @Test func rulesAreChecked() throws {
        let zone = try #require(PosixZone(bytes(Self.berlin)))
        let change = ZoneRules.Change(moment: 5, offset: 3600)
        #expect(ZoneRules(initialOffset: 0, changes: [change, change], yearly: nil) == nil)
        #expect(ZoneRules(initialOffset: 100_000, changes: [], yearly: nil) == nil)
        #expect(ZoneRules(initialOffset: 0, changes: [.init(moment: .max, offset: 0)], yearly: nil) == nil)
        let many = (0...ZoneRules.maximumChangeCount).map { ZoneRules.Change(moment: Int64($0), offset: 0) }
        #expect(ZoneRules(initialOffset: 0, changes: many, yearly: nil) == nil)
        let rules = try #require(ZoneRules(initialOffset: -60, changes: [change], yearly: zone))
        #expect(rules.offset(at: 4) == -60)
        #expect(ZoneRules(decoding: rules.bytes) == rules)
        #expect(ZoneRules(decoding: rules.bytes + [0]) == nil)
        #expect(ZoneRules(decoding: []) == nil)
    }

    @Test(arguments: [
        ("Europe/Berlin", true), ("America/Argentina/Buenos_Aires", true), ("Etc/GMT+5", true), ("UTC", true),
        ("", false), ("/etc/passwd", false), ("..", false), ("Europe/../../etc/passwd", false),
        ("Europe//Berlin", false),
        ("Europe/", false), ("a b", false), ("+02:00", false), (String(repeating: "a", count: 65), false),
    ]) func namesLeadNowhereElse(name: String, isName: Bool) {
        #expect(NamedZone.isName(bytes(name)) == isName)
    }
}
