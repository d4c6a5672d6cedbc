// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// How far a place's clocks are ahead of UTC, and when that changes: by a list of moments, and behind the last of them
/// by a rule that holds every year.
///
/// A value that a record carries: members compute the same moments whatever their machines know of the place. Moments
/// are seconds of the Unix clock.
public struct ZoneRules: Hashable, Sendable {
    public struct Change: Hashable, Sendable {
        public var moment: Int64
        /// Seconds ahead of UTC from then on.
        public var offset: Int64

        public init(moment: Int64, offset: Int64) {
            self.moment = moment
            self.offset = offset
        }
    }

    /// A change and what was before it.
    struct Step: Hashable, Sendable {
        var moment: Int64
        var before: Int64
        var after: Int64
    }

    /// Moments in a list at most. The longest that is published has some two hundred.
    public static let maximumChangeCount = 1000

    /// Before the first change.
    public let initialOffset: Int64
    /// In order.
    public let changes: [Change]
    /// Behind the last change, in POSIX's form; `nil`: nothing changes any more.
    public let yearly: PosixZone?

    /// `nil` where changes are too many or don't rise, or an offset is too large.
    public init?(initialOffset: Int64, changes: [Change], yearly: PosixZone?) {
        let offsets = [initialOffset] + changes.map(\.offset)
        guard changes.count <= Self.maximumChangeCount,
            offsets.allSatisfy(StreamJob.offsetRange.contains),
            changes.allSatisfy({ Self.momentRange.contains($0.moment) }),
            zip(changes, changes.dropFirst()).allSatisfy({ $0.moment < $1.moment })
        else { return nil }
        self.initialOffset = initialOffset
        self.changes = changes
        self.yearly = yearly
    }

    /// Two million years off: no sum of such moments overflows.
    private static let momentRange: ClosedRange<Int64> = -1 << 46...1 << 46

    // MARK: Asking

    /// Complexity: O(log changes).
    public func offset(at moment: Int64) -> Int64 {
        if let last = changes.last, moment < last.moment {
            let place = index(after: moment)
            return place == 0 ? initialOffset : changes[place - 1].offset
        }
        return yearly?.offset(at: moment) ?? changes.last?.offset ?? initialOffset
    }

    /// The first change behind a moment.
    private func index(after moment: Int64) -> Int {
        var (low, high) = (0, changes.count)
        while low < high {
            let middle = (low + high) / 2
            if changes[middle].moment <= moment { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Changes behind `begin` and up to `end`, in order: some days.
    private func steps(after begin: Int64, upTo end: Int64) -> [Step] {
        var steps: [Step] = []
        var offset = offset(at: begin)
        func add(_ moment: Int64, _ after: Int64) {
            if after != offset { steps.append(Step(moment: moment, before: offset, after: after)) }
            offset = after
        }
        var place = index(after: begin)
        while place < changes.count, changes[place].moment <= end {
            add(changes[place].moment, changes[place].offset)
            place += 1
        }
        guard place == changes.count, let yearly else { return steps }
        let from = max(begin, changes.last?.moment ?? begin)
        for change in yearly.changes(from: from, through: end) where change.moment > from {
            add(change.moment, change.offset)
        }
        return steps
    }

    /// More than any change moves clocks by.
    private static let reach: Int64 = 2 * 86_400

    /// When clocks first show a local time, in seconds since 1970 as the clocks count; where they pass over it, when
    /// they do.
    func moment(ofLocal local: Int64) -> Int64 {
        let begin = local - Self.reach
        var offset = offset(at: begin)
        for step in steps(after: begin, upTo: local + Self.reach) {
            if local < step.moment + step.before { break }
            if local < step.moment + step.after { return step.moment }
            offset = step.after
        }
        return local - offset
    }

    /// The first local time that clocks haven't shown, or passed over, by a moment.
    func localTime(after moment: Int64) -> Int64 {
        var next = moment + offset(at: moment) + 1
        // Where clocks were put back they show again what they have shown.
        for step in steps(after: moment - Self.reach, upTo: moment) { next = max(next, step.moment + step.before) }
        return next
    }

    // MARK: As bytes

    /// Offset before the first change, signed; how many changes; for each its moment, signed, since the one before, and
    /// its offset, signed; then the yearly rule as a text, empty for none.
    public func encode(into bytes: inout [UInt8]) {
        Varint.append(signed: initialOffset, to: &bytes)
        Varint.append(UInt64(changes.count), to: &bytes)
        var last: Int64 = 0
        for change in changes {
            Varint.append(signed: change.moment - last, to: &bytes)
            Varint.append(signed: change.offset, to: &bytes)
            last = change.moment
        }
        bytes.append(text: yearly?.text ?? [])
    }

    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return bytes
    }

    init?(_ reader: inout RecordReader, _ bytes: RawSpan) {
        guard let initial = reader.signed(bytes), let count = reader.count(bytes), count <= Self.maximumChangeCount
        else { return nil }
        var changes: [Change] = []
        var last: Int64 = 0
        for _ in 0..<count {
            guard let distance = reader.signed(bytes), let offset = reader.signed(bytes) else { return nil }
            let (moment, overflows) = last.addingReportingOverflow(distance)
            if overflows { return nil }
            changes.append(Change(moment: moment, offset: offset))
            last = moment
        }
        guard let text = reader.text(bytes) else { return nil }
        var yearly: PosixZone?
        if !text.isEmpty {
            guard let zone = PosixZone(text) else { return nil }
            yearly = zone
        }
        self.init(initialOffset: initial, changes: changes, yearly: yearly)
    }

    /// `nil` where the bytes are not in the form of `encode`.
    public init?(decoding bytes: [UInt8]) {
        var reader = RecordReader()
        self.init(&reader, bytes.span.bytes)
        guard reader.isAtEnd(of: bytes.span.bytes) else { return nil }
    }
}

/// A place by its name, and what its clocks do.
public struct NamedZone: Hashable, Sendable {
    /// As the database of time zones has it: `Europe/Berlin`.
    public let name: [UInt8]
    public let rules: ZoneRules

    /// Names that are published have up to 32 bytes.
    public static let maximumNameCount = 64

    public init(name: [UInt8], rules: ZoneRules) {
        self.name = name
        self.rules = rules
    }

    /// Whether this may be the name of a zone, so that it can be looked for among files: words of letters, digits and a
    /// few signs, between single slashes.
    public static func isName(_ text: some Collection<UInt8>) -> Bool {
        guard 1...maximumNameCount ~= text.count else { return false }
        let words = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return words.allSatisfy { word in
            guard let first = word.first, isLetter(first) else { return false }
            return word.allSatisfy {
                isLetter($0) || $0 &- UInt8(ascii: "0") < 10 || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: "+")
            }
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }
}
