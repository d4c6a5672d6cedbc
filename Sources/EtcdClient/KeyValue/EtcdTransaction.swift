// SPDX-License-Identifier: Apache-2.0

/// A transaction that is put together step by step: conditions, and what is done when all of them hold or not.
///
/// Each operation returns a handle, by which its result is found in the result of the whole:
///
/// ```swift
/// var transaction = EtcdTransaction()
/// transaction.when(.isMissing("owner"))
/// transaction.then.put("owner", "me")
/// let owner = transaction.otherwise.get("owner")
/// let result = try await client.transaction(transaction)
/// if let other = result[owner]?.keyValues.first { print("it is \(other.valueText)'s") }
/// ```
///
/// All of it happens at one revision. A key may be written once only; servers take up to 128 conditions and as many
/// operations a branch.
public struct EtcdTransaction: Hashable, Sendable {
    public private(set) var conditions: [EtcdComparison] = []
    /// What is done when all conditions hold, also when there are none.
    public var then = Branch(isThen: true)
    /// What is done when a condition doesn't hold.
    public var otherwise = Branch(isThen: false)

    public init() {}

    /// Adds conditions; all of them must hold.
    public mutating func when(_ conditions: EtcdComparison...) { self.conditions += conditions }

    /// Adds conditions; all of them must hold.
    public mutating func when(_ conditions: some Sequence<EtcdComparison>) { self.conditions += conditions }

    /// The operations of one outcome, in the order in which they are done.
    public struct Branch: Hashable, Sendable {
        public private(set) var operations: [EtcdOperation] = []
        private let isThen: Bool

        init(isThen: Bool) { self.isThen = isThen }

        /// Reads keys, with what this transaction wrote before.
        @discardableResult
        public mutating func get(
            _ keys: EtcdKeyRange, configure: (inout EtcdGetOptions) -> Void = { _ in }
        ) -> Handle<EtcdGetResult> {
            var options = EtcdGetOptions()
            configure(&options)
            return self.add(.get(keys, options))
        }

        /// Writes a key; see ``EtcdClient/put(_:_:lease:keepingLease:returningPrevious:)-(String,_,_,_,_)``.
        @discardableResult
        public mutating func put(
            _ key: some Sequence<UInt8>, _ value: some Sequence<UInt8>, lease: EtcdLeaseID = .none,
            keepingLease: Bool = false, returningPrevious: Bool = false
        ) -> Handle<EtcdPutResult> {
            self.add(
                .put(
                    key: [UInt8](key), value: [UInt8](value), lease: lease, keepsLease: keepingLease,
                    returnsPrevious: returningPrevious))
        }

        /// Writes a key, both as text.
        @discardableResult
        public mutating func put(
            _ key: String, _ value: String, lease: EtcdLeaseID = .none, keepingLease: Bool = false,
            returningPrevious: Bool = false
        ) -> Handle<EtcdPutResult> {
            self.put(
                key.utf8, value.utf8, lease: lease, keepingLease: keepingLease, returningPrevious: returningPrevious)
        }

        /// Gives a key that exists another lease, or none; its value stays.
        @discardableResult
        public mutating func attach(_ key: some Sequence<UInt8>, to lease: EtcdLeaseID) -> Handle<EtcdPutResult> {
            self.add(.attach(key: [UInt8](key), lease: lease))
        }

        /// Deletes keys.
        @discardableResult
        public mutating func delete(
            _ keys: EtcdKeyRange, returningPrevious: Bool = false
        ) -> Handle<EtcdDeleteResult> {
            self.add(.delete(keys, returnsPrevious: returningPrevious))
        }

        /// Decides anew. The conditions of all levels are tested before anything is done.
        @discardableResult
        public mutating func transaction(_ transaction: EtcdTransaction) -> Handle<EtcdTransactionResult> {
            self.add(
                .transaction(
                    when: transaction.conditions, then: transaction.then.operations,
                    otherwise: transaction.otherwise.operations))
        }

        private mutating func add<Result>(_ operation: EtcdOperation) -> Handle<Result> {
            self.operations.append(operation)
            return Handle(isThen: self.isThen, position: self.operations.count - 1)
        }
    }

    /// Stands for the result of one operation.
    public struct Handle<Result>: Hashable, Sendable {
        fileprivate let isThen: Bool
        fileprivate let position: Int
    }
}

extension EtcdTransactionResult {
    /// The result of a read; `nil` when the other branch was done.
    public subscript(handle: EtcdTransaction.Handle<EtcdGetResult>) -> EtcdGetResult? {
        guard case .get(let result) = self.result(handle.isThen, handle.position) else { return nil }
        return result
    }

    /// The result of a write; `nil` when the other branch was done.
    public subscript(handle: EtcdTransaction.Handle<EtcdPutResult>) -> EtcdPutResult? {
        guard case .put(let result) = self.result(handle.isThen, handle.position) else { return nil }
        return result
    }

    /// The result of a deletion; `nil` when the other branch was done.
    public subscript(handle: EtcdTransaction.Handle<EtcdDeleteResult>) -> EtcdDeleteResult? {
        guard case .delete(let result) = self.result(handle.isThen, handle.position) else { return nil }
        return result
    }

    /// The result of a transaction within; `nil` when the other branch was done.
    public subscript(handle: EtcdTransaction.Handle<EtcdTransactionResult>) -> EtcdTransactionResult? {
        guard case .transaction(let result) = self.result(handle.isThen, handle.position) else { return nil }
        return result
    }

    private func result(_ isThen: Bool, _ position: Int) -> EtcdOperationResult? {
        self.succeeded == isThen && position < self.results.count ? self.results[position] : nil
    }
}
