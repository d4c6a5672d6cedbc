// SPDX-License-Identifier: Apache-2.0

/// The sorted keys of one tree node, made to be searched without touching most of them.
///
/// Keys are arrays elsewhere in memory, and in a big tree each look at one waits for that memory. Keys side by side in
/// a node mostly begin alike; so beside them stand, close together, eight bytes of each from behind what all share, as
/// numbers that sort like the bytes. Only keys with equal heads are compared whole.
///
///     keys    "/registry/pods/a1"  "/registry/pods/a2"  "/registry/pods/b"       sharedCount 15
///     heads    "a1······"           "a2······"           "b·······"              · is a zero byte
struct KeyList: Sendable {
    private(set) var keys: [[UInt8]] = []
    private var heads: [UInt64] = []
    /// All keys begin with the same bytes, at least so many.
    private var sharedCount = 0

    var count: Int { keys.count }
    var isEmpty: Bool { keys.isEmpty }
    var first: [UInt8]? { keys.first }
    var last: [UInt8]? { keys.last }

    init() {}

    init(_ sorted: some Collection<[UInt8]>) {
        keys.reserveCapacity(sorted.count)
        heads.reserveCapacity(sorted.count)
        keys.append(contentsOf: sorted)
        rebuild()
    }

    subscript(offset: Int) -> [UInt8] { keys[offset] }

    /// The offset of the first key that is not below `key`, and whether it equals it.
    func offset(of key: [UInt8]) -> (offset: Int, isFound: Bool) {
        guard !keys.isEmpty else { return (0, false) }
        let head = KeyOrder.head(of: key, from: sharedCount)
        var low = firstOffset(whereHeadIsNotBelow: head)
        if sharedCount > 0 {
            let near = keys[min(low, keys.count - 1)]
            let order = KeyOrder.compare(key.span.bytes, near.span.bytes, first: sharedCount)
            if order != 0 { return (order < 0 ? 0 : keys.count, false) }
        }
        guard low < keys.count, heads[low] == head else { return (low, false) }
        var high = low + 1
        while high < keys.count, heads[high] == head { high += 1 }
        while low < high {
            let middle = (low + high) / 2
            let order = KeyOrder.compare(keys[middle], key)
            if order == 0 { return (middle, true) }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return (low, false)
    }

    @inline(__always)
    private func firstOffset(whereHeadIsNotBelow head: UInt64) -> Int {
        let heads = heads.span
        var low = 0
        var high = heads.count
        while low < high {
            let middle = (low &+ high) >> 1
            if heads[middle] < head { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    // MARK: Changes; the caller keeps the order

    mutating func insert(_ key: [UInt8], at offset: Int) {
        let isInside = offset > 0 && offset < keys.count
        if keys.count == keys.capacity { keys.reserveCapacity(NodeRoom.capacity(for: keys.count + 1)) }
        if heads.count == heads.capacity { heads.reserveCapacity(NodeRoom.capacity(for: heads.count + 1)) }
        keys.insert(key, at: offset)
        // What first and last key share, all between them share too.
        if isInside || (keys.count > 1 && KeyOrder.sharedCount(keys[0], keys[keys.count - 1]) >= sharedCount) {
            heads.insert(KeyOrder.head(of: key, from: sharedCount), at: offset)
        } else {
            rebuild()
        }
    }

    mutating func replace(at offset: Int, with key: [UInt8]) {
        keys[offset] = key
        rebuild()
    }

    mutating func append(_ key: [UInt8]) { insert(key, at: keys.count) }

    mutating func append(contentsOf more: KeyList) {
        keys.append(contentsOf: more.keys)
        rebuild()
    }

    @discardableResult
    mutating func remove(at offset: Int) -> [UInt8] {
        heads.remove(at: offset)
        return keys.remove(at: offset)
    }

    private mutating func rebuild() {
        heads.removeAll(keepingCapacity: true)
        guard let first = keys.first, let last = keys.last else {
            sharedCount = 0
            return
        }
        sharedCount = KeyOrder.sharedCount(first, last)
        for key in keys { heads.append(KeyOrder.head(of: key, from: sharedCount)) }
    }

    /// Whether the heads are what they must be. For tests.
    var isConsistent: Bool {
        guard let first = keys.first, let last = keys.last else { return heads.isEmpty }
        return KeyOrder.sharedCount(first, last) >= sharedCount
            && heads == keys.map { KeyOrder.head(of: $0, from: sharedCount) }
    }
}
