// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// How long a stream keeps its entries, without being told each time. What is `nil` sets no bound.
///
/// At each append whole blocks go, so that up to one block more stays than was asked for; what is too old goes within
/// `Stream.ageSlack` of its time, entry by entry, whether something is appended or not.
public struct Retention: Hashable, Sendable {
    /// Milliseconds since the moment in an entry's ID.
    public var maximumAge: Int64?
    /// Of blocks, in bytes.
    public var maximumBytes: Int?
    public var maximumLength: Int?
    /// Whether entries go that every group has passed and none has pending. A stream without groups keeps them.
    public var isAcknowledged = false

    public init() {}

    public var isEmpty: Bool { self == Retention() }

    func encode(into bytes: inout [UInt8]) {
        Varint.append(UInt64(maximumAge ?? 0), to: &bytes)
        Varint.append(UInt64(maximumBytes ?? 0), to: &bytes)
        Varint.append(maximumLength.map { UInt64($0) + 1 } ?? 0, to: &bytes)
        Varint.append(isAcknowledged ? 1 : 0, to: &bytes)
    }

    init?(_ reader: inout RecordReader, _ bytes: RawSpan) {
        guard let age = reader.natural(bytes), let size = reader.count(bytes), let length = reader.count(bytes),
            let acknowledged = reader.number(bytes), acknowledged <= 1
        else { return nil }
        maximumAge = age == 0 ? nil : age
        maximumBytes = size == 0 ? nil : size
        maximumLength = length == 0 ? nil : length - 1
        isAcknowledged = acknowledged == 1
    }
}

extension Stream {
    /// So much later than its age says an entry may go, in milliseconds: a stream of which an entry gets too old every
    /// millisecond costs one record a second, not a thousand.
    static let ageSlack: Int64 = 1000

    public mutating func setRetention(_ retention: Retention) {
        self.retention = retention
    }

    /// Removes whole blocks as far as the retention says; answers how many entries went.
    ///
    /// Needs no block to be in memory. Complexity: O(blocks removed · log n + entries of a block).
    public mutating func retain(now: Int64, limits: BlockLimits) -> Int {
        if retention.isEmpty { return 0 }
        var removed = 0
        let limit = limits.defaultTrimLimit
        if let length = retention.maximumLength {
            removed += trim(Trim(.maximumLength(length), isApproximate: true, limit: limit))
        }
        if let age = retention.maximumAge, let least = Self.leastID(age: age, now: now) {
            removed += trim(Trim(.minimumID(least), isApproximate: true, limit: limit))
        }
        if let bytes = retention.maximumBytes {
            while log.blockCount > 1, let (block, base) = log.firstBlock, log.byteCount - block.byteCount >= bytes {
                removed += block.liveCount
                log.removeBlock(base: base)
            }
        }
        if retention.isAcknowledged, let floor = acknowledgedFloor() {
            removed += trim(Trim(.minimumID(floor), isApproximate: true, limit: limit))
        }
        if removed > 0 { forgetGone(atMost: Self.forgottenPerTrim) }
        return removed
    }

    /// The least ID of what isn't too old.
    static func leastID(age: Int64, now: Int64) -> StreamID? {
        let limit = now.subtractingReportingOverflow(age)
        guard !limit.overflow, limit.partialValue >= 0 else { return nil }
        return StreamID(UInt64(limit.partialValue) + 1, 0)
    }

    /// When the first entry is too old for the retention, and some more.
    var ageDue: Int64? {
        guard let age = retention.maximumAge, let first = log.firstID else { return nil }
        let sum = Int64(clamping: first.milliseconds).addingReportingOverflow(age)
        if sum.overflow { return nil }
        let late = sum.partialValue.addingReportingOverflow(min(age / 16 + 1, Self.ageSlack))
        return late.overflow ? nil : late.partialValue
    }

    // MARK: Acknowledged by all

    /// What is below this ID every group has passed and none has pending; `nil` without groups.
    ///
    /// - Parameter acknowledged: entries of one group that are about to be acknowledged.
    func acknowledgedFloor(_ acknowledged: (group: [UInt8], ids: [StreamID])? = nil) -> StreamID? {
        var floor: StreamID?
        for place in groups.takenPlaces {
            let ids = acknowledged?.group == groups[row: place].name ? Set(acknowledged?.ids ?? []) : []
            let next = groups.withValue(at: place) { group in
                var next = group.lastDeliveredID.successor ?? .max
                group.forEachPending(in: .all) { entry in
                    if ids.contains(entry.id) { return true }
                    next = min(next, entry.id)
                    return false
                }
                return next
            }
            floor = min(floor ?? .max, next)
        }
        return floor
    }

    /// Where the retention says so, removes what every group has acknowledged, entry by entry; answers how many went.
    public mutating func removeAcknowledged() -> Int {
        guard retention.isAcknowledged, let floor = acknowledgedFloor() else { return 0 }
        return trim(Trim(.minimumID(floor)))
    }

    /// For `acknowledge` and then `removeAcknowledged`.
    public func demandAcknowledge(_ ids: [StreamID], group: [UInt8], _ demand: inout BlockDemand) {
        guard absentCount > 0, retention.isAcknowledged, let floor = acknowledgedFloor((group, ids)) else { return }
        self.demand(Trim(.minimumID(floor)), &demand)
    }
}
