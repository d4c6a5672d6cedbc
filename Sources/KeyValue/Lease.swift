// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// One lease: its term, and the keys that die with it.
struct Lease: Sendable {
    let id: LeaseID
    let ttlSeconds: Int64
    /// What the log last said is left of the term; 0: all of it.
    var remainingSeconds: Int64 = 0
    /// Tells this lease from earlier and later ones of the same ID.
    let serial: UInt64
    /// On the clock of the member that counts time down, in nanoseconds. Void if the lease was not settled since the
    /// last promotion; ask the table.
    var expiry: Int64
    /// The promotion after which the lease was settled.
    var promotion: UInt32
    var keys = LeaseKeys.none
    /// Where the lease stands in the wheel or the heap.
    var filing = LeaseFiling()

    /// What a member that begins to count time down starts from.
    var startSeconds: Int64 { remainingSeconds > 0 ? remainingSeconds : ttlSeconds }
}

/// The keys of a lease. Most leases hold one, some none, few many.
enum LeaseKeys: Sendable {
    struct AttachedKey: CountedTreeValue {
        let key: [UInt8]

        @inline(__always)
        func withKey<Result>(_ body: (RawSpan) -> Result) -> Result { body(key.span.bytes) }
        var isLive: Bool { true }
        var stamp: Int64 { 0 }
    }

    case none
    case one([UInt8])
    /// Apart from the lease, so that the others stay small.
    indirect case many(CountedTree<AttachedKey>)

    /// Complexity: O(log keys).
    mutating func insert(_ key: [UInt8]) {
        switch self {
        case .none:
            self = .one(key)
        case .one(let first):
            if first == key { return }
            var tree = CountedTree<AttachedKey>(nodeCapacity: 16)
            tree.update(first, initial: AttachedKey(key: first)) { _ in }
            tree.update(key, initial: AttachedKey(key: key)) { _ in }
            self = .many(tree)
        case .many(var tree):
            // Let go of before it changes, or the change would copy.
            self = .none
            tree.update(key, initial: AttachedKey(key: key)) { _ in }
            self = .many(tree)
        }
    }

    /// Complexity: O(log keys).
    mutating func remove(_ key: [UInt8]) {
        switch self {
        case .none:
            return
        case .one(let first):
            if first == key { self = .none }
        case .many(var tree):
            self = .none
            tree.remove(key)
            if !tree.isEmpty { self = .many(tree) }
        }
    }

    /// Calls `body` with each key, in key order.
    func forEach(_ body: ([UInt8]) -> Void) {
        switch self {
        case .none: return
        case .one(let key): body(key)
        case .many(let tree): tree.forEach { body($0.key) }
        }
    }
}
