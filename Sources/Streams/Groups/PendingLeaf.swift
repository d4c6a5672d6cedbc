// SPDX-License-Identifier: Apache-2.0

/// Neighbouring pending entries of a group, by ID. Two words a row, where all rows of the leaf fit them:
///
///     ID       see `PackedID`
///     state    32 bits    milliseconds since the leaf's base moment; the ticket if nobody holds the entry
///              20 bits    the consumer's number plus one; 0: nobody holds the entry
///              12 bits    the delivery count; 4095: the greatest of all, which failed entries have
///
/// else five: milliseconds, sequence, moment or ticket, consumer's number plus one, delivery count.
struct PendingLeaf: IDTreeLeaf {
    private var words: [UInt64] = []
    private var base: UInt64 = 0
    private var baseMoment: Int64 = 0
    /// The least age of all rows: see `PendingEntry.age`.
    private(set) var oldest = Int64.max
    /// The number, four times; 2: five words a row; 1: the last checkpoint has it otherwise.
    private var tag: UInt64 = 1

    private static let narrowWords = 2
    private static let wideWords = 5
    private static let consumerBits: UInt64 = 20
    private static let countBits: UInt64 = 12
    private static let endlessCount: UInt64 = 1 << countBits - 1

    var number: UInt64 {
        get { tag >> 2 }
        set { tag = newValue << 2 | tag & 3 }
    }

    var isChanged: Bool {
        get { tag & 1 == 1 }
        set { tag = tag & ~1 | (newValue ? 1 : 0) }
    }

    private(set) var isWide: Bool {
        get { tag & 2 == 2 }
        set { tag = tag & ~2 | (newValue ? 2 : 0) }
    }

    // MARK: Rows

    private var wordsPerRow: Int { isWide ? Self.wideWords : Self.narrowWords }

    var count: Int { words.count / wordsPerRow }

    func id(at row: Int) -> StreamID {
        isWide
            ? StreamID(words[Self.wideWords * row], words[Self.wideWords * row + 1])
            : PackedID.id(words[Self.narrowWords * row], base: base)
    }

    func entry(at row: Int) -> PendingEntry {
        if isWide {
            let first = Self.wideWords * row
            let holder: PendingEntry.Holder =
                words[first + 3] == 0
                ? .nobody(ticket: UInt32(words[first + 2]))
                : .consumer(
                    ConsumerNumber(UInt32(words[first + 3] - 1)), deliveredAt: Int64(bitPattern: words[first + 2]))
            return PendingEntry(id: id(at: row), holder: holder, deliveryCount: Int64(bitPattern: words[first + 4]))
        }
        let state = words[Self.narrowWords * row + 1]
        let high = state >> (Self.consumerBits + Self.countBits)
        let consumer = state >> Self.countBits & (1 << Self.consumerBits - 1)
        let count = state & Self.endlessCount
        return PendingEntry(
            id: id(at: row),
            holder: consumer == 0
                ? .nobody(ticket: UInt32(high))
                : .consumer(ConsumerNumber(UInt32(consumer - 1)), deliveredAt: baseMoment + Int64(high)),
            deliveryCount: count == Self.endlessCount ? .max : Int64(count))
    }

    var entries: [PendingEntry] { (0..<count).map { entry(at: $0) } }

    /// The first row whose ID is not below `id`.
    func lowerBound(_ id: StreamID) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self.id(at: middle) < id { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The row of this very ID.
    func row(of id: StreamID) -> Int? {
        let row = lowerBound(id)
        return row < count && self.id(at: row) == id ? row : nil
    }

    // MARK: Changes

    /// Puts an entry in its place, instead of one of the same ID if there is one; answers that.
    mutating func put(_ entry: PendingEntry) -> PendingEntry? {
        let row = lowerBound(entry.id)
        let old = row < count && id(at: row) == entry.id ? self.entry(at: row) : nil
        put(entry, at: row, insteadOf: old)
        return old
    }

    /// - Parameter old: what has this place and the same ID; `nil`: the entry comes in front of what has it.
    private mutating func put(_ entry: PendingEntry, at row: Int, insteadOf old: PendingEntry?) {
        isChanged = true
        if words.isEmpty { setBase([entry]) }
        if isWide {
            let values = Self.wide(entry)
            if old != nil {
                for place in 0..<Self.wideWords { words[Self.wideWords * row + place] = values[place] }
            } else {
                words.insert(contentsOf: values, at: Self.wideWords * row)
            }
        } else if let (id, state) = narrow(entry) {
            if old != nil {
                words[Self.narrowWords * row + 1] = state
            } else {
                insertNarrow(id, state, at: row)
            }
        } else {
            var entries = entries
            if old != nil { entries[row] = entry } else { entries.insert(entry, at: row) }
            return replaceAll(entries)
        }
        if let old, old.age == oldest, entry.age > oldest {
            findOldest(from: oldest)
        } else {
            oldest = min(oldest, entry.age)
        }
    }

    /// Counts another delivery of each entry that has content, as far as they are here.
    ///
    /// - Parameters:
    ///   - items: in the order of IDs.
    ///   - first: of an item that has content.
    ///   - holder: of all of them from now on.
    /// - Returns: the first item behind those that were counted; `nil` where the first isn't here.
    mutating func deliverAgain(_ items: [HistoryItem], from first: Int, to holder: PendingEntry.Holder) -> Int? {
        guard var row = row(of: items[first].id) else { return nil }
        var next = first
        while true {
            let old = entry(at: row)
            var entry = old
            entry.holder = holder
            entry.countDelivery()
            put(entry, at: row, insteadOf: old)
            repeat { next += 1 } while next < items.count && items[next].entry == nil
            if next == items.count { return next }
            row += 1
            if row == count { return next }
            if id(at: row) == items[next].id { continue }
            guard let found = self.row(of: items[next].id) else { return next }
            row = found
        }
    }

    private mutating func insertNarrow(_ id: UInt64, _ state: UInt64, at row: Int) {
        let place = Self.narrowWords * row
        words.append(id)
        words.append(state)
        var from = words.count - 1
        while from > place + 1 {
            words[from] = words[from - Self.narrowWords]
            from -= 1
        }
        words[place] = id
        words[place + 1] = state
    }

    mutating func remove(_ id: StreamID) -> PendingEntry? {
        guard let row = row(of: id) else { return nil }
        let entry = entry(at: row)
        isChanged = true
        words.removeSubrange(wordsPerRow * row..<wordsPerRow * (row + 1))
        if entry.age == oldest { findOldest(from: oldest) }
        return entry
    }

    mutating func replaceAll(_ entries: [PendingEntry]) {
        isChanged = true
        setBase(entries)
        words.removeAll(keepingCapacity: true)
        for entry in entries {
            guard !isWide, let (id, state) = narrow(entry) else {
                isWide = true
                words = entries.flatMap { Self.wide($0) }
                break
            }
            words.append(id)
            words.append(state)
        }
        findOldest()
    }

    private mutating func setBase(_ entries: [PendingEntry]) {
        isWide = false
        base = entries.first?.id.milliseconds ?? 0
        baseMoment = 0
        var least: Int64?
        for case .consumer(_, let moment) in entries.lazy.map(\.holder) { least = min(least ?? moment, moment) }
        baseMoment = least ?? 0
    }

    /// - Parameter bound: no row is older. Where many were delivered at one moment, as by one read, one of them is soon
    ///   found.
    private mutating func findOldest(from bound: Int64 = .min) {
        oldest = .max
        for row in 0..<count {
            oldest = min(oldest, age(at: row))
            if oldest == bound { return }
        }
    }

    func age(at row: Int) -> Int64 {
        if isWide { return entry(at: row).age }
        let state = words[Self.narrowWords * row + 1]
        let high = Int64(state >> (Self.consumerBits + Self.countBits))
        if state >> Self.countBits & (1 << Self.consumerBits - 1) != 0 { return baseMoment + high }
        return high == Int64(PendingEntry.parkedTicket) ? PendingEntry.parkedAge : .min + high
    }

    /// Both words; `nil` where they have no room.
    private func narrow(_ entry: PendingEntry) -> (id: UInt64, state: UInt64)? {
        guard let id = PackedID.word(entry.id, base: base) else { return nil }
        let count: UInt64
        switch entry.deliveryCount {
        case .max: count = Self.endlessCount
        case 0..<Int64(Self.endlessCount): count = UInt64(entry.deliveryCount)
        default: return nil
        }
        switch entry.holder {
        case .nobody(let ticket):
            return (id, UInt64(ticket) << (Self.consumerBits + Self.countBits) | count)
        case .consumer(let consumer, let moment):
            guard moment >= baseMoment, moment - baseMoment <= Int64(UInt32.max),
                UInt64(consumer.rawValue) + 1 < 1 << Self.consumerBits
            else { return nil }
            let high = UInt64(moment - baseMoment) << (Self.consumerBits + Self.countBits)
            return (id, high | (UInt64(consumer.rawValue) + 1) << Self.countBits | count)
        }
    }

    private static func wide(_ entry: PendingEntry) -> [UInt64] {
        let (moment, consumer): (UInt64, UInt64) =
            switch entry.holder {
            case .nobody(let ticket): (UInt64(ticket), 0)
            case .consumer(let consumer, let moment): (UInt64(bitPattern: moment), UInt64(consumer.rawValue) + 1)
            }
        return [
            entry.id.milliseconds, entry.id.sequence, moment, consumer, UInt64(bitPattern: entry.deliveryCount),
        ]
    }

    // MARK: In a tree

    var sum: PendingSum { PendingSum(count: count, oldest: oldest, isChanged: isChanged) }
    var isEmpty: Bool { words.isEmpty }
    static var lastStays: Bool { true }

    mutating func split(capacity: Int, atEnd: Bool) -> (first: StreamID, leaf: PendingLeaf)? {
        guard count > capacity else { return nil }
        let cut = atEnd ? count - 1 : count / 2
        var right = PendingLeaf()
        // One more than the capacity fits before the next split.
        right.words.reserveCapacity(Self.narrowWords * (capacity + 1))
        right.replaceAll((cut..<count).map { entry(at: $0) })
        words.removeSubrange((wordsPerRow * cut)...)
        isChanged = true
        findOldest()
        return (right.id(at: 0), right)
    }

    func isSparse(capacity: Int) -> Bool { count <= capacity / 4 }

    mutating func join(_ next: PendingLeaf, capacity: Int) -> Bool {
        guard count + next.count <= capacity * 3 / 4 else { return false }
        replaceAll(entries + next.entries)
        return true
    }

    /// Bytes on the heap.
    var memoryBytes: Int { HeapBytes.array(words) }
}

/// How many pending entries there are, and the least age among them.
struct PendingSum: IDTreeSum {
    private var packed: UInt64
    private(set) var oldest: Int64

    init(count: Int, oldest: Int64, isChanged: Bool) {
        packed = UInt64(count) << 1 | (isChanged ? 1 : 0)
        self.oldest = oldest
    }

    static var zero: PendingSum { PendingSum(count: 0, oldest: .max, isChanged: false) }

    var count: Int { Int(packed >> 1) }

    var isChanged: Bool {
        get { packed & 1 == 1 }
        set { packed = packed & ~1 | (newValue ? 1 : 0) }
    }

    mutating func add(_ other: PendingSum) {
        packed = (packed & ~1) + (other.packed & ~1) | (packed | other.packed) & 1
        oldest = min(oldest, other.oldest)
    }

    mutating func exchange(_ old: PendingSum, for new: PendingSum) -> Bool {
        // Another part may have the same least age, or not.
        if old.oldest == oldest, new.oldest > oldest { return false }
        self = PendingSum(
            count: count - old.count + new.count, oldest: min(oldest, new.oldest),
            isChanged: isChanged || new.isChanged)
        return true
    }
}
