// SPDX-License-Identifier: Apache-2.0

/// Why parts make no stream.
public enum StreamBuildError: Error, Hashable, Sendable {
    /// They contradict each other, or what every stream holds to.
    case inconsistent
    /// See `StreamBuilder.maximumContentBytes` and `StreamBuilder.maximumNames`.
    case tooLarge
}

/// Makes a stream from parts that somebody else wrote: entries in rising order, block by block, then the numbers, then
/// groups with their consumers and pending entries. Whatever comes out holds all that a stream holds to; where the
/// parts don't allow that, they are refused.
public struct StreamBuilder: Sendable {
    /// Names and values of all entries together, names that entries share counted for each of them. So much work is a
    /// fraction of a second; it is sixteen of the largest requests.
    public static let maximumContentBytes = 256 << 20
    /// Groups and consumers: each takes several hundred bytes, however short what describes it is.
    public static let maximumNames = 1 << 17

    /// What a group has pending, before it is known who holds it.
    private struct Claim: Sendable {
        var id: StreamID
        var deliveredAt: Int64
        var deliveryCount: Int64
        var consumer: ConsumerNumber?
    }

    private var stream: Stream
    /// Moments behind it become this one: none lies in the future.
    private let now: Int64
    private var contentBytes = 0
    private var nameCount = 0
    /// The group that is being filled.
    private var group: Int?
    /// Rising by ID.
    private var claims: [Claim] = []

    /// - Parameters:
    ///   - empty: a stream without entries and groups, as new ones are.
    ///   - now: milliseconds of the Unix clock.
    public init(_ empty: Stream, now time: Int64) {
        stream = empty
        now = max(time, 0)
    }

    // MARK: Entries

    /// Lets the next entry open a block.
    public mutating func beginBlock() {
        if stream.log.hasTail { stream.log.seal() }
    }

    /// - Parameter fields: in the form of `FieldList`.
    public mutating func append(_ id: StreamID, fields: [UInt8]) throws(StreamBuildError) {
        guard id > stream.log.lastID, let shape = FieldList.shape(of: fields.span.bytes) else { throw .inconsistent }
        contentBytes += shape.contentBytes
        if contentBytes > Self.maximumContentBytes { throw .tooLarge }
        // Blocks end where `beginBlock` says, or where no block goes on.
        stream.log.append(
            id, fields: fields.span.bytes, shape: shape, limits: BlockLimits(entries: 0, bytes: 0))
    }

    public var length: Int { stream.length }

    /// - Parameter entriesAdded: `nil`: those that are there.
    public mutating func setNumbers(
        lastID: StreamID, maxDeletedID: StreamID, entriesAdded: UInt64?
    ) throws(StreamBuildError) {
        let added = entriesAdded ?? UInt64(length)
        guard lastID >= stream.log.lastID, added >= UInt64(length), added <= UInt64(Int64.max) else {
            throw .inconsistent
        }
        stream.log.lastID = lastID
        stream.log.maxDeletedID = maxDeletedID
        stream.log.entriesAdded = added
    }

    // MARK: Groups

    public enum EntriesRead: Hashable, Sendable {
        case unknown
        case count(Int64)
        /// As many as the stream's numbers tell.
        case estimated
    }

    /// Begins a group, once the one before is at its end.
    public mutating func beginGroup(
        _ name: [UInt8], lastDeliveredID: StreamID, _ entriesRead: EntriesRead
    ) throws(StreamBuildError) {
        precondition(group == nil, "a group within a group")
        try countName()
        let log = stream.log
        let read: Int64?
        switch entriesRead {
        case .unknown: read = nil
        case .count(let count):
            if count < 0 { throw .inconsistent }
            read = min(count, Int64(clamping: log.entriesAdded))
        case .estimated: read = log.entriesAdded(upTo: lastDeliveredID, firstID: log.firstID)
        }
        guard stream.groups.place(of: name) == nil else { throw .inconsistent }
        group = stream.groups.add(
            name, ConsumerGroup(lastDeliveredID: lastDeliveredID, entriesRead: read, stream.configuration))
        claims = []
    }

    private mutating func countName() throws(StreamBuildError) {
        nameCount += 1
        if nameCount > Self.maximumNames { throw .tooLarge }
    }

    /// An entry that is pending in the group, whether it is there or not. IDs rise.
    public mutating func addPending(
        _ id: StreamID, deliveredAt: Int64, deliveryCount: UInt64
    ) throws(StreamBuildError) {
        guard deliveredAt >= 0, claims.last.map({ $0.id < id }) != false else { throw .inconsistent }
        claims.append(
            Claim(id: id, deliveredAt: min(deliveredAt, now), deliveryCount: Int64(clamping: deliveryCount)))
    }

    /// A consumer of the group.
    ///
    /// - Parameters:
    ///   - activeAt: `nil`: never.
    ///   - held: of the pending entries; each is one consumer's.
    public mutating func addConsumer(
        _ name: [UInt8], seenAt: Int64, activeAt: Int64?, held: [StreamID]
    ) throws(StreamBuildError) {
        guard let group else { preconditionFailure("a consumer without a group") }
        try countName()
        guard seenAt >= 0, activeAt ?? 0 >= 0, stream.groups[row: group].value.consumers.place(of: name) == nil else {
            throw .inconsistent
        }
        var consumer = Consumer(seenAt: min(seenAt, now), stream.configuration)
        consumer.activeAt = activeAt.map { min($0, now) }
        let place = stream.groups[row: group].value.consumers.add(name, consumer)
        for id in held {
            guard let claim = claim(of: id), claims[claim].consumer == nil else { throw .inconsistent }
            claims[claim].consumer = ConsumerNumber(UInt32(place))
        }
    }

    private func claim(of id: StreamID) -> Int? {
        var (low, high) = (0, claims.count)
        while low < high {
            let middle = (low + high) / 2
            if claims[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < claims.count && claims[low].id == id ? low : nil
    }

    /// Whatever is pending in the group has a consumer by now.
    public mutating func endGroup() throws(StreamBuildError) {
        guard let group else { preconditionFailure("no group to end") }
        for claim in claims {
            guard let consumer = claim.consumer else { throw .inconsistent }
            stream.groups[row: group].value.setPending(
                PendingEntry(
                    id: claim.id, holder: .consumer(consumer, deliveredAt: claim.deliveredAt),
                    deliveryCount: claim.deliveryCount))
        }
        claims = []
        self.group = nil
    }

    // MARK: All of it

    /// Adds what `Stream.supplement` said.
    public mutating func add(supplement: RawSpan) throws(StreamBuildError) {
        guard let supplement = StreamSupplement(decoding: supplement), supplement.apply(to: &stream, now: now) else {
            throw .inconsistent
        }
    }

    public func finish() -> Stream {
        precondition(group == nil, "a group is open")
        return stream
    }
}
