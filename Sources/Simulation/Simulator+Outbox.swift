// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica

/// What the clients of transactions over keys and streams know, over all lives.
///
/// Some change a key and publish that in the stream `o`, both in one transaction; others take what was published, and
/// record that they have done so in the transaction that acknowledges it.
struct OutboxLedger {
    static let stream = "o"
    static let group = "og"
    /// They lie behind registers and before all other keys, and so outside of all ranges.
    static let changes = "b/"
    static let effects = "c/"

    /// Changes that were acknowledged, by what names both key and entry.
    var published: Set<String> = []
    /// IDs of entries that somebody was handed.
    var delivered: Set<String> = []
    /// Those whose effect was acknowledged.
    var settled: Set<String> = []
}

/// A client of such transactions: it has one request under way at most.
struct OutboxClient {
    enum Ask {
        case publish(String)
        /// For a flaw: the second half of what was to be one.
        case publishEntry(String)
        case read
        case settle(String)
    }

    var asked: Ask?
    var life: Life?
    var count = 0
    /// Entries that it was handed and has not tried to settle.
    var inHand: [String] = []
    var reply: [UInt8] = []
}

extension Simulator {
    static let outboxClients = 3
    /// Waiters from here on are theirs, and so are clients of commands.
    static let firstOutboxWaiter: UInt64 = 1 << 40
    /// Changes of one client in a run: all are looked at by whoever checks.
    private static let changesMax = 60

    func act(outboxClient number: Int) throws(Violation) {
        guard case .busy = part else { return }
        plan(.outboxClientActs(number), in: outboxing.number(0...conditions.thinkTime * 3))
        guard outbox[number].asked == nil, outbox[number].count < Self.changesMax, let life = anyServingLife else {
            return
        }
        outbox[number].life = life
        if !life.hasOutboxGroup { makeOutboxGroup(life) }
        outbox[number].count += 1
        if number == 0 || outboxing.once(in: 3) {
            let name = "\(number).\(outbox[number].count)"
            outbox[number].asked = .publish(name)
            let isSplit = flaw == .splitsTransactions
            try transact(
                number, life, [Wire.isMissing(OutboxLedger.changes + name)],
                [
                    Wire.put(OutboxLedger.changes + name, name)
                ] + (isSplit ? [] : [Wire.append(OutboxLedger.stream, name)]))
        } else if let id = outbox[number].inHand.popLast() {
            outbox[number].asked = .settle(id)
            try transact(
                number, life, [Wire.isPending(id, consumer: "oc\(number)")],
                [Wire.acknowledge(id), Wire.put(OutboxLedger.effects + id, "\(number)")])
        } else {
            outbox[number].asked = .read
            try read(number, life)
        }
        trace.note(now, "outbox", number, outbox[number].count)
        openTurn(life)
        planCommands(life)
    }

    private var anyServingLife: Life? {
        let serving = hosts.compactMap(\.life).filter(\.isReady)
        return serving.count < 2 ? serving.first : outboxing.pick(serving)
    }

    private func transact(
        _ number: Int, _ life: Life, _ conditions: [[UInt8]], _ operations: [[UInt8]]
    ) throws(Violation) {
        var bytes: [UInt8] = []
        for condition in conditions { bytes.append(choice: 1, bytes: condition) }
        for operation in operations { bytes.append(choice: 2, bytes: operation) }
        do throws(RecordError) {
            let request = try StoreRequest(wire: bytes)
            life.replica.transact(
                request, for: WaiterID(Self.firstOutboxWaiter + UInt64(number)), at: moment(of: life),
                into: &life.effects)
        } catch {
            throw Violation("a transaction can't be read: \(error)")
        }
    }

    /// What it holds from before, and some more.
    private func read(_ number: Int, _ life: Life) throws(Violation) {
        let client = Self.firstOutboxWaiter + UInt64(number)
        var request = CommandRequest(
            client: client, database: 0, isRESP3: false, allowsLateReads: false, commands: CommandBatch())
        for position in ["0", ">"] {
            add(
                [
                    "XREADGROUP", "GROUP", OutboxLedger.group, "oc\(number)", "COUNT", "3", "STREAMS",
                    OutboxLedger.stream,
                    position,
                ], to: &request)
        }
        var reply = ReplyWriter()
        let answer = life.replica.run(request, &reply, at: moment(of: life), into: &life.effects)
        try takeOutbox(CommandReply(client: client, bytes: reply.bytes, isLast: answer == .complete))
    }

    private func add(_ words: [String], to request: inout CommandRequest) {
        let arguments = Arguments(words.map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(arguments) else {
            preconditionFailure("no command: \(words)")
        }
        request.commands.append(arguments)
        request.items.append((request.items.count, entry))
    }

    private func makeOutboxGroup(_ life: Life) {
        life.hasOutboxGroup = true
        var request = CommandRequest(
            client: UInt64(Self.streamClients) + 1, database: 0, isRESP3: false, allowsLateReads: false,
            commands: CommandBatch())
        add(["XGROUP", "CREATE", OutboxLedger.stream, OutboxLedger.group, "0", "MKSTREAM"], to: &request)
        var reply = ReplyWriter()
        _ = life.replica.run(request, &reply, at: moment(of: life), into: &life.effects)
    }

    // MARK: Answers

    func takeOutbox(_ answer: CommandReply) throws(Violation) {
        let number = Int(answer.client - Self.firstOutboxWaiter)
        trace.add(answer.bytes)
        outbox[number].reply += answer.bytes
        guard answer.isLast else { return }
        guard case .read = outbox[number].asked else { throw Violation("client \(number) of the outbox asked nothing") }
        let bytes = outbox[number].reply
        (outbox[number].asked, outbox[number].reply) = (nil, [])
        var offset = 0
        for _ in 0..<2 {
            var parser = ReplyParser()
            guard let reply = try? parser.next(in: bytes.span.bytes, at: &offset) else {
                throw Violation("client \(number) of the outbox has no answer")
            }
            for id in Self.ids(reply) {
                outboxLedger.delivered.insert(id)
                if !outbox[number].inHand.contains(id) { outbox[number].inHand.append(id) }
            }
        }
    }

    private static func ids(_ reply: ReplyValue) -> [String] {
        guard case .array(let streams) = reply, case .array(let pair)? = streams.first, pair.count == 2,
            case .array(let entries) = pair[1]
        else { return [] }
        return entries.compactMap {
            guard case .array(let parts) = $0, case .bulk(let id)? = parts.first else { return nil }
            return String(decoding: id, as: UTF8.self)
        }
    }

    func answerOutbox(_ reply: Effects.Reply, _ life: Life) throws(Violation) {
        let number = Int(reply.waiter.rawValue - Self.firstOutboxWaiter)
        trace.note(now, "outbox answered", number, 0, "\(reply.result)")
        guard outbox[number].life === life, let asked = outbox[number].asked else {
            throw Violation("client \(number) of the outbox is answered by who was not asked")
        }
        outbox[number].asked = nil
        switch (asked, reply.result) {
        case (.publish(let name), .success(.transact(let response))):
            guard response.succeeded else { throw Violation("\(name) was there before it was made") }
            if flaw == .splitsTransactions {
                outbox[number].asked = .publishEntry(name)
                try transact(number, life, [], [Wire.append(OutboxLedger.stream, name)])
                return openTurn(life)
            }
            outboxLedger.published.insert(name)
            counts.publications += 1
        case (.publishEntry(let name), .success): outboxLedger.published.insert(name)
        case (.settle(let id), .success(.transact(let response))):
            if response.succeeded {
                guard outboxLedger.settled.insert(id).inserted else { throw Violation("\(id) was settled twice") }
                counts.settlements += 1
            }
        case (.settle, .failure(.refusedStreams(.noSuchGroup))): return
        case (_, .failure(.refused)), (_, .failure(.refusedStreams)), (_, .success), (.read, _):
            throw Violation("\(asked) was answered \(reply.result)")
        case (_, .failure): return
        }
    }

    /// Whoever asked the life that has ended is told nothing.
    func forgetOutboxAnswers(of life: Life) {
        for number in outbox.indices where outbox[number].life === life {
            outbox[number].life = nil
            (outbox[number].asked, outbox[number].reply) = (nil, [])
        }
    }

    // MARK: What is there

    /// Each change is there with its entry, each effect with its acknowledgement; what was acknowledged is there.
    func checkOutbox(_ life: Life) throws(Violation) {
        let store = life.replica.store
        func names(_ prefix: String) throws(Violation) -> [String] {
            let key = Array(prefix.utf8)
            guard let found = try? store.range(RangeRequest(key: key, rangeEnd: KeyPrefix.end(of: key) ?? [0])) else {
                throw Violation("keys of \(prefix) can't be read")
            }
            for record in found.records where record.version != 1 {
                throw Violation("\(record.key) was written \(record.version) times")
            }
            return found.records.map { String(decoding: $0.key.dropFirst(key.count), as: UTF8.self) }
        }
        let changes = try names(OutboxLedger.changes)
        let entries = Self.entries(try ask(life, "XRANGE", OutboxLedger.stream, "-", "+"))
        guard changes.sorted() == entries.map(\.value).sorted() else {
            throw Violation("changes \(changes) have the entries \(entries)")
        }
        guard outboxLedger.published.isSubset(of: changes) else { throw Violation("a published change is lost") }
        let effects = Set(try names(OutboxLedger.effects))
        guard outboxLedger.settled.isSubset(of: effects) else { throw Violation("a settled entry has no effect") }
        guard
            case .array(let rows) = try ask(
                life, "XPENDING", OutboxLedger.stream, OutboxLedger.group, "-", "+", "1000000")
        else { return }
        var pending: Set<String> = []
        for case .array(let row) in rows {
            if case .bulk(let id)? = row.first { pending.insert(String(decoding: id, as: UTF8.self)) }
        }
        guard pending.isDisjoint(with: effects) else { throw Violation("an entry that has had its effect is pending") }
        // In the order of the stream, so that the same one is named always.
        for (id, _) in entries where outboxLedger.delivered.contains(id) && !pending.contains(id) {
            guard effects.contains(id) else { throw Violation("\(id) was acknowledged without its effect") }
        }
    }
}

/// Messages of martlet.v1, field by field.
private enum Wire {
    static func message(_ fields: (UInt64, [UInt8])...) -> [UInt8] {
        var bytes: [UInt8] = []
        for (number, content) in fields { bytes.append(choice: number, bytes: content) }
        return bytes
    }

    static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// An EtcdCompare of its version with 0, which is no field.
    static func isMissing(_ key: String) -> [UInt8] { message((1, message((3, text(key))))) }

    static func put(_ key: String, _ value: String) -> [UInt8] {
        message((2, message((1, text(key)), (2, text(value)))))
    }

    static func append(_ stream: String, _ value: String) -> [UInt8] {
        message((5, message((1, text(stream)), (2, message((1, text("v")), (2, text(value)))))))
    }

    static func isPending(_ id: String, consumer: String) -> [UInt8] {
        let pending = message((1, text(OutboxLedger.group)), (2, text(consumer)), (3, streamID(id)))
        return message((2, message((1, text(OutboxLedger.stream)), (6, pending))))
    }

    static func acknowledge(_ id: String) -> [UInt8] {
        message((6, message((1, text(OutboxLedger.stream)), (2, text(OutboxLedger.group)), (3, streamID(id)))))
    }

    private static func streamID(_ id: String) -> [UInt8] {
        let parts = id.split(separator: "-").map { UInt64($0) ?? 0 }
        var bytes: [UInt8] = []
        for (field, number) in zip(UInt64(1)..., parts) { bytes.append(field: field, number: number) }
        return bytes
    }
}
