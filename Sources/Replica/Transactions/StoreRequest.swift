// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
import MartletBasics
import MartletKeyValue
import MartletKeyspace

/// A transaction over keys and streams on its way into the log, decoded and as bytes. The two say the same.
///
///     user       length, bytes; and the revision of users and roles as the request found it
///     request    to the end: martlet.v1.TransactRequest as it came
///
/// Numbers are varints. It is an item of a `KeyspaceRecord`.
public struct StoreRequest: Sendable {
    /// What came, in one piece: a request changes hands often on its way, and holds some ten arrays. With it stands
    /// what is asked of it more than once.
    private final class Content: Sendable {
        let transaction: StoreTransaction
        let keyPart: TxnRequest
        let bytes: [UInt8]
        let spaceCost: Int
        /// The lowest limit of operations within which nothing refuses it; `nil`: something does, or transactions are
        /// inside or it is long, and it must be looked at.
        let sufficientOperations: Int?

        /// Longer ones wait until their length was judged, which costs nothing: none are by the default limit.
        private static let knownOperationsMax = 128

        init(_ bytes: [UInt8]) throws(RecordError) {
            let transaction = try RequestDecoder(bytes).storeTransaction(0..<bytes.count, depth: 1)
            let keyPart = transaction.keyPart
            let size = transaction.size
            let isJudged = transaction.isFlat && size <= Self.knownOperationsMax
            sufficientOperations = isJudged && Self.isValid(transaction, keyPart, within: size) ? size : nil
            spaceCost = keyPart.spaceCost
            self.bytes = bytes
            self.keyPart = keyPart
            // Last: nobody looks at it after that, so that it isn't copied.
            self.transaction = transaction
        }

        private static func isValid(_ transaction: StoreTransaction, _ keyPart: TxnRequest, within size: Int) -> Bool {
            do {
                try transaction.validateShape(size)
                try keyPart.validate(maximumOperations: size)
                return true
            } catch {
                return false
            }
        }
    }

    private let content: Content
    public var transaction: StoreTransaction { content.transaction }
    /// All of it that concerns keys.
    var keyPart: TxnRequest { content.keyPart }
    /// See `WriteRequest.spaceCost`.
    var spaceCost: Int { content.spaceCost }
    /// martlet.v1.TransactRequest.
    public var bytes: [UInt8] { content.bytes }
    /// Who asks, as the token or certificate had it when the request came.
    public var identity: AuthIdentity

    public init(wire bytes: [UInt8], identity: AuthIdentity = .anonymous) throws(RecordError) {
        content = try Content(bytes)
        self.identity = identity
    }

    /// Bytes of it in a record.
    var recordByteCount: Int {
        let nameCount = identity.name.bytes.count
        return Varint.length(of: UInt64(nameCount)) + nameCount + Varint.length(of: identity.revision) + bytes.count
    }

    func encode(into record: inout [UInt8]) {
        let name = identity.name.bytes
        Varint.append(UInt64(name.count), to: &record)
        record += name
        Varint.append(identity.revision, to: &record)
        record += bytes
    }

    /// Refuses what can be refused without looking at the state: see `TxnRequest.validate`, whose limits count
    /// operations on streams too.
    public func validate(maximumOperations: Int) throws(StoreRefusal) {
        if isValid(maximumOperations: maximumOperations) { return }
        try transaction.validateShape(maximumOperations)
        do throws(KeyValueError) {
            try keyPart.validate(maximumOperations: maximumOperations)
        } catch {
            throw .keys(error)
        }
    }

    /// Whether it is known already that nothing is to be refused so.
    private func isValid(maximumOperations: Int) -> Bool {
        content.sufficientOperations.map { $0 <= maximumOperations } ?? false
    }

    /// The part of it that concerns lengths and depth, when it is carried out.
    func validateAppliedShape() throws(StoreRefusal) {
        let maximum = KeyValueStore.maximumAppliedOperations
        if !isValid(maximumOperations: maximum) { try transaction.validateShape(maximum) }
    }

    /// Whether it is known beforehand what each side does, and that nothing is to be refused of it without looking at
    /// the state: there are no transactions inside.
    var isPlain: Bool { isValid(maximumOperations: KeyValueStore.maximumAppliedOperations) }

    // Parts of the transaction by themselves: all of it would be a dozen references.

    var conditions: [StoreTransaction.Condition] { content.transaction.conditions }

    func side(_ succeeded: Bool) -> StoreTransaction.Side {
        succeeded ? content.transaction.success : content.transaction.failure
    }

    /// What stands in a record.
    public init(record: [UInt8]) throws(RecordError) {
        var offset = 0
        guard let length = Varint.read(record.span.bytes, at: &offset), length <= UInt64(record.count - offset) else {
            throw .malformed
        }
        let name = Array(record[offset..<offset + Int(length)])
        offset += Int(length)
        guard let revision = Varint.read(record.span.bytes, at: &offset) else { throw .malformed }
        try self.init(
            wire: Array(record[offset...]), identity: AuthIdentity(name: AuthName(bytes: name), revision: revision))
    }
}
