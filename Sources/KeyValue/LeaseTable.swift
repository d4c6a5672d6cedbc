// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// The leases of a store and when they run out.
///
///     slots      ID -> slot -> lease                                      LeaseSlots
///     wheel      leases whose tick has not come, by tick                  LeaseWheel
///     heap       leases whose tick has come, by deadline, and those that were offered for revocation, by when they
///                are to be offered again                                  DeadlineHeap
///
/// Running out has no effect by itself: the shell asks which leases are due and revokes them.
///
/// A promotion gives every lease a new deadline. It only takes that down; the leases are settled one by one, each when
/// it is touched, or by scans, some at each.
struct LeaseTable: Sendable {
    /// Leases that one scan files, settles or looks at, beside those it names. Each takes about half a microsecond,
    /// most of it waiting for memory.
    private static let workPerScan = 1024

    private var slots = LeaseSlots()
    private var wheel = LeaseWheel()
    private var heap = DeadlineHeap()
    private(set) var nextSerial: UInt64 = 0
    private let minimumTTLSeconds: Int64
    private let recordsChanges: Bool
    /// What happened since the last checkpoint took it away, in order; nothing unless wanted.
    var changes: [LeaseChange] = []

    /// Counts promotions.
    private var promotion: UInt32 = 0
    /// From when on unsettled leases have what is left of their terms.
    private var promotedFrom: Int64 = 0
    /// The next slot to be settled.
    private var settleCursor: Int32 = .max

    init(minimumTTLSeconds: Int64, recordsChanges: Bool = false) {
        self.minimumTTLSeconds = minimumTTLSeconds
        self.recordsChanges = recordsChanges
    }

    var count: Int { slots.count }

    func contains(_ id: LeaseID) -> Bool { slots.slot(of: id) != nil }

    subscript(_ id: LeaseID) -> Lease? { slots.slot(of: id).map { slots[$0] } }

    /// What is left of a lease's term.
    func remaining(of lease: Lease, now: Duration) -> Duration {
        .nanoseconds(expiry(of: lease)) - now
    }

    /// Complexity: O(n log n).
    var sortedByID: [Lease] {
        var all: [Lease] = []
        slots.forEach { all.append($0) }
        return all.sorted { $0.id < $1.id }
    }

    /// Complexity: O(n log n).
    var idsByExpiry: [LeaseID] {
        var all: [(expiry: Int64, id: LeaseID)] = []
        all.reserveCapacity(count)
        slots.forEach { all.append((expiry(of: $0), $0.id)) }
        all.sort { $0.expiry != $1.expiry ? $0.expiry < $1.expiry : $0.id < $1.id }
        return all.map(\.id)
    }

    /// - Returns: the term granted, in seconds.
    mutating func grant(_ id: LeaseID, ttlSeconds: Int64, now: Duration) throws(KeyValueError) -> Int64 {
        if id == .none { throw .leaseNotFound }
        if ttlSeconds > KeyValueStore.maximumLeaseTTLSeconds { throw .leaseTTLTooLarge }
        if contains(id) { throw .leaseExists }
        let granted = max(ttlSeconds, minimumTTLSeconds)
        let lease = Lease(
            id: id, ttlSeconds: granted, serial: nextSerial,
            expiry: Self.deadline(now.wholeNanoseconds, granted), promotion: promotion)
        nextSerial += 1
        if recordsChanges { changes.append(.put(LeaseRecord(lease))) }
        add(lease, now: now.wholeNanoseconds)
        return granted
    }

    /// Forgets the lease and answers it with its keys.
    mutating func remove(_ id: LeaseID) -> Lease? {
        guard let slot = slots.slot(of: id) else { return nil }
        wheel.remove(slot, from: &slots)
        let lease = slots[slot]
        slots.remove(slot)
        if recordsChanges { changes.append(.remove(id)) }
        return lease
    }

    /// Starts the term anew; `nil` if the lease is unknown or has run out.
    mutating func renew(_ id: LeaseID, now: Duration) -> Int64? {
        guard let slot = slots.slot(of: id) else { return nil }
        settle(slot)
        let start = now.wholeNanoseconds
        let renewed = slots.update(slot) { lease -> (ttlSeconds: Int64, isEarlier: Bool)? in
            if lease.expiry <= start { return nil }
            let expiry = Self.deadline(start, lease.ttlSeconds)
            defer { lease.expiry = expiry }
            return (lease.ttlSeconds, expiry < lease.expiry)
        }
        // A later deadline counts when the hand comes to the old one; an earlier one can follow a promotion's grace.
        if renewed?.isEarlier == true { file(slot) }
        return renewed?.ttlSeconds
    }

    mutating func attach(_ key: [UInt8], to id: LeaseID) {
        guard id != .none, let slot = slots.slot(of: id) else { return }
        slots.update(slot) { $0.keys.insert(key) }
    }

    mutating func detach(_ key: [UInt8], from id: LeaseID) {
        guard id != .none, let slot = slots.slot(of: id) else { return }
        slots.update(slot) { $0.keys.remove(key) }
    }

    /// Notes what is left of a lease's term, for members that do not count time down. Without effect where the lease is
    /// unknown.
    mutating func noteRemaining(_ id: LeaseID, seconds: Int64) {
        guard let slot = slots.slot(of: id) else { return }
        settle(slot)
        let record = slots.update(slot) { lease in
            lease.remainingSeconds = min(max(0, seconds), lease.ttlSeconds)
            return LeaseRecord(lease)
        }
        if recordsChanges { changes.append(.put(record)) }
    }

    /// Puts back leases that a checkpoint held, and the serial of the next one. They run out as if counted from now.
    mutating func restore(_ records: [LeaseRecord], nextSerial: UInt64, now: Duration) {
        for record in records {
            var lease = Lease(
                id: record.id, ttlSeconds: record.ttlSeconds, serial: record.serial, expiry: 0, promotion: promotion)
            lease.remainingSeconds = record.remainingSeconds
            lease.expiry = Self.deadline(now.wholeNanoseconds, lease.startSeconds)
            add(lease, now: now.wholeNanoseconds)
        }
        self.nextSerial = nextSerial
    }
}

// MARK: Time

extension LeaseTable {
    /// The leases that have run out, earliest first. Not all that have, if there is more to do than one scan may.
    mutating func expired(now: Duration, limit: Int, retryAfter: Duration) -> [LeaseID] {
        let moment = now.wholeNanoseconds
        var work = Self.workPerScan
        settleSome(&work)
        moveHand(to: LeaseWheel.tick(of: moment), limit: limit, &work)
        let retry = (now + retryAfter).wholeNanoseconds
        var due: [LeaseID] = []
        var again: [Int32] = []
        while due.count < limit, work > 0, let item = heap.first, item.deadline <= moment {
            heap.removeFirst()
            work -= 1
            guard let lease = slots.lease(in: item.slot), lease.serial == item.serial,
                lease.filing.place == LeaseFiling.heap, lease.filing.deadline == item.deadline
            else { continue }
            slots.update(item.slot) { $0.filing.place = LeaseFiling.unfiled }
            if settle(item.slot) { continue }
            if lease.expiry > moment {
                file(item.slot)
            } else {
                due.append(lease.id)
                again.append(item.slot)
            }
        }
        for slot in again { putInHeap(slot, deadline: retry) }
        return due
    }

    /// Whether a scan now would have something to do. Complexity: O(1).
    func isScanDue(now: Duration) -> Bool {
        let moment = now.wholeNanoseconds
        if Int(settleCursor) < slots.slotCount { return true }
        if let first = heap.first, first.deadline <= moment { return true }
        var wheel = wheel
        return wheel.advance(to: LeaseWheel.tick(of: moment)) != nil
    }

    /// Gives every lease what is known to be left of its term, and `grace`, from now. Complexity: O(1).
    mutating func promote(now: Duration, extension grace: Duration) {
        promotion &+= 1
        promotedFrom = (now + grace).wholeNanoseconds
        settleCursor = 0
    }

    private func expiry(of lease: Lease) -> Int64 {
        lease.promotion == promotion ? lease.expiry : Self.deadline(promotedFrom, lease.startSeconds)
    }

    /// Gives the lease the deadline of the last promotion and files it.
    ///
    /// - Returns: false if there was nothing to do.
    @discardableResult
    private mutating func settle(_ slot: Int32) -> Bool {
        let lease = slots[slot]
        if lease.promotion == promotion { return false }
        let expiry = expiry(of: lease)
        slots.update(slot) { lease in
            lease.expiry = expiry
            lease.promotion = promotion
        }
        file(slot)
        return true
    }

    private mutating func settleSome(_ work: inout Int) {
        while Int(settleCursor) < slots.slotCount, work > 0 {
            if slots.lease(in: settleCursor) != nil { settle(settleCursor) }
            settleCursor += 1
            work -= 1
        }
    }

    /// Empties the wheel's slots up to a tick, or as far as the work allows.
    ///
    /// - Parameter limit: leases moved to the heap at most. A scan names as many, so the heap stays small.
    private mutating func moveHand(to tick: Int64, limit: Int, _ work: inout Int) {
        let most = heap.count + limit
        while work > 0, heap.count < most, let place = wheel.advance(to: tick) {
            while work > 0, heap.count < most, case let slot = wheel.first(in: place), slot >= 0 {
                if !settle(slot) { file(slot) }
                work -= 1
            }
        }
    }

    private mutating func add(_ lease: Lease, now: Int64) {
        if wheel.count == 0 { wheel.set(to: LeaseWheel.tick(of: now)) }
        file(slots.insert(lease))
    }

    /// Puts a lease where its deadline belongs.
    private mutating func file(_ slot: Int32) {
        let expiry = slots[slot].expiry
        wheel.remove(slot, from: &slots)
        if !wheel.file(slot, in: &slots, deadline: expiry) { putInHeap(slot, deadline: expiry) }
    }

    private mutating func putInHeap(_ slot: Int32, deadline: Int64) {
        let serial = slots.update(slot) { lease in
            lease.filing.place = LeaseFiling.heap
            lease.filing.deadline = deadline
            return lease.serial
        }
        heap.push(DeadlineHeap.Item(deadline: deadline, serial: serial, slot: slot))
    }

    /// A term's end. What lies behind the end of numbers, after 292 years, is that.
    private static func deadline(_ start: Int64, _ seconds: Int64) -> Int64 {
        let (nanoseconds, isLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (end, isLate) = start.addingReportingOverflow(nanoseconds)
        return isLong || isLate ? .max : end
    }
}

extension Duration {
    /// Less than a nanosecond is left out.
    fileprivate var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, isLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isLate) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return isLong || isLate ? (seconds < 0 ? .min : .max) : sum
    }
}
