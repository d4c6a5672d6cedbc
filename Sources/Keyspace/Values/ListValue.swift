// SPDX-License-Identifier: Apache-2.0

/// A list that grows and shrinks at both ends: its first part backwards, its last part forwards.
struct ListValue: Sendable {
    private var front: [[UInt8]] = []
    private var back: [[UInt8]] = []

    var count: Int { front.count + back.count }
    var isEmpty: Bool { front.isEmpty && back.isEmpty }

    subscript(index: Int) -> [UInt8] {
        get { index < front.count ? front[front.count - 1 - index] : back[index - front.count] }
        set {
            if index < front.count {
                front[front.count - 1 - index] = newValue
            } else {
                back[index - front.count] = newValue
            }
        }
    }

    var items: [[UInt8]] { front.reversed() + back }

    init(_ items: [[UInt8]] = []) {
        back = items
    }

    mutating func push(_ item: [UInt8], atFront: Bool) {
        if atFront { front.append(item) } else { back.append(item) }
    }

    /// Complexity: O(1) on average: when one part is empty, half of the other moves.
    mutating func pop(atFront: Bool) -> [UInt8]? {
        if atFront {
            if front.isEmpty {
                let count = (back.count + 1) / 2
                front = back[..<count].reversed()
                back.removeFirst(count)
            }
            return front.popLast()
        }
        if back.isEmpty {
            let count = (front.count + 1) / 2
            back = front[..<count].reversed()
            front.removeFirst(count)
        }
        return back.popLast()
    }
}
