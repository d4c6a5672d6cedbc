// SPDX-License-Identifier: Apache-2.0

/// How long and how many idempotent IDs a stream remembers.
public struct IdempotencyWindow: Hashable, Sendable {
    public var durationSeconds: Int64
    /// Of one producer.
    public var maximumCount: Int

    /// Source: Redis 8.6, `stream-idmp-duration` and `stream-idmp-maxsize`, the limits of XCFGSET.
    public static let durationSecondsRange: ClosedRange<Int64> = 1...86_400
    public static let maximumCountRange = 1...10_000

    public init(durationSeconds: Int64 = 100, maximumCount: Int = 100) {
        self.durationSeconds = durationSeconds
        self.maximumCount = maximumCount
    }
}

/// Says that an append is the same as any other of this producer and ID.
public struct IdempotentKey: Hashable, Sendable {
    public var producer: [UInt8]
    public var id: [UInt8]

    /// - Throws: `emptyProducerID`, `emptyIdempotentID`.
    public init(producer: [UInt8], id: [UInt8]) throws(StreamError) {
        if producer.isEmpty { throw .emptyProducerID }
        if id.isEmpty { throw .emptyIdempotentID }
        self.producer = producer
        self.id = id
    }
}

/// What one producer appended lately, oldest first.
struct Producer: Sendable {
    struct Item: Hashable, Sendable {
        var id: [UInt8]
        var entry: StreamID
    }

    private var items: [Item] = []
    /// Items in front that are gone.
    private var begin = 0
    /// Asked, never walked.
    private var entries: [[UInt8]: StreamID] = [:]

    var count: Int { items.count - begin }
    var all: ArraySlice<Item> { items[begin...] }
    var oldest: StreamID? { begin < items.count ? items[begin].entry : nil }

    func entry(of id: [UInt8]) -> StreamID? { entries[id] }

    /// The ID must be new. Keeps the order of entries.
    mutating func add(_ id: [UInt8], _ entry: StreamID) {
        var place = items.count
        while place > begin, items[place - 1].entry > entry { place -= 1 }
        items.insert(Item(id: id, entry: entry), at: place)
        entries[id] = entry
    }

    mutating func removeOldest() {
        entries[items[begin].id] = nil
        begin += 1
        if begin * 2 >= items.count {
            items.removeSubrange(..<begin)
            begin = 0
        }
    }
}

/// Idempotent appends that a stream remembers.
struct IdempotentAppends: Sendable {
    private(set) var window = IdempotencyWindow()
    var producers = NameTable<Producer>()
    /// IDs ever noted, and appends that found theirs.
    var addedCount: UInt64 = 0
    var duplicateCount: UInt64 = 0
    /// When producers were last looked through for what is too old, in milliseconds.
    var sweptAt: Int64 = 0
    /// What checkpoints must remove: producers that are gone.
    var removedProducers: [Int] = []
    private let notesRemoved: Bool

    init(notesRemoved: Bool) {
        self.notesRemoved = notesRemoved
    }

    /// Producers that say nothing more are forgotten within this time, at the next idempotent append.
    private static let sweepMilliseconds: Int64 = 1000

    private func isExpired(_ entry: StreamID, now: Int64) -> Bool {
        let begin = now - window.durationSeconds * 1000
        return begin >= 0 && entry.milliseconds <= UInt64(begin)
    }

    /// The entry that this append has made already.
    func entry(of key: IdempotentKey, now: Int64) -> StreamID? {
        guard let place = producers.place(of: key.producer),
            let entry = producers.withValue(at: place, { $0.entry(of: key.id) }), !isExpired(entry, now: now)
        else { return nil }
        return entry
    }

    mutating func note(_ key: IdempotentKey, _ entry: StreamID, now: Int64) {
        sweep(now: now)
        let place = producers.place(of: key.producer) ?? producers.add(key.producer, Producer())
        removeExpired(of: place, now: now)
        while producers[place].count >= window.maximumCount { producers[place].removeOldest() }
        producers[place].add(key.id, entry)
        addedCount += 1
    }

    private mutating func removeExpired(of place: Int, now: Int64) {
        while let oldest = producers.withValue(at: place, { $0.oldest }), isExpired(oldest, now: now) {
            producers[place].removeOldest()
        }
    }

    private mutating func sweep(now: Int64) {
        guard now - sweptAt >= Self.sweepMilliseconds else { return }
        sweptAt = now
        for place in producers.takenPlaces {
            removeExpired(of: place, now: now)
            if producers.withValue(at: place, { $0.count }) == 0 { remove(place) }
        }
    }

    private mutating func remove(_ place: Int) {
        producers.remove(at: place)
        if notesRemoved { removedProducers.append(place) }
    }

    /// Forgets everything if the window is another one.
    mutating func setWindow(_ window: IdempotencyWindow) {
        if window == self.window { return }
        for place in producers.takenPlaces { remove(place) }
        self.window = window
    }

    /// For a stream that comes back from a checkpoint.
    mutating func restoreWindow(_ window: IdempotencyWindow) {
        self.window = window
    }

    /// Producers and IDs that are remembered now.
    func trackedCounts(now: Int64) -> (producers: Int, ids: Int) {
        var counts = (producers: 0, ids: 0)
        for place in producers.takenPlaces {
            let ids = producers.withValue(at: place) { producer in
                producer.all.reduce(0) { $0 + (isExpired($1.entry, now: now) ? 0 : 1) }
            }
            if ids > 0 { counts = (counts.producers + 1, counts.ids + ids) }
        }
        return counts
    }
}
