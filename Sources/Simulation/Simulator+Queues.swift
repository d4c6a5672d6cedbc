// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletReplica

/// What the client of a queue knows, over all lives: a stream whose entries may come later, and a group of it that
/// delivers again, puts away what fails, and keeps the order of keys; and another, that keeps little and for a short
/// time, whose group prefers what is urgent and forgets consumers that ask for nothing.
struct QueueLedger {
    enum Ask {
        case append(value: String)
        case delay(value: String)
        case read
        case acknowledge(String)
        case giveBack(String)
        case appendUrgent
        case readUrgent
    }

    var asked: [Ask] = []
    var reply: [UInt8] = []
    var life: Life?
    var count = 0
    /// Values that are known to be taken, and from when on they may be there, in milliseconds of the Unix clock.
    var values: [String: Int64] = [:]
    /// IDs that were delivered, in the order in which that was heard of.
    var delivered: [String] = []
    var acknowledgements: [String: Bool] = [:]
    var hasGroup = false
    /// IDs of what was urgent, as it was delivered: nothing of it ever is again.
    var urgent: Set<String> = []
}

extension Simulator {
    /// Beside the numbers of other clients.
    static let queueClient = 10
    /// Entries of a run: all are looked at again and again.
    private static let queueEntriesMax = 60
    private static let keys = ["a", "b", "c"]

    /// The client asks, as long as others do.
    func actOnQueue() throws(Violation) {
        guard case .busy = part else { return }
        plan(.queueClientActs, in: queueing.number(0...conditions.thinkTime * 3))
        guard queueLedger.asked.isEmpty, queueLedger.count < Self.queueEntriesMax else { return }
        let serving = hosts.compactMap(\.life).filter(\.isReady)
        guard !serving.isEmpty else { return }
        let life = queueing.pick(serving)
        queueLedger.life = life
        if !queueLedger.hasGroup { makeQueue(life) }
        var request = request()
        for _ in 0..<queueing.number(1...3) {
            let (ask, words) = askOfQueue()
            queueLedger.asked.append(ask)
            append(words, to: &request)
        }
        var reply = ReplyWriter()
        let answer = life.replica.run(request, &reply, at: moment(of: life), into: &life.effects)
        trace.note(now, "queue", answer == .later ? 1 : 0, queueLedger.count)
        try take(CommandReply(client: UInt64(Self.queueClient), bytes: reply.bytes, isLast: answer == .complete))
        openTurn(life)
        planCommands(life)
    }

    private func request(_ client: Int = Simulator.queueClient) -> CommandRequest {
        CommandRequest(
            client: UInt64(client), database: 0, isRESP3: false, allowsLateReads: false, commands: CommandBatch())
    }

    private func append(_ words: [String], to request: inout CommandRequest) {
        let arguments = Arguments(words.map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(arguments) else { preconditionFailure("no \(words)") }
        request.commands.append(arguments)
        request.items.append((request.items.count, entry))
    }

    /// Whoever asks first makes it; that may be repeated until it is known to be there.
    private func makeQueue(_ life: Life) {
        var request = request(Self.queueClient + 1)
        append(["XGROUP", "CREATE", "q", "w", "0", "MKSTREAM"], to: &request)
        let policy = ["VISIBILITY", "60", "MAXDELIVERIES", "2", "DEADLETTER", "dead", "ORDERBY", "k"]
        append(["XGROUP", "SETPOLICY", "q", "w"] + policy, to: &request)
        append(["XGROUP", "CREATE", "u", "p", "0", "MKSTREAM"], to: &request)
        append(["XGROUP", "SETPOLICY", "u", "p", "DELIVER", "PRIORITY", "IDLECONSUMERS", "200"], to: &request)
        append(["XRETAIN", "u", "MAXLEN", "20", "MAXAGE", "2000"], to: &request)
        var reply = ReplyWriter()
        _ = life.replica.run(request, &reply, at: moment(of: life), into: &life.effects)
    }

    private func askOfQueue() -> (QueueLedger.Ask, [String]) {
        let out = queueLedger.delivered.filter { queueLedger.acknowledgements[$0] == nil }
        let key = queueing.pick(Self.keys)
        switch queueing.number(0...13) {
        case 10...11:
            let options = ["PRIORITY", "\(queueing.number(0...9))", "TTL", "\(queueing.number(1...500))"]
            return (.appendUrgent, ["XADD", "u"] + options + ["*", "p", options[1]])
        case 12...13:
            let consumer = "c\(queueing.number(0...2))"
            return (.readUrgent, ["XREADGROUP", "GROUP", "p", consumer, "COUNT", "3", "STREAMS", "u", ">"])
        case 0...1:
            let value = newQueueValue()
            return (.append(value: value), ["XADD", "q", "*", "k", key, "v", value])
        case 2...3:
            let value = newQueueValue()
            let delay = "\(queueing.number(0...300))"
            return (.delay(value: value), ["XADD", "q", "DELAY", delay, "*", "k", key, "v", value])
        case 4...5 where !out.isEmpty:
            let id = queueing.pick(out)
            queueLedger.acknowledgements[id] = false
            return (.acknowledge(id), ["XACK", "q", "w", id])
        case 6 where !out.isEmpty:
            let id = queueing.pick(out)
            return (.giveBack(id), ["XNACK", "q", "w", queueing.pick(["FAIL", "FATAL"]), "IDS", "1", id])
        default:
            let consumer = "c\(queueing.number(0...2))"
            return (.read, ["XREADGROUP", "GROUP", "w", consumer, "COUNT", "3", "STREAMS", "q", ">"])
        }
    }

    private func newQueueValue() -> String {
        queueLedger.count += 1
        return "\(queueLedger.count)"
    }

    // MARK: Answers

    func takeOfQueue(_ answer: CommandReply) throws(Violation) {
        trace.add(answer.bytes)
        queueLedger.reply += answer.bytes
        guard answer.isLast else { return }
        let (asked, bytes) = (queueLedger.asked, queueLedger.reply)
        (queueLedger.asked, queueLedger.reply) = ([], [])
        var offset = 0
        for ask in asked {
            var parser = ReplyParser()
            guard let reply = try? parser.next(in: bytes.span.bytes, at: &offset) else {
                throw Violation("the client of the queue has no answer to \(ask)")
            }
            try note(reply, to: ask)
        }
    }

    private func note(_ reply: ReplyValue, to ask: QueueLedger.Ask) throws(Violation) {
        switch (ask, reply) {
        case (_, .error(let text)):
            let text = String(decoding: text, as: UTF8.self)
            let known = ["NOGROUP", "UNCERTAIN", "TRYAGAIN", "CLUSTERDOWN"]
            guard known.contains(where: { text.hasPrefix($0) }) else { throw Violation("\(ask) was answered \(text)") }
        case (.append(let value), .bulk): queueLedger.values[value] = 0
        case (.delay(let value), .bulk(let handle)):
            let text = String(decoding: handle, as: UTF8.self)
            queueLedger.values[value] = text.split(separator: "-").first.flatMap { Int64($0) } ?? 0
        case (.read, .nullArray): queueLedger.hasGroup = true
        case (.read, .array(let streams)):
            queueLedger.hasGroup = true
            guard case .array(let pair)? = streams.first, pair.count == 2 else { throw Violation("read: \(reply)") }
            for entry in Self.fields(pair[1]) where !queueLedger.delivered.contains(entry.id) {
                queueLedger.delivered.append(entry.id)
            }
        case (.acknowledge(let id), .integer(let count)): if count == 1 { queueLedger.acknowledgements[id] = true }
        case (.giveBack, .integer), (.appendUrgent, .bulk), (.readUrgent, .nullArray): return
        case (.readUrgent, .array(let streams)):
            guard case .array(let pair)? = streams.first, pair.count == 2 else { throw Violation("read: \(reply)") }
            try noteUrgent(Self.fields(pair[1]))
        default: throw Violation("\(ask) was answered \(reply)")
        }
    }

    /// What is most urgent comes first, of one priority in order, and nothing twice.
    private func noteUrgent(_ entries: [(id: String, fields: [String: String])]) throws(Violation) {
        let priorities = entries.map { $0.fields["p"].flatMap { Int($0) } ?? -1 }
        for (before, after) in zip(priorities, priorities.dropFirst()) where before < after {
            throw Violation("\(entries.map(\.id)) came with priorities \(priorities)")
        }
        for entry in entries where !queueLedger.urgent.insert(entry.id).inserted {
            throw Violation("\(entry.id) came twice to a group that gives nothing back")
        }
    }

    /// Entries as they are in a reply.
    static func fields(_ reply: ReplyValue) -> [(id: String, fields: [String: String])] {
        guard case .array(let entries) = reply else { return [] }
        return entries.compactMap { entry in
            guard case .array(let parts) = entry, parts.count == 2, case .bulk(let id) = parts[0],
                case .array(let texts) = parts[1]
            else { return nil }
            let words = texts.map { if case .bulk(let text) = $0 { String(decoding: text, as: UTF8.self) } else { "" } }
            var fields: [String: String] = [:]
            for index in stride(from: 0, to: words.count - 1, by: 2) { fields[words[index]] = words[index + 1] }
            return (String(decoding: id, as: UTF8.self), fields)
        }
    }

    func forgetQueueAnswers(of life: Life) {
        guard queueLedger.life === life else { return }
        (queueLedger.life, queueLedger.asked, queueLedger.reply) = (nil, [], [])
    }

    // MARK: What must hold

    /// Nothing is lost, nothing is there twice, and nothing came before its time; what is out is the first of its key.
    func checkQueue(_ life: Life) throws(Violation) {
        let entries = Self.fields(try ask(life, "XRANGE", "q", "-", "+"))
        let waiting = Set(Self.fields(try ask(life, "XDELAYED", "q", "-", "+")).compactMap { $0.fields["v"] })
        var places: [String: String] = [:]
        for entry in entries {
            guard let value = entry.fields["v"] else { throw Violation("\(entry.id) has lost its fields") }
            if let other = places.updateValue(entry.id, forKey: value) {
                throw Violation("\(value) is \(other) and \(entry.id)")
            }
            if waiting.contains(value) { throw Violation("\(value) is \(entry.id) and waits still") }
        }
        for (value, due) in queueLedger.values.sorted(by: { $0.key < $1.key }) {
            if let id = places[value] {
                let moment = id.split(separator: "-").first.flatMap { Int64($0) } ?? 0
                if moment < due { throw Violation("\(value), due at \(due), came as \(id)") }
            } else if !waiting.contains(value) {
                throw Violation("\(value) is lost")
            }
        }
        try checkGroup(life, entries)
    }

    private func checkGroup(
        _ life: Life, _ entries: [(id: String, fields: [String: String])]
    ) throws(Violation) {
        guard case .array(let rows) = try ask(life, "XPENDING", "q", "w", "-", "+", "1000000") else { return }
        /// Who has it; empty: nobody.
        var pending: [String: (consumer: String, count: Int64)] = [:]
        for case .array(let row) in rows {
            guard row.count == 4, case .bulk(let id) = row[0], case .bulk(let consumer) = row[1],
                case .integer(let count) = row[3]
            else { throw Violation("XPENDING: \(row)") }
            pending[String(decoding: id, as: UTF8.self)] = (String(decoding: consumer, as: UTF8.self), count)
        }
        var dead: Set<String> = []
        for letter in Self.fields(try ask(life, "XRANGE", "dead", "-", "+")) {
            guard let id = letter.fields["Dead-Letter-Id"], dead.insert(id).inserted else {
                throw Violation("\(letter) is a dead letter twice, or of nothing")
            }
        }
        for id in queueLedger.delivered {
            if queueLedger.acknowledgements[id] == true, pending[id] != nil {
                throw Violation("\(id) was acknowledged and is pending")
            }
            if queueLedger.acknowledgements[id] == nil, pending[id] == nil, !dead.contains(id) {
                throw Violation("\(id) was delivered and has got lost")
            }
        }
        var seen: Set<String> = []
        for entry in entries {
            guard let state = pending[entry.id], let key = entry.fields["k"] else { continue }
            if !seen.insert(key).inserted, state.count > 0 {
                throw Violation("\(entry.id) was delivered while another with the key \(key) was pending")
            }
        }
    }
}
