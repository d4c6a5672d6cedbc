// SPDX-License-Identifier: Apache-2.0

/// What a place's clocks do every year: `CET-1CEST,M3.5.0,M10.5.0/3`.
///
///     name offset [name [offset] , begin [/time] , end [/time]]
///
/// Offsets are those of UTC from the place, so that east is negative; summer's is an hour less without one. A day is
/// `Mmonth.week.weekday` (week 5: the last), `Jn` (1 to 365, 29 February never counted) or `n` (0 to 365); its time, 2
/// o'clock without one, may be negative or beyond a day. Names are letters, or whatever is between `<` and `>`.
/// Source: POSIX, environment variable TZ; RFC 9636 §3.3.
public struct PosixZone: Hashable, Sendable {
    private enum Day: Hashable, Sendable {
        case month(Int, week: Int, weekday: Int)
        /// From 1 on, without leap days.
        case julian(Int)
        /// From 0 on.
        case ordinal(Int)
    }

    private struct Rule: Hashable, Sendable {
        var day: Day
        /// Seconds since midnight.
        var time: Int64
    }

    private struct Summer: Hashable, Sendable {
        var offset: Int64
        var begin: Rule
        var end: Rule
    }

    public let text: [UInt8]
    /// Seconds ahead of UTC.
    private let standard: Int64
    private let summer: Summer?

    /// Texts above it are refused unread.
    static let maximumTextCount = 128

    /// `nil`: the text is no such rule.
    public init?(_ text: [UInt8]) {
        guard text.count <= Self.maximumTextCount else { return nil }
        var reader = Reader(text)
        guard reader.skipName(), let offset = reader.time(24) else { return nil }
        self.text = text
        standard = -offset
        if reader.isAtEnd {
            summer = nil
        } else {
            guard reader.skipName() else { return nil }
            var other = standard + 3600
            if !reader.isNext(",") {
                guard let offset = reader.time(24) else { return nil }
                other = -offset
            }
            guard let begin = reader.rule(), let end = reader.rule(), reader.isAtEnd else { return nil }
            summer = Summer(offset: other, begin: begin, end: end)
        }
        guard StreamJob.offsetRange.contains(standard), StreamJob.offsetRange.contains(summer?.offset ?? 0) else {
            return nil
        }
    }

    // MARK: Asking

    /// Seconds ahead of UTC at a moment of the Unix clock.
    func offset(at moment: Int64) -> Int64 {
        guard let summer else { return standard }
        let (begin, end) = bounds(of: Self.year(at: moment + standard), summer)
        let isSummer = begin < end ? begin <= moment && moment < end : moment < end || begin <= moment
        return isSummer ? summer.offset : standard
    }

    /// Changes of the years from one moment to another, in order.
    func changes(from begin: Int64, through end: Int64) -> [ZoneRules.Change] {
        guard let summer else { return [] }
        var changes: [ZoneRules.Change] = []
        for year in Self.year(at: begin) - 1...Self.year(at: end) + 1 {
            let bounds = bounds(of: year, summer)
            changes.append(ZoneRules.Change(moment: bounds.begin, offset: summer.offset))
            changes.append(ZoneRules.Change(moment: bounds.end, offset: standard))
        }
        return changes.filter { begin <= $0.moment && $0.moment <= end }.sorted { $0.moment < $1.moment }
    }

    private func bounds(of year: Int64, _ summer: Summer) -> (begin: Int64, end: Int64) {
        // Each by the clocks as they are before it.
        (Self.local(summer.begin, year) - standard, Self.local(summer.end, year) - summer.offset)
    }

    private static func year(at moment: Int64) -> Int64 {
        let day = moment >= 0 ? moment / 86_400 : (moment + 1) / 86_400 - 1
        return CivilDay(min(max(day, CivilDay.range.lowerBound), CivilDay.range.upperBound)).year
    }

    /// Seconds since 1970 as the place's clocks count.
    private static func local(_ rule: Rule, _ year: Int64) -> Int64 {
        let newYear = CivilDay.number(year: year, month: 1, day: 1)
        let day: Int64
        switch rule.day {
        case .ordinal(let number): day = newYear + Int64(number)
        case .julian(let number):
            let isLeap = CivilDay.number(year: year, month: 3, day: 1) - newYear == 60
            day = newYear + Int64(number) - 1 + (isLeap && number >= 60 ? 1 : 0)
        case .month(let month, let week, let weekday):
            let first = CivilDay.number(year: year, month: month, day: 1)
            let next =
                month == 12
                ? CivilDay.number(year: year + 1, month: 1, day: 1)
                : CivilDay.number(year: year, month: month + 1, day: 1)
            var found = first + Int64((weekday - CivilDay.weekday(first) + 7) % 7) + Int64(week - 1) * 7
            while found >= next { found -= 7 }
            day = found
        }
        return day * 86_400 + rule.time
    }

    // MARK: Text

    private struct Reader {
        private let text: [UInt8]
        private var offset = 0

        init(_ text: [UInt8]) { self.text = text }

        var isAtEnd: Bool { offset == text.count }

        func isNext(_ sign: Unicode.Scalar) -> Bool { offset < text.count && text[offset] == UInt8(ascii: sign) }

        mutating func take(_ sign: Unicode.Scalar) -> Bool {
            guard isNext(sign) else { return false }
            offset += 1
            return true
        }

        /// Whether there was a name.
        mutating func skipName() -> Bool {
            let begin = offset
            if take("<") {
                while offset < text.count, !isNext(">") { offset += 1 }
                return take(">") && offset > begin + 2
            }
            while offset < text.count, (text[offset] | 0x20) &- UInt8(ascii: "a") < 26 { offset += 1 }
            return offset >= begin + 3
        }

        mutating func number(_ range: ClosedRange<Int64>) -> Int64? {
            var (number, digits): (Int64, Int) = (0, 0)
            while offset < text.count, text[offset] &- UInt8(ascii: "0") < 10, digits < 4 {
                number = number * 10 + Int64(text[offset] - UInt8(ascii: "0"))
                digits += 1
                offset += 1
            }
            return digits > 0 && range.contains(number) ? number : nil
        }

        /// Hours, and minutes and seconds if need be, as seconds.
        mutating func time(_ maximumHours: Int64) -> Int64? {
            let isNegative = take("-")
            if !isNegative { _ = take("+") }
            guard var seconds = number(0...maximumHours).map({ $0 * 3600 }) else { return nil }
            if take(":") {
                guard let minutes = number(0...59) else { return nil }
                seconds += minutes * 60
                if take(":") {
                    guard let rest = number(0...59) else { return nil }
                    seconds += rest
                }
            }
            return isNegative ? -seconds : seconds
        }

        mutating func rule() -> Rule? {
            guard take(","), let day = day() else { return nil }
            var time: Int64 = 2 * 3600
            if take("/") {
                // A week off, as RFC 9636 has it.
                guard let other = self.time(167) else { return nil }
                time = other
            }
            return Rule(day: day, time: time)
        }

        private mutating func day() -> Day? {
            if take("J") { return number(1...365).map { .julian(Int($0)) } }
            guard take("M") else { return number(0...365).map { .ordinal(Int($0)) } }
            guard let month = number(1...12), take("."), let week = number(1...5), take("."),
                let weekday = number(0...6)
            else { return nil }
            return .month(Int(month), week: Int(week), weekday: Int(weekday))
        }
    }
}

extension CivilDay {
    /// Days since 1 January 1970. Source: as `init`, the other way round.
    public static func number(year: Int64, month: Int, day: Int) -> Int64 {
        let shifted = year - (month <= 2 ? 1 : 0)
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let shiftedMonth = Int64(month > 2 ? month - 3 : month + 9)
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + Int64(day) - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// 0: Sunday.
    public static func weekday(_ number: Int64) -> Int { Int(((number + 4) % 7 + 7) % 7) }
}
