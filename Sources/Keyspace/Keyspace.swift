// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
public import MartletStreams

/// Settings that shape what commands make of the state: they change by records alone.
public struct KeyspaceSettings: Hashable, Sendable {
    /// When streams close their open blocks.
    public var blocks = BlockLimits()
    /// What new streams remember of idempotent appends.
    public var idempotency = IdempotencyWindow()

    public init() {}
}

/// Tells those who wait that a key isn't what it was.
public enum KeySignal: Hashable, Sendable {
    /// It may have what somebody waits for.
    case filled(database: Int, name: [UInt8])
    /// It, or a group of it, may be gone.
    case lost(database: Int, name: [UInt8])
    /// Entries of it became pending.
    case delivered(database: Int, name: [UInt8])
}

/// Redis's databases as one value: a function of the records applied to it, whatever process holds it.
///
/// A copy shares memory with the original until one of them changes.
public struct Keyspace: Sendable {
    /// Source: Redis's default.
    public static let databaseCount = 16

    var databases: [Database]
    /// Streams by place, apart from their keys so that they change where they stand. A free place has an empty one:
    /// what is optional can't be lent by an array, and would be copied for each question.
    var streams: [Stream] = []
    /// Of the streams, in checkpoints: never given twice. 0: the place is free.
    private(set) var streamNumbers: [UInt64] = []
    private var freeStreams: [Int] = []
    var expiries = ExpiryQueue()
    var timers = StreamTimers()
    public internal(set) var settings = KeyspaceSettings()
    /// Who may do what. Of it the list is state; the auth service stands beside, and is whoever's who holds both.
    public var access = AccessControl()
    let streamConfiguration: StreamConfiguration

    /// Changes of keys, ever.
    public internal(set) var changeCount: UInt64 = 0
    private(set) var keyNumber: UInt64 = 0
    private(set) var streamNumber: UInt64 = 0
    /// What the next checkpoint has to say.
    var changes = KeyspaceChanges()
    /// Which blocks of streams may leave memory, and do.
    var cache = BlockCache()

    // MARK: Not state

    /// Whether `signals` are wanted: where clients wait.
    public var isSignalling = true
    /// What happened to keys since somebody last looked, in order; a key's signals in a row are one.
    public var signals: [KeySignal] = []
    /// Whether `events` are wanted.
    public var isNotifying = false
    /// What to tell subscribers of keyspace events.
    public var events: [KeyEvent] = []

    /// - Parameters:
    ///   - hashSeed: of the process; shows nowhere.
    ///   - blockBytes: what blocks of streams may take in memory, for a keyspace whose checkpoints are written; `nil`:
    ///     as much as they want. See `BlockCache`.
    public init(
        hashSeed: UInt64 = 0, streamConfiguration: StreamConfiguration = StreamConfiguration(), blockBytes: Int? = nil
    ) {
        databases = (0..<Self.databaseCount).map { Database(seed: hashSeed &+ UInt64($0)) }
        var configuration = streamConfiguration
        configuration.isEvictable = blockBytes != nil
        self.streamConfiguration = configuration
        cache.budgetBytes = blockBytes
    }

    // MARK: Finding

    /// The place of a key that is there and not expired.
    @inline(__always)
    func place(_ call: Call, _ index: Int) -> Int? {
        let range = call.arguments.range(index)
        guard
            let place = databases[call.database].place(of: call.arguments.bytes.span.bytes.extracting(range))
        else { return nil }
        return databases[call.database][place].isExpired(at: call.time) ? nil : place
    }

    func place(_ name: [UInt8], in database: Int, now: Int64) -> Int? {
        guard let place = databases[database].place(of: name.span.bytes),
            !databases[database][place].isExpired(at: now)
        else { return nil }
        return place
    }

    /// As `place`, for a reply that tells what the key holds: it is counted.
    @inline(__always)
    func place(_ call: Call, _ index: Int, _ reply: inout ReplyWriter) -> Int? {
        let place = place(call, index)
        reply.noteLookup(isFound: place != nil)
        return place
    }

    /// As `place`, for a command that changes the state: a key that is expired goes at once.
    @inline(__always)
    mutating func livePlace(_ call: Call, _ index: Int) -> Int? {
        let range = call.arguments.range(index)
        guard
            let place = databases[call.database].place(of: call.arguments.bytes.span.bytes.extracting(range))
        else { return nil }
        guard databases[call.database][place].isExpired(at: call.time) else { return place }
        expire(place, in: call.database)
        return nil
    }

    /// As above, for a reply that tells what the key held: it is counted.
    @inline(__always)
    mutating func livePlace(_ call: Call, _ index: Int, _ reply: inout ReplyWriter) -> Int? {
        let place = livePlace(call, index)
        reply.noteLookup(isFound: place != nil)
        return place
    }

    mutating func livePlace(_ name: [UInt8], in database: Int, now: Int64) -> Int? {
        guard let place = databases[database].place(of: name.span.bytes) else { return nil }
        guard databases[database][place].isExpired(at: now) else { return place }
        expire(place, in: database)
        return nil
    }

    /// The stream of a key.
    ///
    /// - Throws: `wrongType`.
    @inline(__always)
    func stream(_ call: Call, _ index: Int) throws(CommandError) -> Int? {
        guard let place = place(call, index) else { return nil }
        guard case .stream(let stream) = databases[call.database][place].value else { throw .wrongType }
        return stream
    }

    /// As above, for a reply that tells of it: it is counted.
    ///
    /// - Throws: `wrongType`.
    @inline(__always)
    func stream(_ call: Call, _ index: Int, _ reply: inout ReplyWriter) throws(CommandError) -> Int? {
        guard let place = place(call, index, &reply) else { return nil }
        guard case .stream(let stream) = databases[call.database][place].value else { throw .wrongType }
        return stream
    }

    /// The stream of a key that is to change, and the key's place.
    ///
    /// - Throws: `wrongType`.
    @inline(__always)
    mutating func liveStream(
        _ call: Call, _ index: Int
    ) throws(CommandError) -> (stream: Int, place: Int)? {
        guard let place = livePlace(call, index) else { return nil }
        guard case .stream(let stream) = databases[call.database][place].value else { throw .wrongType }
        return (stream, place)
    }

    /// Asks a stream on the way of a change. It is lent: of an array's element that isn't, all would be copied for the
    /// question, some twenty references.
    @inline(__always)
    mutating func ask<Answer>(_ stream: Int, _ question: (inout Stream) -> Answer) -> Answer {
        question(&streams[stream])
    }

    /// Whether a stream with this number is at a place.
    func hasStream(_ place: Int, number: UInt64) -> Bool {
        place < streams.count && number != 0 && streamNumbers[place] == number
    }

    /// As `ask`, where nothing may change: it can't be lent there, and all but simple questions cost a copy.
    @inline(__always)
    func look<Answer>(at stream: Int, _ question: (Stream) -> Answer) -> Answer {
        question(streams.span[stream])
    }

    // MARK: Changing

    /// Says that a key changed: whoever watches it will find so.
    @inline(__always)
    mutating func touch(_ place: Int, in database: Int) {
        changeCount += 1
        databases[database][place].version = changeCount
        markChanged(place, in: database)
        if mayLackBlocks { noteRewritten(place, in: database) }
    }

    /// Has the next checkpoint write a key, for what changed in it concerns nobody who watches it.
    @inline(__always)
    mutating func markChanged(_ place: Int, in database: Int) {
        if databases[database][place].isChanged { return }
        databases[database][place].isChanged = true
        noteChange(place, in: database)
    }

    /// Has the next checkpoint write a key that says of itself that it has changed.
    mutating func noteChange(_ place: Int, in database: Int) {
        guard streamConfiguration.isCheckpointed else { return }
        changes.keys.append(KeyspaceChanges.Place(database: Int32(database), place: Int32(place)))
    }

    @discardableResult
    mutating func add(_ name: [UInt8], _ value: KeyValue, in database: Int) -> Int {
        changeCount += 1
        keyNumber += 1
        let place = databases[database].add(name, value, version: changeCount, number: keyNumber)
        noteChange(place, in: database)
        settleStream(place, in: database)
        return place
    }

    /// Sets what a key holds, new or not; how long it lives stays.
    @discardableResult
    mutating func put(_ name: [UInt8], _ value: KeyValue, in database: Int, now: Int64) -> Int {
        guard let place = livePlace(name, in: database, now: now) else { return add(name, value, in: database) }
        release(databases[database][place].value)
        if databases[database][place].value.type != value.type { signalLost(name, database) }
        databases[database][place].value = value
        touch(place, in: database)
        return place
    }

    mutating func add(_ stream: Stream) -> Int {
        streamNumber += 1
        return add(stream, number: streamNumber)
    }

    /// - Parameter number: one that was never given.
    mutating func add(_ stream: Stream, number: UInt64) -> Int {
        if let place = freeStreams.popLast() {
            streams[place] = stream
            streamNumbers[place] = number
            timers.clear(place)
            return place
        }
        streams.append(stream)
        streamNumbers.append(number)
        timers.clear(streams.count - 1)
        return streams.count - 1
    }

    /// For a keyspace that comes back from a checkpoint.
    mutating func restore(_ state: KeyspaceState) {
        changeCount = state.changeCount
        keyNumber = state.keyNumber
        streamNumber = state.streamNumber
        settings = state.settings
        for (database, version) in state.absentVersions.enumerated() { databases[database].absentVersion = version }
    }

    var emptyStream: Stream {
        var stream = Stream(configuration: streamConfiguration)
        if settings.idempotency != stream.idempotencyWindow {
            try? stream.setIdempotency(
                durationSeconds: settings.idempotency.durationSeconds,
                maximumCount: settings.idempotency.maximumCount)
        }
        return stream
    }

    /// Takes a key away.
    mutating func remove(_ place: Int, in database: Int) {
        let row = databases[database].remove(place)
        release(row.value)
        gone(row, in: database)
    }

    /// Takes a key away, and gives what it held.
    mutating func take(_ place: Int, in database: Int) -> KeyRow {
        let row = databases[database].remove(place)
        gone(row, in: database)
        return row
    }

    private mutating func gone(_ row: KeyRow, in database: Int) {
        if streamConfiguration.isCheckpointed { changes.removedKeys.append(row.number) }
        touchAbsent(database)
        signalLost(row.name, database)
    }

    /// Says that any key which isn't there may have been.
    mutating func touchAbsent(_ database: Int) {
        changeCount += 1
        databases[database].absentVersion = changeCount
    }

    private mutating func release(_ value: KeyValue) {
        guard case .stream(let stream) = value else { return }
        if streamConfiguration.isCheckpointed {
            streams[stream].encodeRemoval(of: streamNumbers[stream], into: &changes.removedStreams)
        }
        streams[stream] = Stream(configuration: streamConfiguration)
        streamNumbers[stream] = 0
        freeStreams.append(stream)
    }

    private mutating func expire(_ place: Int, in database: Int) {
        let name = databases[database][place].name
        remove(place, in: database)
        notify(.expired, "expired", name, database)
    }

    mutating func setExpiry(_ place: Int, in database: Int, _ moment: Int64) {
        databases[database].setExpiry(place, moment)
        markChanged(place, in: database)
        if moment == KeyRow.endless { return }
        expiries.put(
            ExpiryQueue.Item(
                moment: moment, number: databases[database][place].number, database: Int32(database),
                place: Int32(place)))
    }

    // MARK: Expiry

    /// Keys that one record takes away at most, so that none takes long to apply.
    public static let maximumExpiredPerRecord = 1000

    /// Takes away keys that are expired.
    mutating func expireKeys(now: Int64) {
        for _ in 0..<Self.maximumExpiredPerRecord {
            guard let item = expiries.earliest, item.moment <= now else { return }
            expiries.removeEarliest()
            let (database, place) = (Int(item.database), Int(item.place))
            if place < databases[database].rows.count, let row = databases[database].rows[place],
                row.number == item.number, row.expiresAt == item.moment
            {
                expire(place, in: database)
            }
        }
    }

    // MARK: Signals

    @inline(__always)
    mutating func signalFilled(_ place: Int, in database: Int) {
        if isSignalling { signal(.filled(database: database, name: databases[database][place].name)) }
    }

    mutating func signalLost(_ name: [UInt8], _ database: Int) {
        if isSignalling { signal(.lost(database: database, name: name)) }
    }

    mutating func signalDelivered(_ place: Int, in database: Int) {
        if isSignalling { signal(.delivered(database: database, name: databases[database][place].name)) }
    }

    private mutating func signal(_ signal: KeySignal) {
        if signals.last != signal { signals.append(signal) }
    }

    // MARK: Numbers

    /// Keys of a database, and how many of them expire some day.
    public func counts(of database: Int) -> (keys: Int, expiring: Int) {
        (databases[database].count, databases[database].expiringCount)
    }

    /// Milliseconds that a database's keys which expire live on, on the average. Complexity: O(1).
    public func averageTTL(of database: Int, now: Int64) -> Int64 {
        let count = databases[database].expiringCount
        if count == 0 { return 0 }
        return Int64(clamping: max(databases[database].expirySum / Int128(count) - Int128(now), 0))
    }

    // MARK: Watching

    /// Changes with every change of a key, and may change without one.
    public func version(of name: [UInt8], in database: Int, now: Int64) -> UInt64 {
        guard let place = place(name, in: database, now: now) else { return databases[database].absentVersion }
        return databases[database][place].version
    }
}
