// SPDX-License-Identifier: Apache-2.0

/// Commands that wait, and whose turn it is.
///
/// For each key there are queues in the order in which waiters came: one of readers, who all get what comes; one for
/// each group, of which an entry goes to one; one of those who take items from lists. A waiter stands in a queue of
/// each of its keys and keeps its places until it is served: one that was looked at in vain loses nothing.
///
/// When something comes to a key, a queue is gone through from its head as long as waiters are served: a new entry
/// costs what it serves and one look more, however many wait.
///
///     wake(signals) … while let waiter = next() { run it; settle(waiter.client, isServed: …) }
public struct BlockedReaders: Sendable {
    private struct Key: Hashable, Sendable {
        var database: Int
        var name: [UInt8]
    }

    /// Waiters in the order of their arrival. Those who left are passed over.
    private struct Queue: Sendable {
        var tickets: [UInt64] = []
        var begin = 0
        /// Whoever waits before it is reserved, or has left.
        var firstFree = 0

        mutating func compact() {
            guard begin > 32, begin * 2 > tickets.count else { return }
            tickets.removeFirst(begin)
            firstFree = max(firstFree - begin, 0)
            begin = 0
        }
    }

    private struct Place: Hashable, Sendable {
        var key: Key
        var kind: Waiter.Kind
    }

    /// A queue that is being gone through.
    private struct Turn: Sendable {
        var place: Place
        var offset: Int
        /// Tickets from here on came after the turn began.
        var end: UInt64
        /// Whether one that isn't served doesn't end the turn.
        var isForAll: Bool
    }

    // All dictionaries are asked, never walked, but for counts, in which no order shows.
    private var waiters: [UInt64: Waiter] = [:]
    private var ticketOfClient: [UInt64: UInt64] = [:]
    private var queues: [Place: Queue] = [:]
    /// Groups that have queues at a key, in the order in which they came to be.
    private var groups: [Key: [Waiter.Kind]] = [:]
    private var turns: [Turn] = []
    private var firstTurn = 0
    /// Waiters who are looked at by themselves, because of pending entries.
    private var single: [UInt64] = []
    private var running: (ticket: UInt64, isSingle: Bool)?
    private var nextTicket: UInt64 = 0
    private var deadlines = TicketHeap()
    private var claims = TicketHeap()

    public init() {}

    public var count: Int { waiters.count }
    public var isEmpty: Bool { waiters.isEmpty }

    public struct Counts: Hashable, Sendable {
        public var clients = 0
        /// Keys that somebody waits at.
        public var keys = 0
        /// Those at which readers of groups wait, who are told when the key is lost.
        public var keysOfGroups = 0
    }

    /// Complexity: O(queues).
    public var counts: Counts {
        Counts(clients: count, keys: Set(queues.keys.map(\.key)).count, keysOfGroups: groups.count)
    }

    /// Whether a client waits.
    public func waits(_ client: UInt64) -> Bool { ticketOfClient[client] != nil }

    /// Whether a client waits whose wait may be ended from outside.
    public func mayEnd(_ client: UInt64) -> Bool {
        ticketOfClient[client].flatMap { waiters[$0] }.map { !$0.isReserved } ?? false
    }

    // MARK: Coming and going

    public mutating func add(_ waiter: Waiter) {
        precondition(ticketOfClient[waiter.client] == nil, "client \(waiter.client) waits already")
        let ticket = nextTicket
        nextTicket += 1
        ticketOfClient[waiter.client] = ticket
        waiters[ticket] = waiter
        for name in waiter.keys {
            let place = Place(key: Key(database: waiter.database, name: name), kind: waiter.kind)
            if case .group = waiter.kind, queues[place] == nil { groups[place.key, default: []].append(waiter.kind) }
            if queues[place, default: Queue()].tickets.last != ticket {
                queues[place, default: Queue()].tickets.append(ticket)
            }
        }
        if let deadline = waiter.deadline { deadlines.put(deadline, ticket) }
        if let due = waiter.due.first { claims.put(due, ticket) }
    }

    /// Takes a client's waiter away, if there is one.
    @discardableResult
    public mutating func remove(_ client: UInt64) -> Waiter? {
        guard let ticket = ticketOfClient.removeValue(forKey: client) else { return nil }
        let waiter = waiters.removeValue(forKey: ticket)
        for name in waiter?.keys ?? [] {
            tidy(Place(key: Key(database: waiter!.database, name: name), kind: waiter!.kind))
        }
        return waiter
    }

    /// Forgets those at a queue's head who left, and the queue with the last of them.
    private mutating func tidy(_ place: Place) {
        guard var queue = queues[place], !turns[firstTurn...].contains(where: { $0.place == place }) else { return }
        while queue.begin < queue.tickets.count, waiters[queue.tickets[queue.begin]] == nil { queue.begin += 1 }
        if queue.begin == queue.tickets.count {
            queues[place] = nil
            groups[place.key]?.removeAll { $0 == place.kind }
            if groups[place.key]?.isEmpty == true { groups[place.key] = nil }
            return
        }
        queue.compact()
        queues[place] = queue
    }

    // MARK: Turns

    /// Takes note of what happened to keys.
    public mutating func wake(_ signals: [KeySignal]) {
        if isEmpty { return }
        for signal in signals {
            switch signal {
            case .filled(let database, let name):
                let key = Key(database: database, name: name)
                begin(Place(key: key, kind: .reader), isForAll: true)
                for kind in groups[key] ?? [] { begin(Place(key: key, kind: kind), isForAll: false) }
                begin(Place(key: key, kind: .popper), isForAll: false)
            case .lost(let database, let name):
                let key = Key(database: database, name: name)
                for kind in groups[key] ?? [] { begin(Place(key: key, kind: kind), isForAll: true) }
            case .delivered(let database, let name):
                addWithoutClaim(Key(database: database, name: name))
            }
        }
    }

    /// Makes it everybody's turn: something may have happened to any key. Complexity: O(n log n), and more where
    /// waiters stand at many keys.
    public mutating func wakeAll() {
        var seen: Set<Key> = []
        for ticket in waiters.keys.sorted() {
            guard let waiter = waiters[ticket] else { continue }
            for name in waiter.keys where seen.insert(Key(database: waiter.database, name: name)).inserted {
                wake([
                    .filled(database: waiter.database, name: name), .lost(database: waiter.database, name: name),
                ])
            }
        }
    }

    /// Entries are pending now: those for whom no moment was in sight have to look for it.
    private mutating func addWithoutClaim(_ key: Key) {
        for kind in groups[key] ?? [] {
            guard case .group(_, claims: true) = kind, let queue = queues[Place(key: key, kind: kind)] else { continue }
            for ticket in queue.tickets[queue.begin...] where waiters[ticket].map({ $0.due.claim == nil }) == true {
                single.append(ticket)
            }
        }
    }

    private mutating func begin(_ place: Place, isForAll: Bool) {
        guard let queue = queues[place] else { return }
        if let last = turns[firstTurn...].lastIndex(where: { $0.place == place && $0.isForAll == isForAll }),
            turns[last].end == nextTicket
        {
            // The turn that is due looks at what the keys hold then.
            if turns[last].offset <= queue.begin { return }
        }
        turns.append(Turn(place: place, offset: queue.begin, end: nextTicket, isForAll: isForAll))
    }

    /// Whoever is to be run next. Until `settle` nobody else is.
    public mutating func next() -> Waiter? {
        precondition(running == nil, "a waiter is not settled")
        while let ticket = single.popLast() {
            if let waiter = waiters[ticket], !waiter.isReserved {
                running = (ticket, true)
                return waiter
            }
        }
        while firstTurn < turns.count {
            let turn = turns[firstTurn]
            if let queue = queues[turn.place] {
                var offset = max(turn.offset, queue.begin)
                while offset < queue.tickets.count, queue.tickets[offset] < turn.end {
                    if let waiter = waiters[queue.tickets[offset]], !waiter.isReserved {
                        turns[firstTurn].offset = offset + 1
                        running = (queue.tickets[offset], false)
                        return waiter
                    }
                    offset += 1
                }
            }
            endTurn()
        }
        turns.removeAll(keepingCapacity: true)
        firstTurn = 0
        return nil
    }

    private mutating func endTurn() {
        let place = turns[firstTurn].place
        firstTurn += 1
        tidy(place)
    }

    /// Says what became of the waiter that `next` gave.
    ///
    /// - Parameters:
    ///   - due: of one that goes on waiting.
    ///   - looked: how far that one has looked; `nil`: as before.
    public mutating func settle(isServed: Bool, due: Waiter.Due = .init(), looked: [Waiter.Looked]? = nil) {
        guard let (ticket, isSingle) = running else { preconditionFailure("no waiter is running") }
        running = nil
        guard let waiter = waiters[ticket] else { return }
        if isServed {
            remove(waiter.client)
            return
        }
        if !isSingle, !turns[firstTurn].isForAll { endTurn() }
        if let looked, !looked.isEmpty { waiters[ticket]!.looked = looked }
        setDue(ticket, due)
    }

    private mutating func setDue(_ ticket: UInt64, _ due: Waiter.Due) {
        guard waiters[ticket] != nil, waiters[ticket]!.due != due else { return }
        waiters[ticket]!.due = due
        if let moment = due.first { claims.put(moment, ticket) }
    }

    // MARK: By way of a log

    // Where a command takes effect only later, its waiter is reserved from its proposal to its outcome: nobody looks at
    // it, and nothing ends its wait.

    /// Whether anybody waits at a key who takes what comes away from others. Complexity: O(1).
    public func hasTakers(database: Int, name: [UInt8]) -> Bool {
        let key = Key(database: database, name: name)
        return groups[key] != nil || queues[Place(key: key, kind: .popper)] != nil
    }

    /// Reserves, of each group that waits at a key and of those who take items from it, who comes first: something is
    /// about to come that each of them may get.
    public mutating func reserve(database: Int, name: [UInt8]) -> [Waiter] {
        let key = Key(database: database, name: name)
        var out: [Waiter] = []
        for kind in (groups[key] ?? []) + [.popper] {
            if let waiter = reserveFirst(Place(key: key, kind: kind)) { out.append(waiter) }
        }
        return out
    }

    private mutating func reserveFirst(_ place: Place) -> Waiter? {
        guard let index = queues.index(forKey: place) else { return nil }
        var offset = max(queues.values[index].firstFree, queues.values[index].begin)
        defer { queues.values[index].firstFree = offset }
        while offset < queues.values[index].tickets.count {
            let ticket = queues.values[index].tickets[offset]
            offset += 1
            guard let waiter = waiters[ticket], !waiter.isReserved else { continue }
            waiters[ticket]!.isReserved = true
            return waiter
        }
        return nil
    }

    /// Says that the command of the waiter that `next` gave is proposed. Of its group nobody else is looked at before
    /// its outcome is known, unless something comes.
    public mutating func settleReserved() {
        guard let (ticket, isSingle) = running else { preconditionFailure("no waiter is running") }
        running = nil
        waiters[ticket]?.isReserved = true
        if !isSingle, !turns[firstTurn].isForAll { endTurn() }
    }

    /// What became of a reserved waiter.
    public enum Release: Hashable, Sendable {
        /// It has left meanwhile.
        case gone
        case served
        /// It waits on, at its place.
        case waits
        /// It would wait on, but its time is over.
        case timedOut
    }

    /// Ends a reservation.
    ///
    /// - Parameters:
    ///   - ticks: the clock of deadlines, in milliseconds; `nil`: not known here.
    ///   - due: of one that goes on waiting.
    public mutating func release(_ client: UInt64, isServed: Bool, ticks: Int64?, due: Waiter.Due) -> Release {
        guard let ticket = ticketOfClient[client], let waiter = waiters[ticket], waiter.isReserved else { return .gone }
        if isServed {
            remove(client)
            return .served
        }
        if let deadline = waiter.deadline {
            if let ticks, deadline <= ticks {
                remove(client)
                return .timedOut
            }
            // It may have been passed over.
            if ticks == nil { deadlines.put(deadline, ticket) }
        }
        waiters[ticket]!.isReserved = false
        setDue(ticket, due)
        for name in waiter.keys {
            let place = Place(key: Key(database: waiter.database, name: name), kind: waiter.kind)
            if let index = queues.index(forKey: place) { queues.values[index].firstFree = 0 }
        }
        return .waits
    }

    /// Takes everybody away, in the order in which they came.
    public mutating func removeAll() -> [Waiter] {
        let out = ticketOfClient.values.sorted().compactMap { waiters[$0] }
        self = BlockedReaders()
        return out
    }

    // MARK: Time

    /// The next deadline on the clock of deadlines. May be too early, never too late.
    public var nextDeadline: Int64? { deadlines.earliest }
    /// When a pending entry comes of age next, in milliseconds of the Unix clock. May be too early, never too late.
    public var nextClaim: Int64? { claims.earliest }

    /// Takes away whoever has waited long enough: they are answered with nothing.
    public mutating func removeTimedOut(ticks: Int64) -> [Waiter] {
        var out: [Waiter] = []
        while let ticket = deadlines.take(upTo: ticks) {
            // Of one that is reserved the outcome decides, see `release`.
            guard let waiter = waiters[ticket], !waiter.isReserved else { continue }
            remove(waiter.client)
            out.append(waiter)
        }
        return out
    }

    /// Makes it the turn of those whose pending entries have come of age.
    public mutating func wakeClaims(now: Int64) {
        while let ticket = claims.take(upTo: now) {
            guard let waiter = waiters[ticket], let due = waiter.due.first, due <= now else { continue }
            waiters[ticket]!.due = Waiter.Due()
            single.append(ticket)
        }
        single.reverse()
    }
}

/// Tickets by moment, the earliest on top, and of one moment the lowest.
private struct TicketHeap: Sendable {
    private var items: [(moment: Int64, ticket: UInt64)] = []

    var earliest: Int64? { items.first?.moment }

    mutating func put(_ moment: Int64, _ ticket: UInt64) {
        items.append((moment, ticket))
        var child = items.count - 1
        while child > 0, items[child] < items[(child - 1) / 2] {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func take(upTo moment: Int64) -> UInt64? {
        guard let first = items.first, first.moment <= moment else { return nil }
        let last = items.removeLast()
        if items.isEmpty { return first.ticket }
        items[0] = last
        var parent = 0
        while true {
            var least = 2 * parent + 1
            if least >= items.count { break }
            if least + 1 < items.count, items[least + 1] < items[least] { least += 1 }
            guard items[least] < items[parent] else { break }
            items.swapAt(parent, least)
            parent = least
        }
        return first.ticket
    }
}
