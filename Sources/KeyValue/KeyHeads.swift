// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// How much room nodes have. Arrays that double would leave a third of an index free.
enum NodeRoom {
    static let step = 8

    static func capacity(for count: Int) -> Int { (count + step - 1) / step * step }
}

/// Eight bytes of each key of a leaf, as in `KeyList`; the keys themselves stand in the leaf's values.
struct KeyHeads: Sendable {
    private(set) var heads: [UInt64] = []
    /// All keys begin with the same bytes, at least so many.
    private(set) var sharedCount = 0

    init() {}

    @inline(__always)
    func firstOffset(whereHeadIsNotBelow head: UInt64) -> Int {
        let heads = heads.span
        var low = 0
        var high = heads.count
        while low < high {
            let middle = (low &+ high) >> 1
            if heads[middle] < head { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    mutating func insert(_ key: RawSpan, at offset: Int) {
        if heads.count == heads.capacity { heads.reserveCapacity(NodeRoom.capacity(for: heads.count + 1)) }
        heads.insert(KeyOrder.head(of: key, from: sharedCount), at: offset)
    }

    mutating func remove(at offset: Int) {
        heads.remove(at: offset)
    }

    mutating func rebuild(_ values: [some CountedTreeValue]) {
        let room = NodeRoom.capacity(for: values.count)
        if heads.capacity < room || heads.capacity >= room + NodeRoom.step {
            heads = []
            heads.reserveCapacity(room)
        } else {
            heads.removeAll(keepingCapacity: true)
        }
        guard !values.isEmpty else {
            sharedCount = 0
            return
        }
        let values = values.span
        sharedCount = values[0].sharedCount(with: values[values.count - 1])
        for offset in values.indices {
            heads.append(values[offset].withKey { KeyOrder.head(of: $0, from: sharedCount) })
        }
    }
}

extension CountedTreeValue {
    /// A copy.
    var key: [UInt8] { withKey { [UInt8](copying: $0) } }

    /// How many bytes both keys begin with.
    fileprivate func sharedCount(with other: Self) -> Int {
        withKey { key in other.withKey { KeyOrder.sharedCount(key, $0) } }
    }
}

extension CountedTree.Node {
    /// The offset of the first value of this leaf whose key is not below `key`, and whether it equals it.
    func leafOffset(of key: [UInt8]) -> (offset: Int, isFound: Bool) {
        let values = values.span
        guard !values.isEmpty else { return (0, false) }
        let key = key.span.bytes
        let head = KeyOrder.head(of: key, from: heads.sharedCount)
        var low = heads.firstOffset(whereHeadIsNotBelow: head)
        if heads.sharedCount > 0 {
            let order = values[min(low, values.count - 1)].withKey {
                KeyOrder.compare(key, $0, first: heads.sharedCount)
            }
            if order != 0 { return (order < 0 ? 0 : values.count, false) }
        }
        let numbers = heads.heads.span
        guard low < numbers.count, numbers[low] == head else { return (low, false) }
        var high = low + 1
        while high < numbers.count, numbers[high] == head { high += 1 }
        while low < high {
            let middle = (low + high) / 2
            let order = values[middle].withKey { KeyOrder.compare($0, key) }
            if order == 0 { return (middle, true) }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }

    /// The caller keeps the order.
    mutating func insertValue(_ value: Value, at offset: Int) {
        let isInside = offset > 0 && offset < values.count
        if values.count == values.capacity { values.reserveCapacity(NodeRoom.capacity(for: values.count + 1)) }
        values.insert(value, at: offset)
        // What first and last key share, all between them share too.
        let keeps =
            isInside
            || (values.count > 1
                && values[0].sharedCount(with: values[values.count - 1]) >= heads.sharedCount)
        if keeps {
            value.withKey { heads.insert($0, at: offset) }
        } else {
            heads.rebuild(values)
        }
    }

    mutating func removeValue(at offset: Int) -> Value {
        heads.remove(at: offset)
        return values.remove(at: offset)
    }

    /// Whether the heads are what they must be. For tests.
    var areHeadsConsistent: Bool {
        guard let first = values.first, let last = values.last else { return heads.heads.isEmpty }
        return first.sharedCount(with: last) >= heads.sharedCount
            && heads.heads == values.map { $0.withKey { KeyOrder.head(of: $0, from: heads.sharedCount) } }
    }
}
