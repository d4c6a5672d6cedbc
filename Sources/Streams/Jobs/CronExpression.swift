// SPDX-License-Identifier: Apache-2.0

/// When something recurs: `*/5 * * * *`, `30 0 9 * * MON-FRI`, `@daily`, `@every 90s`.
///
///     [second] minute hour day month weekday
///
/// A field is a list of numbers, of ranges `a-b`, or `*`, each of which may have a step `/n`. Months and weekdays have
/// names too, of three letters; Sunday is 0 and 7. Where neither day nor weekday is `*`, one of them is enough. Without
/// a second it is 0. Source: crontab(5).
///
/// Moments are of a clock that is a fixed offset ahead of UTC, or of a place's clocks. Where these are put forward,
/// what falls into the time that they pass over comes once, right when they do; where they are put back, what falls
/// into the time that they show twice comes once, the first time. Intervals know nothing of clocks.
public struct CronExpression: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
        case calendar(Calendar)
        /// Milliseconds.
        case every(Int64)
    }

    /// Of each field the numbers that fit, a bit each.
    private struct Calendar: Hashable, Sendable {
        var seconds: UInt64 = 1
        var minutes: UInt64
        var hours: UInt64
        var days: UInt64
        var months: UInt64
        var weekdays: UInt64
        var isAnyDay: Bool
        var isAnyWeekday: Bool

        func fits(_ day: CivilDay, weekday: Int) -> Bool {
            guard months >> UInt64(day.month) & 1 == 1 else { return false }
            let (fitsDay, fitsWeekday) = (days >> UInt64(day.day) & 1 == 1, weekdays >> UInt64(weekday) & 1 == 1)
            // What is `*` fits always, and doesn't make the other one needless.
            return isAnyDay || isAnyWeekday ? fitsDay && fitsWeekday : fitsDay || fitsWeekday
        }

        /// The first second of the day, from `second` on, that fits.
        func second(from second: Int) -> Int? {
            for hour in second / 3600..<24 where hours >> UInt64(hour) & 1 == 1 {
                for minute in 0..<60 where minutes >> UInt64(minute) & 1 == 1 {
                    let begin = hour * 3600 + minute * 60
                    if begin + 59 < second { continue }
                    for part in 0..<60 where seconds >> UInt64(part) & 1 == 1 && begin + part >= second {
                        return begin + part
                    }
                }
            }
            return nil
        }
    }

    private let kind: Kind

    /// Texts above it are refused unread.
    static let maximumTextCount = 256
    /// What recurs faster is better done otherwise; in milliseconds.
    static let minimumInterval: Int64 = 100
    /// A leap day on a given weekday comes within 40 years, over a century without one.
    private static let searchedDays = 41 * 366

    /// `nil`: the text says nothing.
    public init?(_ text: [UInt8]) {
        guard text.count <= Self.maximumTextCount else { return nil }
        let words = text.split(whereSeparator: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") })
            .map { String(decoding: $0, as: UTF8.self).uppercased() }
        guard let first = words.first else { return nil }
        if first == "@EVERY" {
            guard words.count == 2, let interval = Self.interval(words[1]) else { return nil }
            kind = .every(interval)
            return
        }
        var fields = words
        if first.hasPrefix("@") {
            guard words.count == 1, let known = Self.macros.first(where: { $0.name == first }) else { return nil }
            fields = known.fields.split(separator: " ").map(String.init)
        }
        guard fields.count == 5 || fields.count == 6 else { return nil }
        let begin = fields.count - 5
        guard let minutes = Self.bits(fields[begin], 0...59), let hours = Self.bits(fields[begin + 1], 0...23),
            let days = Self.bits(fields[begin + 2], 1...31),
            let months = Self.bits(fields[begin + 3], 1...12, Self.months),
            let weekdays = Self.bits(fields[begin + 4], 0...7, Self.weekdays)
        else { return nil }
        var calendar = Calendar(
            minutes: minutes, hours: hours, days: days, months: months,
            weekdays: weekdays | weekdays >> 7 & 1, isAnyDay: fields[begin + 2].hasPrefix("*"),
            isAnyWeekday: fields[begin + 4].hasPrefix("*"))
        if begin == 1 {
            guard let seconds = Self.bits(fields[0], 0...59) else { return nil }
            calendar.seconds = seconds
        }
        kind = .calendar(calendar)
    }

    private static let macros: [(name: String, fields: String)] = [
        ("@YEARLY", "0 0 1 1 *"), ("@ANNUALLY", "0 0 1 1 *"), ("@MONTHLY", "0 0 1 * *"), ("@WEEKLY", "0 0 * * 0"),
        ("@DAILY", "0 0 * * *"), ("@MIDNIGHT", "0 0 * * *"), ("@HOURLY", "0 * * * *"),
    ]
    private static let months = [
        "", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ]
    private static let weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]

    // MARK: Next

    /// The first moment behind `moment` that fits; `nil`: there is none in sight. Complexity: O(days until then).
    ///
    /// - Parameters:
    ///   - moment: milliseconds of the Unix clock.
    ///   - offsetSeconds: how far the clock of the expression is ahead of UTC.
    public func next(after moment: Int64, offsetSeconds: Int64 = 0) -> Int64? {
        switch kind {
        case .every(let interval):
            let sum = moment.addingReportingOverflow(interval)
            return sum.overflow ? nil : sum.partialValue
        case .calendar(let calendar):
            let (local, isTooBig) = Self.floor(moment, 1000).addingReportingOverflow(offsetSeconds + 1)
            if isTooBig { return nil }
            return Self.next(calendar, from: local).map { ($0 - offsetSeconds) * 1000 }
        }
    }

    /// As above, of a place's clocks.
    public func next(after moment: Int64, in zone: ZoneRules) -> Int64? {
        guard case .calendar(let calendar) = kind else { return next(after: moment) }
        let second = Self.floor(moment, 1000)
        guard CivilDay.range.contains(Self.floor(second, 86_400)) else { return nil }
        var local = zone.localTime(after: second)
        for _ in 0..<Self.maximumTries {
            guard let found = Self.next(calendar, from: local) else { return nil }
            let moment = zone.moment(ofLocal: found)
            if moment > second { return moment * 1000 }
            local = found + 1
        }
        return nil
    }

    /// Local times that are looked at: rules that make sense take one.
    private static let maximumTries = 1000

    /// The first local time from `local` on that fits, in seconds.
    private static func next(_ calendar: Calendar, from local: Int64) -> Int64? {
        var dayNumber = floor(local, 86_400)
        var second = Int(local - dayNumber * 86_400)
        guard CivilDay.range.contains(dayNumber) else { return nil }
        for _ in 0..<searchedDays {
            if calendar.fits(CivilDay(dayNumber), weekday: CivilDay.weekday(dayNumber)),
                let found = calendar.second(from: second)
            {
                return dayNumber * 86_400 + Int64(found)
            }
            dayNumber += 1
            second = 0
        }
        return nil
    }

    private static func floor(_ number: Int64, _ divisor: Int64) -> Int64 {
        number >= 0 ? number / divisor : -((-(number + 1)) / divisor) - 1
    }

    // MARK: Text

    /// `500ms`, `90s`, `5m`, `2h`, `1d`.
    private static func interval(_ text: String) -> Int64? {
        let units: [(String, Int64)] = [
            ("MS", 1), ("S", 1000), ("M", 60_000), ("H", 3_600_000), ("D", 86_400_000),
        ]
        guard let unit = units.first(where: { text.hasSuffix($0.0) }),
            let number = number(text.dropLast(unit.0.count))
        else { return nil }
        let (interval, isTooBig) = Int64(number).multipliedReportingOverflow(by: unit.1)
        return isTooBig || interval < minimumInterval || interval > Stream.maximumDelay ? nil : interval
    }

    /// Decimal digits alone, nine at most.
    private static func number(_ text: Substring) -> Int? {
        guard !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else {
            return nil
        }
        return Int(text)
    }

    /// Numbers of a field as bits.
    private static func bits(_ field: String, _ range: ClosedRange<Int>, _ names: [String] = []) -> UInt64? {
        var bits: UInt64 = 0
        for item in field.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, let numbers = numbers(parts[0], range, names, isOpen: parts.count == 2) else {
                return nil
            }
            var step = 1
            if parts.count == 2 {
                guard let number = number(parts[1]), number > 0 else { return nil }
                step = number
            }
            for number in stride(from: numbers.lowerBound, through: numbers.upperBound, by: step) {
                bits |= 1 << UInt64(number)
            }
        }
        return bits
    }

    /// - Parameter isOpen: whether a single number means all from there on: it has a step.
    private static func numbers(
        _ text: Substring, _ range: ClosedRange<Int>, _ names: [String], isOpen: Bool
    ) -> ClosedRange<Int>? {
        if text == "*" { return range }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { end in
            number(end) ?? (end.isEmpty ? nil : names.firstIndex(of: String(end)))
        }
        guard ends.count <= 2, let first = ends[0], range.contains(first) else { return nil }
        if ends.count == 1 { return first...(isOpen ? range.upperBound : first) }
        guard let last = ends[1], range.contains(last), first <= last else { return nil }
        return first...last
    }
}

/// A day of the calendar. Source: the arithmetic of the Gregorian calendar, in eras of 400 years from 1 March on.
public struct CivilDay: Hashable, Sendable {
    public let year: Int64
    public let month: Int
    public let day: Int

    /// Days since 1 January 1970 that are asked for: far more than any clock says, and no sum of them overflows.
    static let range: ClosedRange<Int64> = -1_000_000...100_000_000

    /// - Parameter number: of days since 1 January 1970, within `range`.
    public init(_ number: Int64) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
        month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }
}
