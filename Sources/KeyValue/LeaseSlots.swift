// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Leases by ID, each in a slot whose number stays the same as long as it lives.
///
///     shards     ID -> slot      many small dictionaries
///     chunks     slot -> lease   many small arrays; free slots are reused, the last first
///
/// Small, so that no step is long in growing, and a copy of the store that changes copies only what it touches.
/// Complexity: O(1).
struct LeaseSlots: Sendable {
    /// A million leases are a thousand in each shard.
    private static let shardBits: UInt64 = 10
    private static let chunkBits = 8

    private var shards: [[LeaseID: Int32]] = []
    private var chunks: [[Lease?]] = []
    private var free: [Int32] = []
    /// Slots ever used.
    private(set) var slotCount = 0
    private(set) var count = 0

    private static func shard(of id: LeaseID) -> Int {
        // A multiplication spreads IDs that differ in few bits; the product's top bits depend on all of them.
        Int((UInt64(bitPattern: id.rawValue) &* 0x9E37_79B9_7F4A_7C15) >> (64 - shardBits))
    }

    func slot(of id: LeaseID) -> Int32? {
        shards.isEmpty ? nil : shards[Self.shard(of: id)][id]
    }

    /// The lease in a slot, which must not be free.
    subscript(slot: Int32) -> Lease {
        get {
            guard let lease = lease(in: slot) else { preconditionFailure("no lease in slot \(slot)") }
            return lease
        }
    }

    /// `nil`: the slot is free.
    func lease(in slot: Int32) -> Lease? {
        chunks[Int(slot) >> Self.chunkBits][Int(slot) & (1 << Self.chunkBits - 1)]
    }

    /// Changes the lease in a slot in place.
    mutating func update<Result>(_ slot: Int32, _ body: (inout Lease) -> Result) -> Result {
        let (chunk, offset) = (Int(slot) >> Self.chunkBits, Int(slot) & (1 << Self.chunkBits - 1))
        guard chunks[chunk][offset] != nil else { preconditionFailure("no lease in slot \(slot)") }
        return body(&chunks[chunk][offset]!)
    }

    /// - Parameter lease: its ID is not taken.
    mutating func insert(_ lease: Lease) -> Int32 {
        let slot = free.popLast() ?? Int32(slotCount)
        if Int(slot) == slotCount {
            if slotCount & (1 << Self.chunkBits - 1) == 0 {
                chunks.append([])
                chunks[chunks.count - 1].reserveCapacity(1 << Self.chunkBits)
            }
            chunks[chunks.count - 1].append(lease)
            slotCount += 1
        } else {
            chunks[Int(slot) >> Self.chunkBits][Int(slot) & (1 << Self.chunkBits - 1)] = lease
        }
        if shards.isEmpty { shards = Array(repeating: [:], count: 1 << Int(Self.shardBits)) }
        shards[Self.shard(of: lease.id)][lease.id] = slot
        count += 1
        return slot
    }

    mutating func remove(_ slot: Int32) {
        let id = self[slot].id
        chunks[Int(slot) >> Self.chunkBits][Int(slot) & (1 << Self.chunkBits - 1)] = nil
        shards[Self.shard(of: id)][id] = nil
        free.append(slot)
        count -= 1
    }

    /// Calls `body` with every lease, in the order of slots, which members need not share.
    func forEach(_ body: (Lease) -> Void) {
        for chunk in chunks {
            for case .some(let lease) in chunk { body(lease) }
        }
    }
}
