// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
import MartletBasics
import MartletKeyValue

/// A transaction over keys and streams on its way into the log, decoded and as bytes. The two say the same.
///
///     user       length, bytes; and the revision of users and roles as the request found it
///     request    to the end: martlet.v1.TransactRequest as it came
///
/// Numbers are varints. It is an item of a `KeyspaceRecord`.
package struct StoreRequest: Sendable {
    package let transaction: StoreTransaction
    /// All of it that concerns keys: asked for several times on the way.
    let keyPart: TxnRequest
    /// martlet.v1.TransactRequest.
    package let bytes: [UInt8]
    /// Who asks, as the token or certificate had it when the request came.
    package var identity: AuthIdentity

    package init(wire bytes: [UInt8], identity: AuthIdentity = .anonymous) throws(RecordError) {
        transaction = try RequestDecoder(bytes).storeTransaction(0..<bytes.count, depth: 1)
        keyPart = transaction.keyPart
        self.bytes = bytes
        self.identity = identity
    }

    var recordBytes: [UInt8] {
        var record: [UInt8] = []
        let name = identity.name.bytes
        record.reserveCapacity(bytes.count + name.count + 20)
        Varint.append(UInt64(name.count), to: &record)
        record += name
        Varint.append(identity.revision, to: &record)
        record += bytes
        return record
    }

    /// Refuses what can be refused without looking at the state: see `TxnRequest.validate`, whose limits count
    /// operations on streams too.
    package func validate(maximumOperations: Int) throws(StoreRefusal) {
        try transaction.validateShape(maximumOperations)
        do throws(KeyValueError) {
            try keyPart.validate(maximumOperations: maximumOperations)
        } catch {
            throw .keys(error)
        }
    }

    /// What stands in a record.
    package init(record: [UInt8]) throws(RecordError) {
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
