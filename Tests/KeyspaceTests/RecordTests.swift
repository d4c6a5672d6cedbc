// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import Testing

@Suite struct RecordTests {
    private func transaction(_ lines: [[String]], watched: [WatchedKey] = []) -> Transaction {
        var transaction = Transaction()
        transaction.watched = watched
        for words in lines {
            let arguments = Arguments(words.map { Array($0.utf8) })
            guard case .found(let entry) = CommandTable.shared.find(arguments) else { continue }
            transaction.append(arguments, entry, database: 2)
        }
        return transaction
    }

    private func replies(_ record: KeyspaceRecord, _ keyspace: inout Keyspace) throws -> [String] {
        var reply = ReplyWriter()
        var replies: [String] = []
        try keyspace.apply(
            record: record.bytes.span.bytes, &reply, before: { _, reply in reply.isRESP3 = true },
            after: { _, _, reply in
                replies.append(reply.bytes.isEmpty ? "" : notation(LocalServer.value(reply.bytes)))
                reply.removeAll()
            }, outside: { _, _, reply in reply.simple("outside") })
        return replies
    }

    @Test func recordsCarryCommandsAndTransactions() throws {
        var keyspace = Keyspace()
        var record = KeyspaceRecord(stamp: 5000, seed: 1)
        record.append(Arguments("XADD", "s", "*", "f", "v"), database: 0)
        record.append(Arguments("SET", "k", "v", "PX", "100"), database: 2)
        record.append(transaction([["GET", "k"], ["PING"], ["INCR", "n"]]))
        let watched = WatchedKey(database: 2, name: Array("k".utf8), version: 0)
        record.append(transaction([["SET", "k", "other"]], watched: [watched]))
        #expect(record.itemCount == 4)
        #expect(try replies(record, &keyspace) == ["$\"5000-0\"", "+OK", "*[$\"v\", +outside, :1]", "null"])
        var later = KeyspaceRecord(stamp: 5100, seed: 2)
        later.appendExpiry()
        later.append(Arguments("DBSIZE"), database: 2)
        #expect(try replies(later, &keyspace) == ["", ":1"])
    }

    @Test func whatIsNotARecordChangesNothing() throws {
        var record = KeyspaceRecord(stamp: 5000, seed: 1)
        record.append(Arguments("SET", "k", "v"), database: 0)
        record.append(transaction([["SET", "k", "v"]], watched: [.init(database: 1, name: [1, 2], version: 300)]))
        var random = SeededRandom(seed: 9)
        for _ in 0..<5000 {
            var bytes = record.bytes
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
            case 1: bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            default: bytes = (0..<20).map { _ in UInt8.random(in: 0...8, using: &random) }
            }
            var keyspace = Keyspace()
            var reply = ReplyWriter()
            var items = 0
            do throws(KeyspaceRecordError) {
                try keyspace.apply(
                    record: bytes.span.bytes, &reply, before: { _, _ in }, after: { _, _, _ in items += 1 },
                    outside: { _, _, _ in })
            } catch {
                #expect(items == 0)
            }
        }
        var keyspace = Keyspace()
        var reply = ReplyWriter()
        let future: [UInt8] = [9, 0]
        #expect(throws: KeyspaceRecordError.unsupportedVersion(9)) {
            try keyspace.apply(
                record: future.span.bytes, &reply, before: { _, _ in }, after: { _, _, _ in }, outside: { _, _, _ in })
        }
    }
}
