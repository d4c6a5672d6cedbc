// SPDX-License-Identifier: Apache-2.0

/// Where a restored key stands, by its number.
///
/// Numbers of keys that live long are dense, and a table finds them at once. Where most keys of the past are gone it
/// would be mostly empty: then a dictionary does it.
struct KeySlots {
    /// Largest table, in places for each key: 4 bytes a place.
    private static let maximumPlacesPerKey: UInt64 = 16

    private var base: UInt64 = 0
    private var table: [Int32] = []
    /// Found by number, never walked.
    private var sparse: [UInt64: Int32] = [:]

    init() {}

    /// - Parameter numbers: ascending, of the slots from 0 on.
    init(_ numbers: [UInt64]) {
        guard let first = numbers.first, let last = numbers.last else { return }
        let places = last - first + 1
        if places / Self.maximumPlacesPerKey > UInt64(numbers.count) {
            sparse.reserveCapacity(numbers.count)
            for (slot, number) in numbers.enumerated() { sparse[number] = Int32(slot) }
            return
        }
        base = first
        table = [Int32](repeating: -1, count: Int(places))
        for (slot, number) in numbers.enumerated() { table[Int(number - first)] = Int32(slot) }
    }

    @inline(__always)
    func slot(of number: KeyNumber) -> Int? {
        if table.isEmpty { return sparse[number.rawValue].map { Int($0) } }
        guard number.rawValue >= base, number.rawValue - base < UInt64(table.count) else { return nil }
        let slot = table[Int(number.rawValue - base)]
        return slot < 0 ? nil : Int(slot)
    }
}
