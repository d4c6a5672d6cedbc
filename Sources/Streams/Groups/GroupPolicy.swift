// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// What a group does of itself. Moments and durations are in milliseconds.
public struct GroupPolicy: Hashable, Sendable {
    public struct Field: Hashable, Sendable {
        public var name: [UInt8]
        public var value: [UInt8]

        public init(_ name: [UInt8], _ value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    /// For so long a pending entry is its consumer's; then whoever reads next gets it. What was given back anybody gets
    /// at once.
    public var visibility: Int64?
    /// What was delivered so often is a dead letter instead of being delivered again. Only with `deadLetter`.
    public var maximumDeliveries: Int64?
    /// The key of the stream for dead letters.
    public var deadLetter: [UInt8]?
    /// A consumer that has asked for nothing for so long goes, and what it held is given back.
    public var idleConsumers: Int64?
    /// Of entries with the same value in this field one is out at a time, in their order. Entries without the field
    /// have no order.
    public var orderField: [UInt8]?
    /// Whether new entries come by their priorities, the most urgent first; of one priority in the order of IDs. Goes
    /// not with `orderField`.
    public var prefersUrgent = false
    /// Entries that lack one of these are passed over as if they were acknowledged.
    public var filter: [Field] = []

    /// Fields of `filter` at most: each is looked for in every entry.
    public static let maximumFilterCount = 16

    public init() {}

    public var isEmpty: Bool { self == GroupPolicy() }

    /// The idle time from which on a read takes over pending entries; `nil`: it takes over none.
    ///
    /// - Parameter asked: what the reader wants.
    public func claimIdle(_ asked: Int64?) -> Int64? {
        guard let visibility else { return asked ?? (orderField == nil ? nil : .max) }
        return min(asked ?? .max, visibility)
    }

    /// A consumer that asks in vain, or waits, is noted as seen when so many milliseconds have passed since it was
    /// last: a quarter of what makes it idle, so that it takes four records of each such time, however often it asks.
    public var seenSpacing: Int64? { idleConsumers.map { max($0 / 4, Self.minimumSeenSpacing) } }
    /// More often is not worth a record.
    private static let minimumSeenSpacing: Int64 = 100

    /// After so long without a note a consumer is idle for certain.
    var idleLimit: Int64? {
        guard let idleConsumers, let seenSpacing else { return nil }
        return idleConsumers + seenSpacing
    }

    func admits(_ entry: StreamEntry) -> Bool { filter.allSatisfy { entry.has($0.name, $0.value) } }

    // MARK: In a checkpoint

    /// Numbers, 0 for none; then texts, each behind a 1, or a 0; then the count of the filter's fields, and these; then
    /// 1 where urgent entries come first, else 0. What was written before there were priorities ends before that.
    func encode(into bytes: inout [UInt8]) {
        Varint.append(visibility.map { UInt64($0) + 1 } ?? 0, to: &bytes)
        Varint.append(UInt64(maximumDeliveries ?? 0), to: &bytes)
        Varint.append(UInt64(idleConsumers ?? 0), to: &bytes)
        for text in [deadLetter, orderField] {
            Varint.append(text == nil ? 0 : 1, to: &bytes)
            if let text { bytes.append(text: text) }
        }
        Varint.append(UInt64(filter.count), to: &bytes)
        for field in filter {
            bytes.append(text: field.name)
            bytes.append(text: field.value)
        }
        Varint.append(prefersUrgent ? 1 : 0, to: &bytes)
    }

    init?(_ reader: inout RecordReader, _ bytes: RawSpan) {
        guard let visible = reader.natural(bytes), let deliveries = reader.natural(bytes),
            let idle = reader.natural(bytes)
        else { return nil }
        visibility = visible == 0 ? nil : visible - 1
        maximumDeliveries = deliveries == 0 ? nil : deliveries
        idleConsumers = idle == 0 ? nil : idle
        var texts: [[UInt8]?] = []
        for _ in 0..<2 {
            guard let isThere = reader.number(bytes), isThere <= 1 else { return nil }
            guard isThere == 1 else {
                texts.append(nil)
                continue
            }
            guard let text = reader.text(bytes) else { return nil }
            texts.append(text)
        }
        (deadLetter, orderField) = (texts[0], texts[1])
        guard let count = reader.count(bytes), count <= Self.maximumFilterCount else { return nil }
        for _ in 0..<count {
            guard let name = reader.text(bytes), let value = reader.text(bytes) else { return nil }
            filter.append(Field(name, value))
        }
        if reader.isAtEnd(of: bytes) { return }
        guard let urgent = reader.number(bytes), urgent <= 1 else { return nil }
        prefersUrgent = urgent == 1
    }
}

/// An entry that has left a group for good, and what the group knew of it.
public struct DeadLetter: Sendable {
    public var entry: StreamEntry
    public var deliveryCount: Int64
    /// Who held it last; `nil`: nobody did.
    public var consumer: [UInt8]?
}
