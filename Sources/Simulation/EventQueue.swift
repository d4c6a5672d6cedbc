// SPDX-License-Identifier: Apache-2.0

/// What is to happen in simulated time: earliest first, and what is due at the same time in the order it was planned.
///
/// A binary heap. Complexity: O(log count) for each change.
struct EventQueue<Element> {
    struct Item {
        /// Microseconds since the simulation began.
        var time: Int
        var element: Element
    }

    /// What stands in the heap: elements stay in their slots, that moving about is cheap.
    private struct Entry {
        var time: Int
        var number: Int
        var slot: Int

        static func < (left: Entry, right: Entry) -> Bool {
            left.time != right.time ? left.time < right.time : left.number < right.number
        }
    }

    private var heap: [Entry] = []
    private var elements: [Element?] = []
    private var freeSlots: [Int] = []
    private var nextNumber = 0

    var count: Int { heap.count }

    mutating func add(_ element: Element, at time: Int) {
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            elements[free] = element
        } else {
            slot = elements.count
            elements.append(element)
        }
        heap.append(Entry(time: time, number: nextNumber, slot: slot))
        nextNumber += 1
        var place = heap.count - 1
        while place > 0, heap[place] < heap[(place - 1) / 2] {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    mutating func next() -> Item? {
        guard let last = heap.indices.last else { return nil }
        heap.swapAt(0, last)
        let first = heap.removeLast()
        sink()
        freeSlots.append(first.slot)
        guard let element = elements[first.slot].take() else { preconditionFailure("slot \(first.slot) is empty") }
        return Item(time: first.time, element: element)
    }

    /// Lets what stands first find its place.
    private mutating func sink() {
        var place = 0
        while true {
            var least = place
            for child in 2 * place + 1...2 * place + 2 where child < heap.count && heap[child] < heap[least] {
                least = child
            }
            if least == place { return }
            heap.swapAt(place, least)
            place = least
        }
    }
}
