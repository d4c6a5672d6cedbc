// SPDX-License-Identifier: Apache-2.0

/// The open streams of one side of a connection, by id: a hash table with linear probing.
///
/// A dictionary would do, and did: hashing ids with SipHash, four times a call, was 3 % of a server's time. Ids of one
/// peer are all odd or all even and rise by two, so `id / 2` modulo the capacity hardly ever collides. The peer's limit
/// on streams bounds the size. Finding, adding and removing are O(1).
/// Inlinable, so that other modules get it specialised.
package struct StreamTable<Value: AnyObject> {
    @usableFromInline
    struct Slot {
        /// 0: free. Stream 0 is the connection itself and never in here.
        @usableFromInline var stream: Int32 = 0
        @usableFromInline var value: Value?

        @inlinable
        init(stream: Int32 = 0, value: Value? = nil) {
            self.stream = stream
            self.value = value
        }
    }

    @usableFromInline static var smallestCapacity: Int { 16 }

    @usableFromInline var slots: [Slot]
    @usableFromInline var count = 0

    @inlinable
    package init() {
        self.slots = Array(repeating: Slot(), count: Self.smallestCapacity)
    }

    @inlinable package var isEmpty: Bool { self.count == 0 }

    @inlinable
    func home(_ stream: Int32) -> Int { Int(stream >> 1) & (self.slots.count - 1) }

    @inlinable
    func next(_ index: Int) -> Int { (index + 1) & (self.slots.count - 1) }

    /// Where `stream` is, or the free slot where it would go.
    @inlinable
    func index(of stream: Int32) -> Int {
        var index = self.home(stream)
        while self.slots[index].stream != stream, self.slots[index].stream != 0 { index = self.next(index) }
        return index
    }

    @inlinable
    package subscript(stream: Int32) -> Value? { self.slots[self.index(of: stream)].value }

    /// Adds `value`, or replaces what was there.
    @inlinable
    package mutating func insert(_ value: Value, for stream: Int32) {
        precondition(stream > 0, "stream \(stream) is no stream of a call")
        if (self.count + 1) * 2 > self.slots.count { self.grow() }
        let index = self.index(of: stream)
        if self.slots[index].stream == 0 { self.count += 1 }
        self.slots[index] = Slot(stream: stream, value: value)
    }

    /// Takes `stream` out, and moves up what stood behind it because of it.
    @discardableResult @inlinable
    package mutating func remove(_ stream: Int32) -> Value? {
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

    /// All values, in no order that means anything.
    @inlinable package var values: [Value] { self.slots.compactMap(\.value) }

    @usableFromInline
    mutating func grow() {
        let old = self.slots
        self.slots = Array(repeating: Slot(), count: old.count * 2)
        for slot in old where slot.stream != 0 { self.slots[self.index(of: slot.stream)] = slot }
    }
}
