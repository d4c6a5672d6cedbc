// SPDX-License-Identifier: Apache-2.0

import MartletKeyValue
import MartletRESPCodec

// What a transaction of MULTI and EXEC asks of the key-value store is one transaction there: limits, the rule on keys
// that are written twice, what reads see and the one revision are etcd's. It is tested before anything of the whole is
// done, and what it refuses refuses the whole; it is done when all the rest is, in the same step. Neither part can see
// the other, so that nobody can tell that it isn't done in between. Commands on Redis's databases fail one by one, as
// they do in Redis.
extension Transaction {
    /// Whether some of it concerns the key-value store.
    public var concernsKeys: Bool { items.contains { $0.entry.concernsKeys } }

    /// Of the commands on the key-value store; `nil`: there are none.
    func keyRequest(_ conditions: KeyConditions) throws(CommandError) -> TxnRequest? {
        guard concernsKeys else { return nil }
        var request = TxnRequest()
        for (index, item) in items.enumerated() {
            guard let operation = try item.entry.keyOperation(commands[index]) else { continue }
            try conditions.check(operation, of: user)
            request.success.append(operation)
        }
        return request
    }
}

/// The part of a transaction that concerns the key-value store, on its way.
struct KeyPart: Hashable, Sendable {
    /// Nothing changes keys between its test and the end of the transaction.
    let txn: CheckedTxn
    /// Where in the reply those of the commands are missing, and which commands they are.
    var places: [Place] = []

    struct Place: Hashable, Sendable {
        var command: Int
        var offset: Int
    }
}

extension TransactionProgress {
    /// Does what is asked of the key-value store, and puts the replies to it where they belong.
    mutating func finishKeys(in store: inout KeyValueStore, _ reply: inout ReplyWriter) {
        guard let part = keys else { return }
        let response = store.run(part.txn)
        precondition(response.responses.count == part.places.count, "\(response.responses.count) answers")
        var writer = ReplyWriter(isRESP3: reply.isRESP3)
        writer.bytes.reserveCapacity(reply.bytes.count + 64 * part.places.count)
        var begin = 0
        for (place, answer) in zip(part.places, response.responses) {
            writer.bytes += reply.bytes[begin..<place.offset]
            let count = writer.bytes.count
            writer.write(answer)
            insertions.append((place.command, writer.bytes.count - count))
            begin = place.offset
        }
        writer.bytes += reply.bytes[begin...]
        reply.bytes = writer.bytes
        keys = nil
    }

    /// Where a reply to a command belongs, said before the key-value store's were put in.
    public func shifted(_ offset: Int, ofCommand command: Int) -> Int {
        insertions.reduce(offset) { $1.command < command ? $0 + $1.byteCount : $0 }
    }
}
