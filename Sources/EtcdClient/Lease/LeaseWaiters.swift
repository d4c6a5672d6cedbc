// SPDX-License-Identifier: Apache-2.0

/// Who waits for the renewal of which lease.
///
/// Several may wait for one lease: the next answer is for all of them. A lease that nobody waits for takes no space.
package struct LeaseWaiters<Waiter> {
    private var byLease: [Int64: [(number: UInt64, waiter: Waiter)]] = [:]
    private var lastNumber: UInt64 = 0

    package init() {}

    /// How many leases are waited for.
    package var leaseCount: Int { self.byLease.count }

    /// A number that no other waiter has.
    package mutating func makeNumber() -> UInt64 {
        self.lastNumber += 1
        return self.lastNumber
    }

    package mutating func add(_ waiter: Waiter, number: UInt64, lease: Int64) {
        self.byLease[lease, default: []].append((number, waiter))
    }

    package func contains(number: UInt64, lease: Int64) -> Bool {
        self.byLease[lease]?.contains { $0.number == number } == true
    }

    /// Takes out one waiter; `nil` when it waits no longer.
    package mutating func remove(number: UInt64, lease: Int64) -> Waiter? {
        guard let index = self.byLease[lease]?.firstIndex(where: { $0.number == number }) else { return nil }
        let waiter = self.byLease[lease]?.remove(at: index).waiter
        if self.byLease[lease]?.isEmpty == true { self.byLease[lease] = nil }
        return waiter
    }

    /// Takes out all who wait for a lease, in the order they came.
    package mutating func removeAll(lease: Int64) -> [Waiter] {
        (self.byLease.removeValue(forKey: lease) ?? []).map(\.waiter)
    }

    /// Takes out everybody.
    package mutating func removeAll() -> [Waiter] {
        defer { self.byLease = [:] }
        return self.byLease.values.flatMap { $0.map(\.waiter) }
    }
}
