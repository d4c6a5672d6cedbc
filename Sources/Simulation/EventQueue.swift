// SPDX-License-Identifier: Apache-2.0

/// What is to happen in simulated time: earliest first, and what is due at the same time in the order it was planned.
///
/// A binary heap. Complexity: O(log count) for each change.
struct EventQueue<Element> {
    struct Item {
        /// Microseconds since the simulation began.
        var time: Int
        var number: Int
        var element: Element

        static func < (left: Item, right: Item) -> Bool {
            left.time != right.time ? left.time < right.time : left.number < right.number
        }
    }

    private var items: [Item] = []
    private var nextNumber = 0

    var count: Int { items.count }

    mutating func add(_ element: Element, at time: Int) {
        items.append(Item(time: time, number: nextNumber, element: element))
        nextNumber += 1
        var place = items.count - 1
        while place > 0, items[place] < items[(place - 1) / 2] {
            items.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func next() -> Item? {
        guard let last = items.indices.last else { return nil }
        items.swapAt(0, last)
        let first = items.removeLast()
        var place = 0
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < items.count && items[child] < items[least] {
                least = child
            }
            if least == place { return first }
            items.swapAt(place, least)
            place = least
        }
    }
}
