// SPDX-License-Identifier: Apache-2.0

internal import MartletBasics
internal import MartletEtcdAPI
internal import SwiftProtobuf

/// A transaction over keys and streams, put together step by step: conditions, and what is done when all of them hold
/// or not.
///
///     let order = StoreKey<Order>("orders/1")
///     let events = StoreStream<OrderPlaced>("order-events")
///     let result = try await store.transact { transaction in
///         transaction.when(.isMissing("orders/1"))
///         try transaction.then.put(order, Order(article: "tea"))
///         try transaction.then.append(OrderPlaced(order: 1), to: events)
///     }
///     print(result.succeeded ? "placed" : "it was there before")
///
/// All of it happens in one step, or nothing does: what one operation would refuse, such as an entry whose ID isn't
/// above the last one, refuses the whole, and an error is thrown. Changes of keys share one revision; those of
/// streams have none. A key may be written once only; servers take up to 128 conditions and as many operations a
/// branch. Streams are those of database 0.
public struct StoreTransaction: Sendable {
    private(set) var conditions: [StoreCondition] = []
    /// What is done when all conditions hold, also when there are none.
    public var then = Branch(isThen: true)
    /// What is done when a condition doesn't hold.
    public var otherwise = Branch(isThen: false)

    public init() {}

    /// Adds conditions on keys; all of them must hold.
    public mutating func when(_ conditions: EtcdComparison...) { self.conditions += conditions.map { .keys($0) } }

    /// Adds conditions on streams; all of them must hold.
    public mutating func when(_ conditions: StreamComparison...) { self.conditions += conditions.map { .streams($0) } }

    /// Stands for the result of one operation.
    public struct Handle<Result>: Hashable, Sendable {
        let isThen: Bool
        let position: Int
    }

    /// As a `martlet.v1.TransactRequest`.
    ///
    /// - Throws: where a message is beyond protobuf's own limit of 2 GiB.
    func encoded() throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(then.byteCount + otherwise.byteCount)
        for condition in conditions { bytes.append(choice: 1, bytes: try condition.wire.serializedBytes()) }
        for operation in then.operations { bytes.append(choice: 2, bytes: try operation.encoded()) }
        for operation in otherwise.operations { bytes.append(choice: 3, bytes: try operation.encoded()) }
        return bytes
    }
}

enum StoreCondition: Sendable {
    case keys(EtcdComparison)
    case streams(StreamComparison)

    var wire: Martlet_V1_Condition {
        var wire = Martlet_V1_Condition()
        switch self {
        case .keys(let comparison): wire.key = comparison.wire
        case .streams(let comparison): wire.stream = comparison.wire
        }
        return wire
    }
}
