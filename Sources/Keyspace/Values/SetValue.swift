// SPDX-License-Identifier: Apache-2.0

/// A set whose order follows from what was done to it: a removed member's place is taken by the last one.
///
/// A walk in pieces goes from the end to the beginning. So it meets every member that is there all along: one that
/// moves comes to a lower place.
struct SetValue: Sendable {
    private(set) var members: [[UInt8]] = []
    /// Asked, never walked.
    private var places: [[UInt8]: Int] = [:]

    var count: Int { members.count }
    var isEmpty: Bool { members.isEmpty }

    func contains(_ member: [UInt8]) -> Bool { places[member] != nil }

    /// Whether it wasn't there.
    mutating func insert(_ member: [UInt8]) -> Bool {
        if places[member] != nil { return false }
        places[member] = members.count
        members.append(member)
        return true
    }

    /// Whether it was there.
    mutating func remove(_ member: [UInt8]) -> Bool {
        guard let place = places.removeValue(forKey: member) else { return false }
        let last = members.removeLast()
        if place < members.count {
            members[place] = last
            places[last] = place
        }
        return true
    }
}
