// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// One group of a stream: how far it has read, what is pending, and its consumers.
///
/// Each pending entry stands once in the group's tree, with its state, and its ID once more with the consumer that
/// holds it. The tree's sums know the least age of every part, which finds the entries that wait longest without a list
/// of their own; one delivered at the same moment as another comes in the order of IDs.
public struct ConsumerGroup: Sendable {
    /// So many fit the key of a checkpoint's record.
    static let maximumConsumerCount = 1 << 24
    /// What the state of one pending entry takes in a checkpoint, about.
    static let changeBytes = 16

    private let configuration: StreamConfiguration
    /// All up to it is passed; of what is urgent also more, see `ahead`.
    public internal(set) var lastDeliveredID: StreamID {
        didSet { if !ahead.isEmpty { settleAhead() } }
    }
    /// How far the group has passed entries of each priority, where that is further than `lastDeliveredID`: one ID for
    /// each. Empty where none is. It stays when the policy ends, so that nothing is handed over twice.
    var ahead: [StreamID] = []
    /// Where `lastDeliveredID` is.
    var place = ReadingPlace()
    /// How many of the stream's entries the group has passed, counting all that were ever added; `nil`: unknown.
    public internal(set) var entriesRead: Int64?
    var pending: IDTree<PendingLeaf>
    var consumers = NameTable<Consumer>()
    /// Pending entries that nobody holds.
    public internal(set) var releasedCount = 0
    /// Of these, such as wait behind others with their key.
    public internal(set) var parkedCount = 0
    public internal(set) var policy = GroupPolicy()
    /// When consumers are looked at that may have been idle for too long, in milliseconds of the Unix clock.
    var consumersDueAt: Int64?
    /// Whom entries with a key follow, where the policy says so.
    var order = OrderTable()
    /// Of the next entry that is given back.
    var nextTicket: UInt32 = 0 {
        didSet { isTicketChanged = true }
    }
    /// Whether the last checkpoint has another ticket: an acknowledgement may give one to what follows.
    var isTicketChanged = false
    /// About what changed since the last checkpoint began.
    var changedBytes = 0
    /// What checkpoints must remove: consumers that are gone.
    var removedConsumers: [Int] = []

    init(lastDeliveredID: StreamID, entriesRead: Int64?, _ configuration: StreamConfiguration) {
        self.configuration = configuration
        self.lastDeliveredID = lastDeliveredID
        self.entriesRead = entriesRead
        pending = IDTree(
            nodeCapacity: configuration.nodeCapacity, leafCapacity: configuration.pendingCapacity,
            notesDropped: configuration.isCheckpointed)
    }

    public var pendingCount: Int { pending.sum.count }
    public var consumerCount: Int { consumers.count }
    /// Pending entries that were given back.
    public var nackedCount: Int { releasedCount - parkedCount }

    // MARK: Consumers

    public func consumer(named name: [UInt8]) -> ConsumerNumber? {
        consumers.place(of: name).map { ConsumerNumber(UInt32($0)) }
    }

    /// Whether there is a consumer of this name.
    func hasConsumer(named name: RawSpan) -> Bool { consumers.place(of: name) != nil }

    public func name(of number: ConsumerNumber) -> [UInt8] { consumers[row: Int(number.rawValue)].name }

    /// Whether a consumer of this name was made, because there was none.
    mutating func createConsumer(_ name: [UInt8], now: Int64) throws(StreamError) -> Bool {
        if consumers.place(of: name) != nil { return false }
        _ = try addConsumer(name, now: now)
        return true
    }

    private mutating func addConsumer(_ name: [UInt8], now: Int64) throws(StreamError) -> Int {
        guard consumers.nextPlace < Self.maximumConsumerCount else { throw .tooManyConsumers }
        if consumersDueAt == nil { consumersDueAt = policy.idleLimit.flatMap { Stream.sum(now, $0) } }
        return consumers.add(name, Consumer(seenAt: now, configuration))
    }

    /// The consumer of this name, made if need be, which is asking for something now.
    mutating func seeConsumer(_ name: RawSpan, now: Int64) throws(StreamError) -> (ConsumerNumber, isNew: Bool) {
        if let place = consumers.place(of: name) {
            consumers[place].seenAt = now
            return (ConsumerNumber(UInt32(place)), false)
        }
        return (ConsumerNumber(UInt32(try addConsumer([UInt8](copying: name), now: now))), true)
    }

    /// Takes a consumer away with all it holds.
    ///
    /// - Returns: how many pending entries went with it; `nil` where there is no such consumer.
    mutating func deleteConsumer(_ name: [UInt8]) -> Int? {
        guard let place = consumers.place(of: name) else { return nil }
        var ids: [StreamID] = []
        consumers[place].forEachID(in: .all) { id in
            ids.append(id)
            return true
        }
        for id in ids { removePending(id) }
        consumers.remove(at: place)
        if configuration.isCheckpointed { removedConsumers.append(place) }
        return ids.count
    }

    // MARK: Pending entries

    public func pendingEntry(_ id: StreamID) -> PendingEntry? {
        pending.withLeaf(of: id) { leaf, _ in leaf.row(of: id).map { leaf.entry(at: $0) } } ?? nil
    }

    public func isPending(_ id: StreamID) -> Bool {
        pending.withLeaf(of: id) { leaf, _ in leaf.row(of: id) != nil } ?? false
    }

    /// Makes an entry pending, or changes its state. Whoever held it loses it.
    mutating func setPending(_ entry: PendingEntry) {
        let old = pending.insert(entry.id, initial: PendingLeaf()) { leaf, _ in leaf.put(entry) }
        changedBytes += Self.changeBytes
        if old?.holder.isNobody == true { releasedCount -= 1 }
        if entry.holder.isNobody { releasedCount += 1 }
        if old?.isParked == true { parkedCount -= 1 }
        if entry.isParked { parkedCount += 1 }
        guard old?.consumer != entry.consumer else { return }
        if let before = old?.consumer { releaseID(entry.id, of: before) }
        // The row of a consumer in the checkpoint doesn't name what it holds.
        if let now = entry.consumer { consumers[row: Int(now.rawValue)].value.add(entry.id) }
    }

    /// Takes an entry off the list; `nil` where it isn't on it.
    @discardableResult
    mutating func removePending(_ id: StreamID) -> PendingEntry? {
        guard let entry = pending.update(id, { leaf, _ in leaf.remove(id) }) ?? nil else { return nil }
        changedBytes += Self.changeBytes
        if let consumer = entry.consumer { releaseID(id, of: consumer) } else { releasedCount -= 1 }
        if entry.isParked { parkedCount -= 1 }
        // Whoever follows it may go now: also one before it, in a group that was moved back.
        if !order.isEmpty, let next = order.remove(id), !entry.isParked, var follower = pendingEntry(next),
            follower.isParked
        {
            follower.holder = .nobody(ticket: takeTicket())
            setPending(follower)
        }
        return entry
    }

    private mutating func releaseID(_ id: StreamID, of consumer: ConsumerNumber) {
        consumers[row: Int(consumer.rawValue)].value.remove(id)
    }

    /// Calls `body` with pending entries of a range in order, until it answers `false`.
    public func forEachPending(in range: StreamRange, _ body: (PendingEntry) -> Bool) {
        forEachPending(in: range, upTo: .max, body)
    }

    /// As above, but for entries up to an age. Parts of the tree that hold none are passed over.
    func forEachPending(in range: StreamRange, upTo age: Int64, _ body: (PendingEntry) -> Bool) {
        if range.isEmpty { return }
        _ = pending.root.forEachRow(in: range, maximumAge: age, body)
    }

    func hasPending(in range: StreamRange) -> Bool {
        var isThere = false
        forEachPending(in: range) { _ in
            isThere = true
            return false
        }
        return isThere
    }

    /// The lowest and the highest ID that is pending.
    public var pendingBounds: StreamRange? {
        var bounds: StreamRange?
        forEachPending(in: .all) { entry in
            bounds = StreamRange(entry.id, entry.id)
            return false
        }
        pending.forEachLeafReversed { _, leaf in
            if leaf.count == 0 { return true }
            bounds?.upper = leaf.id(at: leaf.count - 1)
            return false
        }
        return bounds
    }

    /// A ticket above all that are out.
    mutating func takeTicket() -> UInt32 {
        if releasedCount == 0 { nextTicket = 0 }
        if nextTicket == .max { renumberTickets() }
        defer { nextTicket += 1 }
        return nextTicket
    }

    /// Gives new tickets, from 0 on, in the order of the old ones. Complexity: O(n log n), once in 2^32 returns.
    private mutating func renumberTickets() {
        var released: [PendingEntry] = []
        forEachPending(in: .all, upTo: -1) { entry in
            released.append(entry)
            return true
        }
        released.sort { $0.age < $1.age }
        for (ticket, entry) in released.enumerated() {
            var entry = entry
            entry.holder = .nobody(ticket: UInt32(ticket))
            setPending(entry)
        }
        nextTicket = UInt32(released.count)
    }
}

extension PendingEntry.Holder {
    var isNobody: Bool {
        if case .nobody = self { true } else { false }
    }
}

extension IDTree<PendingLeaf>.Node {
    fileprivate func forEachRow(
        in range: StreamRange, maximumAge: Int64, _ body: (PendingEntry) -> Bool
    ) -> Bool {
        if count == 0 { return true }
        for place in place(of: range.lower)..<count where sums[place].oldest <= maximumAge {
            if firsts[place] > range.upper { return false }
            if !isBottom {
                guard children.span[place].forEachRow(in: range, maximumAge: maximumAge, body) else { return false }
                continue
            }
            let leaf = leaves[place]
            var row = leaf.lowerBound(range.lower)
            while row < leaf.count {
                let entry = leaf.entry(at: row)
                if entry.id > range.upper { return false }
                if entry.age <= maximumAge, !body(entry) { return false }
                row += 1
            }
        }
        return true
    }
}
