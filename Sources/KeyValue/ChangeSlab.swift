// SPDX-License-Identifier: Apache-2.0

/// Memory that packed changes share: some hundred of them, or one that is big.
///
///     0                                                              capacity
///     │ change 0 │ change 1 │ change 2 │ →   free   ← │ 2 │ 1 │ 0 │
///
/// Changes stand one behind the other from the front; where each begins stands in a slot of two bytes at the back.
///
/// `@unchecked Sendable` and reads without a lock are sound because every byte is written once, by the `ChangePacker`
/// that owns the free part, before the record or the count exists by which anybody finds it: readers, on whatever
/// thread, and the packer never touch the same byte, and what hands a record to another thread orders the two. The
/// memory lives as long as a record holds the slab.
final class ChangeSlab: @unchecked Sendable {
    /// Where a change begins must fit two bytes.
    static let maximumCapacity = 1 << 16
    static let slotBytes = 2

    let base: UnsafeMutableRawPointer
    let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(byteCount: capacity, alignment: 8)
    }

    deinit { base.deallocate() }

    /// The change in a slot that is written.
    @inline(__always)
    func record(inSlot slot: Int) -> HistoryRecord {
        HistoryRecord(self, offset: Int(base.load(fromByteOffset: slotOffset(slot), as: UInt16.self)))
    }

    /// Says where the change of a slot begins. For the packer.
    @inline(__always)
    func setSlot(_ slot: Int, offset: Int) {
        base.storeBytes(of: UInt16(offset), toByteOffset: slotOffset(slot), as: UInt16.self)
    }

    /// The capacity is even, so that slots are aligned.
    @inline(__always)
    private func slotOffset(_ slot: Int) -> Int { capacity - (slot + 1) * Self.slotBytes }
}
