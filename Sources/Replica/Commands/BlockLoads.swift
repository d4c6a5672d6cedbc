// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
public import MartletKeyspace

/// Blocks of streams to be read from the tables.
public struct BlockOrder: Sendable {
    public let number: UInt64
    public let blocks: [WantedBlock]
}

/// What came of a `BlockOrder`.
public struct LoadedBlocks: Sendable {
    public let order: UInt64
    /// The records of the blocks in their order; `nil`: there is none.
    public let values: [[UInt8]?]
    /// A record that can't be read: then there are no values.
    public let damaged: TableKey?

    public init(order: UInt64, values: [[UInt8]?]) {
        self.order = order
        self.values = values
        damaged = nil
    }

    public init(order: UInt64, damaged: TableKey) {
        self.order = order
        values = []
        self.damaged = damaged
    }
}

/// Blocks that are ordered, and for whom. Only so many bytes are on their way at once: the other orders wait, of each
/// client that reads one.
public struct BlockLoads: Sendable {
    public enum Purpose: Sendable {
        /// Applying goes on with them.
        case apply
        /// A client's next command reads them.
        case read(slot: Int)
        /// Somebody waits for what comes to these keys, and was to be shown it.
        case waiter(database: Int, keys: [[UInt8]])
        /// Nobody wants them any more.
        case none

        public var isApply: Bool {
            if case .apply = self { true } else { false }
        }
    }

    public struct Order: Sendable {
        public let blocks: [WantedBlock]
        public let purpose: Purpose
        let byteCount: Int
    }

    private var waiting: [Order] = []
    private var waitingHead = 0
    /// Only searched.
    private var underway: [UInt64: Order] = [:]
    private var underwayBytes = 0
    private var nextNumber: UInt64 = 1

    public init() {}

    public mutating func append(_ blocks: [WantedBlock], for purpose: Purpose) {
        let order = Order(blocks: blocks, purpose: purpose, byteCount: blocks.reduce(0) { $0 + $1.byteCount })
        // All others wait for what is applied, sooner or later.
        if purpose.isApply { waiting.insert(order, at: waitingHead) } else { waiting.append(order) }
    }

    /// The next order that may go out; one that is larger than the limit goes alone.
    public mutating func next(limit: Int) -> BlockOrder? {
        guard waitingHead < waiting.count else { return nil }
        let order = waiting[waitingHead]
        if !underway.isEmpty, underwayBytes + order.byteCount > limit { return nil }
        waitingHead += 1
        if waitingHead * 2 >= waiting.count {
            waiting.removeFirst(waitingHead)
            waitingHead = 0
        }
        let number = nextNumber
        nextNumber += 1
        underway[number] = order
        underwayBytes += order.byteCount
        return BlockOrder(number: number, blocks: order.blocks)
    }

    /// What was ordered for the apply of a state that is given up must not count as ordered for the next one's.
    public mutating func forgetApply() {
        waiting = waiting[waitingHead...].filter { !$0.purpose.isApply }
        waitingHead = 0
        underway = underway.mapValues { order in
            order.purpose.isApply ? Order(blocks: order.blocks, purpose: .none, byteCount: order.byteCount) : order
        }
    }

    public mutating func end(_ number: UInt64) -> Order {
        guard let order = underway.removeValue(forKey: number) else { preconditionFailure("no order \(number)") }
        underwayBytes -= order.byteCount
        return order
    }
}
