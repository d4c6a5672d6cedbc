// SPDX-License-Identifier: Apache-2.0

/// When keys expire, the earliest on top. Keys that have gone or expire at another time are found so when they come up.
struct ExpiryQueue: Sendable {
    struct Item: Sendable {
        var moment: Int64
        /// `KeyRow.number`: decides among equal moments, so that every member removes keys in one order.
        var number: UInt64
        var database: Int32
        var place: Int32

        static func < (left: Item, right: Item) -> Bool {
            left.moment != right.moment ? left.moment < right.moment : left.number < right.number
        }
    }

    private var items: [Item] = []

    var earliest: Item? { items.first }

    /// What is at a place of the heap: below it are those at twice its number plus one and two.
    func item(at place: Int) -> Item? { place < items.count ? items[place] : nil }

    mutating func put(_ item: Item) {
        items.append(item)
        var child = items.count - 1
        while child > 0, items[child] < items[(child - 1) / 2] {
            items.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeEarliest() {
        guard let last = items.popLast(), !items.isEmpty else { return }
        items[0] = last
        var parent = 0
        while true {
            var least = 2 * parent + 1
            if least >= items.count { return }
            if least + 1 < items.count, items[least + 1] < items[least] { least += 1 }
            guard items[least] < items[parent] else { return }
            items.swapAt(parent, least)
            parent = least
        }
    }
}
