// SPDX-License-Identifier: Apache-2.0

/// Calls that wait for the copy of the registry to change.
struct MirrorSleepers: Sendable {
    typealias Sleeper = CheckedContinuation<Void, Never>

    /// How many changes there have been.
    private(set) var changes: UInt64 = 0
    private var sleepers: [UInt64: Sleeper] = [:]
    private var lastNumber: UInt64 = 0

    /// A number that no other sleeper has.
    mutating func makeNumber() -> UInt64 {
        self.lastNumber += 1
        return self.lastNumber
    }

    mutating func add(_ sleeper: Sleeper, number: UInt64) { self.sleepers[number] = sleeper }

    mutating func remove(number: UInt64) -> Sleeper? { self.sleepers.removeValue(forKey: number) }

    /// Counts a change. Returns whom to wake.
    mutating func changed() -> [Sleeper] {
        self.changes += 1
        return self.removeAll()
    }

    mutating func removeAll() -> [Sleeper] {
        defer { self.sleepers = [:] }
        return Array(self.sleepers.values)
    }
}
