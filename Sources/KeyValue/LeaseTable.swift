// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// One lease: its term, and the keys that die with it.
struct Lease: Sendable {
    struct AttachedKey: CountedTreeValue {
        var isLive: Bool { true }
    }

    /// Leaves of attached keys are small: most leases hold one or a few.
    static let keyNodeCapacity = 16

    let id: LeaseID
    let ttlSeconds: Int64
    /// What the log last said is left of the term; 0: all of it.
    var remainingSeconds: Int64 = 0
    /// Tells this lease from earlier and later ones of the same ID.
    let serial: UInt64
    /// On the clock of the member that counts time down.
    var expiry: Duration
    var keys = CountedTree<AttachedKey>(nodeCapacity: keyNodeCapacity)

    /// What a member that begins to count time down starts from.
    var startSeconds: Int64 { remainingSeconds > 0 ? remainingSeconds : ttlSeconds }
}

/// The leases of a store and when they run out.
///
/// Running out has no effect by itself: the shell asks which leases are due and revokes them. The heap holds one
/// deadline for each lease. Renewal does not touch it; a deadline that comes up too early is put back with the true
/// one. A deadline of a lease that is gone is dropped when it comes up, or when such ones outnumber the others.
struct LeaseTable: Sendable {
    private var leases: [LeaseID: Lease] = [:]
    private var deadlines = DeadlineHeap()
    private(set) var nextSerial: UInt64 = 0
    private let minimumTTLSeconds: Int64
    private let recordsChanges: Bool
    /// What happened since the last checkpoint took it away, in order; nothing unless wanted.
    var changes: [LeaseChange] = []

    init(minimumTTLSeconds: Int64, recordsChanges: Bool = false) {
        self.minimumTTLSeconds = minimumTTLSeconds
        self.recordsChanges = recordsChanges
    }

    var count: Int { leases.count }

    func contains(_ id: LeaseID) -> Bool { leases[id] != nil }

    subscript(_ id: LeaseID) -> Lease? { leases[id] }

    var sortedByID: [Lease] { leases.values.sorted { $0.id < $1.id } }

    var sortedByExpiry: [Lease] {
        leases.values.sorted { $0.expiry != $1.expiry ? $0.expiry < $1.expiry : $0.id < $1.id }
    }

    /// - Returns: the term granted, in seconds.
    mutating func grant(_ id: LeaseID, ttlSeconds: Int64, now: Duration) throws(KeyValueError) -> Int64 {
        if id == .none { throw .leaseNotFound }
        if ttlSeconds > KeyValueStore.maximumLeaseTTLSeconds { throw .leaseTTLTooLarge }
        if leases[id] != nil { throw .leaseExists }
        let granted = max(ttlSeconds, minimumTTLSeconds)
        let lease = Lease(id: id, ttlSeconds: granted, serial: nextSerial, expiry: now + .seconds(granted))
        nextSerial += 1
        leases[id] = lease
        if recordsChanges { changes.append(.put(LeaseRecord(lease))) }
        deadlines.push(DeadlineHeap.Item(deadline: lease.expiry, serial: lease.serial, id: id))
        return granted
    }

    /// Forgets the lease and answers it with its keys.
    mutating func remove(_ id: LeaseID) -> Lease? {
        guard let lease = leases.removeValue(forKey: id) else { return nil }
        if recordsChanges { changes.append(.remove(id)) }
        // One stale deadline for each lease, and a few more so that small tables do not rebuild at each removal.
        if deadlines.count > 2 * leases.count + 16 { rebuildDeadlines() }
        return lease
    }

    /// Starts the term anew; `nil` if the lease is unknown or has run out.
    mutating func renew(_ id: LeaseID, now: Duration) -> Int64? {
        guard let lease = leases[id], lease.expiry > now else { return nil }
        leases[id]?.expiry = now + .seconds(lease.ttlSeconds)
        return lease.ttlSeconds
    }

    mutating func attach(_ key: [UInt8], to id: LeaseID) {
        guard id != .none else { return }
        leases[id]?.keys.update(key, initial: Lease.AttachedKey()) { _, _ in }
    }

    mutating func detach(_ key: [UInt8], from id: LeaseID) {
        guard id != .none else { return }
        leases[id]?.keys.remove(key)
    }

    // MARK: Time

    /// The leases that have run out, earliest first.
    mutating func expired(now: Duration, limit: Int, retryAfter: Duration) -> [LeaseID] {
        var due: [LeaseID] = []
        var again: [DeadlineHeap.Item] = []
        while due.count < limit, let item = deadlines.first, item.deadline <= now {
            guard let lease = leases[item.id], lease.serial == item.serial else {
                deadlines.removeFirst()
                continue
            }
            if lease.expiry > now {
                deadlines.replaceFirst(deadline: lease.expiry)
            } else {
                due.append(item.id)
                deadlines.removeFirst()
                again.append(DeadlineHeap.Item(deadline: now + retryAfter, serial: item.serial, id: item.id))
            }
        }
        for item in again { deadlines.push(item) }
        return due
    }

    /// Gives every lease what is known to be left of its term, and `extension`, from now.
    mutating func promote(now: Duration, extension grace: Duration) {
        for lease in sortedByID { leases[lease.id]?.expiry = now + grace + .seconds(lease.startSeconds) }
        rebuildDeadlines()
    }

    /// Notes what is left of a lease's term, for members that do not count time down. Without effect where the lease is
    /// unknown.
    mutating func noteRemaining(_ id: LeaseID, seconds: Int64) {
        guard var lease = leases[id] else { return }
        lease.remainingSeconds = min(max(0, seconds), lease.ttlSeconds)
        leases[id] = lease
        if recordsChanges { changes.append(.put(LeaseRecord(lease))) }
    }

    // MARK: Checkpoint

    /// Puts back leases that a checkpoint held, and the serial of the next one. They run out as if counted from now.
    mutating func restore(_ records: [LeaseRecord], nextSerial: UInt64, now: Duration) {
        for record in records {
            var lease = Lease(id: record.id, ttlSeconds: record.ttlSeconds, serial: record.serial, expiry: now)
            lease.remainingSeconds = record.remainingSeconds
            lease.expiry = now + .seconds(lease.startSeconds)
            leases[record.id] = lease
        }
        self.nextSerial = nextSerial
        rebuildDeadlines()
    }

    private mutating func rebuildDeadlines() {
        deadlines = DeadlineHeap()
        for lease in sortedByID {
            deadlines.push(DeadlineHeap.Item(deadline: lease.expiry, serial: lease.serial, id: lease.id))
        }
    }
}

/// A binary min-heap of deadlines; equal ones in the order of their leases' grants. Complexity: changes O(log n).
struct DeadlineHeap: Sendable {
    struct Item: Sendable {
        var deadline: Duration
        var serial: UInt64
        var id: LeaseID

        static func < (left: Item, right: Item) -> Bool {
            left.deadline != right.deadline ? left.deadline < right.deadline : left.serial < right.serial
        }
    }

    private var items: [Item] = []

    var count: Int { items.count }
    var first: Item? { items.first }

    mutating func push(_ item: Item) {
        items.append(item)
        var place = items.count - 1
        while place > 0 {
            let parent = (place - 1) / 2
            guard items[place] < items[parent] else { return }
            items.swapAt(place, parent)
            place = parent
        }
    }

    mutating func removeFirst() {
        items.swapAt(0, items.count - 1)
        items.removeLast()
        sink()
    }

    /// Gives the first item a later deadline.
    mutating func replaceFirst(deadline: Duration) {
        items[0].deadline = deadline
        sink()
    }

    private mutating func sink() {
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < items.count && items[child] < items[least] {
                least = child
            }
            if least == place { return }
            items.swapAt(place, least)
            place = least
        }
    }
}
