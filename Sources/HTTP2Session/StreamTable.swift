// SPDX-License-Identifier: Apache-2.0

/// The open streams of one side of a connection, by id. Finding, adding and removing are O(1).
///
/// Only casts, around ``StreamSlots``: other modules would call unspecialised code of a generic table, which looks up
/// metadata at each step; that was 10 % of a server's time.
package struct StreamTable<Value: AnyObject> {
    @usableFromInline var slots = StreamSlots()

    @inlinable package init() {}

    @inlinable package var isEmpty: Bool { self.slots.count == 0 }

    @inlinable package subscript(stream: Int32) -> Value? {
        // Whatever is in the slots came through `insert`, so it is a `Value`; so below.
        self.slots[stream].map { unsafeDowncast($0, to: Value.self) }
    }

    /// Adds `value`, or replaces what was there.
    @inlinable package mutating func insert(_ value: Value, for stream: Int32) {
        self.slots.insert(value, for: stream)
    }

    /// Takes `stream` out.
    @discardableResult @inlinable
    package mutating func remove(_ stream: Int32) -> Value? {
        self.slots.remove(stream).map { unsafeDowncast($0, to: Value.self) }
    }

    /// All values, in no order that means anything.
    @inlinable package var values: [Value] { self.slots.values.map { unsafeDowncast($0, to: Value.self) } }
}

/// A hash table with linear probing.
///
/// A dictionary would do, and did: hashing ids with SipHash, four times a call, was 3 % of a server's time. Ids of one
/// peer are all odd or all even and rise by two, so `id / 2` modulo the capacity hardly ever collides. The peer's limit
/// on streams bounds the size.
@usableFromInline
struct StreamSlots {
    private struct Slot {
        /// 0: free. Stream 0 is the connection itself and never in here.
        var stream: Int32 = 0
        var value: AnyObject?
    }

    private static let smallestCapacity = 16

    private var slots: [Slot]
    @usableFromInline private(set) var count = 0

    @usableFromInline
    init() {
        self.slots = Array(repeating: Slot(), count: Self.smallestCapacity)
    }

    private func home(_ stream: Int32) -> Int { Int(stream >> 1) & (self.slots.count - 1) }

    private func next(_ index: Int) -> Int { (index + 1) & (self.slots.count - 1) }

    /// Where `stream` is, or the free slot where it would go.
    private func index(of stream: Int32) -> Int {
        var index = self.home(stream)
        while self.slots[index].stream != stream, self.slots[index].stream != 0 { index = self.next(index) }
        return index
    }

    @usableFromInline
    subscript(stream: Int32) -> AnyObject? { self.slots[self.index(of: stream)].value }

    @usableFromInline
    mutating func insert(_ value: AnyObject, for stream: Int32) {
        precondition(stream > 0, "stream \(stream) is no stream of a call")
        if (self.count + 1) * 2 > self.slots.count { self.grow() }
        let index = self.index(of: stream)
        if self.slots[index].stream == 0 { self.count += 1 }
        self.slots[index] = Slot(stream: stream, value: value)
    }

    /// Takes `stream` out, and moves up what stood behind it because of it.
    @usableFromInline
    mutating func remove(_ stream: Int32) -> AnyObject? {
        var hole = self.index(of: stream)
        guard self.slots[hole].stream == stream, stream != 0 else { return nil }
        let value = self.slots[hole].value
        self.count -= 1
        var index = self.next(hole)
        while self.slots[index].stream != 0 {
            let home = self.home(self.slots[index].stream)
            let mask = self.slots.count - 1
            // Whether `home` lies outside (hole, index], going round: then the entry may stand in the hole.
            if (index - home) & mask >= (index - hole) & mask {
                self.slots[hole] = self.slots[index]
                hole = index
            }
            index = self.next(index)
        }
        self.slots[hole] = Slot()
        return value
    }

    @usableFromInline
    var values: [AnyObject] { self.slots.compactMap(\.value) }

    private mutating func grow() {
        let old = self.slots
        self.slots = Array(repeating: Slot(), count: old.count * 2)
        for slot in old where slot.stream != 0 { self.slots[self.index(of: slot.stream)] = slot }
    }
}
