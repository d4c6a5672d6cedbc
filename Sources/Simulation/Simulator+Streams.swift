// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyspace
import MartletRESPCodec
import MartletRaft
import MartletReplica

/// What the clients of streams know, over all lives.
struct StreamLedger {
    struct Key: Hashable {
        var stream: String
        var id: String
    }

    enum Knowledge {
        case asked, told
    }

    /// By the value that no other entry has: in the order in which they were asked for.
    var values: [String] = []
    /// Of those that were acknowledged, or seen since.
    var ids: [String: Key] = [:]
    var deletions: [Key: Knowledge] = [:]
    /// Who was handed an entry; once.
    var deliveries: [Key: String] = [:]
    var acknowledgements: [Key: Knowledge] = [:]
    /// Values that were added together.
    var pairs: [(String, String)] = []
}

/// A client of streams: it has one request under way at most.
struct StreamClient {
    enum Ask {
        case append(stream: String, value: String)
        case read(stream: String)
        case acknowledge(StreamLedger.Key)
        case delete(StreamLedger.Key)
        case transaction([(stream: String, value: String)])
        case length
        case range(stream: String)
    }

    var asked: [Ask] = []
    var reply: [UInt8] = []
    var life: Life?
    var count = 0
}

extension Simulator {
    static let streamClients = 3
    /// Entries that one client adds in a run: all are looked at by whoever asks and checks.
    private static let entriesMax = 120
    private static let streams = ["s", "t"]

    /// A client asks, as long as others do.
    func act(streamClient number: Int) throws(Violation) {
        guard case .busy = part else { return }
        plan(.streamClientActs(number), in: streaming.number(0...conditions.thinkTime * 2))
        guard streamClients[number].asked.isEmpty, streamClients[number].count < Self.entriesMax, let life = servingLife
        else { return }
        streamClients[number].life = life
        if !life.hasGroups { makeGroups(life) }
        var reply = ReplyWriter()
        let answer: CommandAnswer
        if streaming.once(in: 5) {
            let asked = (0..<2).map { (Self.streams[$0], newValue(number)) }
            streamLedger.pairs.append((asked[0].1, asked[1].1))
            streamClients[number].asked = [.transaction(asked)]
            var transaction = Transaction()
            for (stream, value) in asked {
                let command = Self.command("XADD", stream, "*", "v", value)
                transaction.append(command.arguments, command.entry, database: 0)
            }
            answer = life.replica.run(
                transaction, client: UInt64(number), &reply, at: moment(of: life), into: &life.effects,
                outside: { _, _ in })
        } else {
            var request = CommandRequest(
                client: UInt64(number), database: 0, isRESP3: false, allowsLateReads: false, commands: CommandBatch())
            for _ in 0..<streaming.number(1...4) {
                let (ask, command) = ask(of: number)
                streamClients[number].asked.append(ask)
                request.commands.append(command.arguments)
                request.items.append((request.items.count, command.entry))
            }
            if streaming.once(in: 3) { wait(number, &request) }
            answer = life.replica.run(request, &reply, at: moment(of: life), into: &life.effects)
        }
        trace.note(now, "streams", number, answer == .later ? 1 : 0)
        try take(CommandReply(client: UInt64(number), bytes: reply.bytes, isLast: answer == .complete))
        openTurn(life)
        planCommands(life)
    }

    /// Any member takes commands.
    private var servingLife: Life? {
        let serving = hosts.compactMap(\.life).filter(\.isReady)
        return serving.count < 2 ? serving.first : streaming.pick(serving)
    }

    private func newValue(_ client: Int) -> String {
        streamClients[client].count += 1
        let value = "\(client).\(streamClients[client].count)"
        streamLedger.values.append(value)
        return value
    }

    private static func command(_ words: String...) -> (arguments: Arguments, entry: CommandEntry) {
        let arguments = Arguments(words.map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(arguments) else {
            preconditionFailure("no command: \(words)")
        }
        return (arguments, entry)
    }

    /// A read that waits for what others bring.
    private func wait(_ client: Int, _ request: inout CommandRequest) {
        let stream = streaming.pick(Self.streams)
        let command = Self.command(
            "XREADGROUP", "GROUP", "g", "c\(client)", "COUNT", "2", "BLOCK", "\(streaming.number(1...300))", "STREAMS",
            stream, ">")
        streamClients[client].asked.append(.read(stream: stream))
        request.commands.append(command.arguments)
        request.items.append((request.items.count, command.entry))
    }

    private func ask(of client: Int) -> (StreamClient.Ask, (arguments: Arguments, entry: CommandEntry)) {
        let stream = streaming.pick(Self.streams)
        let own = streamLedger.deliveries
            .filter { $0.value == "c\(client)" && streamLedger.acknowledgements[$0.key] == nil }
            .keys.sorted { ($0.stream, $0.id) < ($1.stream, $1.id) }
        let known = streamLedger.values.compactMap { streamLedger.ids[$0] }.filter { streamLedger.deletions[$0] == nil }
        switch streaming.number(0...10) {
        case 10:
            return (.range(stream: stream), Self.command("XRANGE", stream, "-", "+"))
        case 0: return (.length, Self.command("XLEN", stream))
        case 1...3:
            return (
                .read(stream: stream),
                Self.command("XREADGROUP", "GROUP", "g", "c\(client)", "COUNT", "3", "STREAMS", stream, ">")
            )
        case 4 where !own.isEmpty:
            let key = streaming.pick(own)
            streamLedger.acknowledgements[key] = .asked
            return (.acknowledge(key), Self.command("XACK", key.stream, "g", key.id))
        case 5 where !known.isEmpty:
            let key = streaming.pick(known)
            streamLedger.deletions[key] = .asked
            return (.delete(key), Self.command("XDEL", key.stream, key.id))
        default:
            let value = newValue(client)
            return (.append(stream: stream, value: value), Self.command("XADD", stream, "*", "v", value))
        }
    }

    // MARK: Answers

    func take(_ answer: CommandReply) throws(Violation) {
        if answer.client >= Self.firstOutboxWaiter { return try takeOutbox(answer) }
        let number = Int(answer.client)
        if number == Self.queueClient { return try takeOfQueue(answer) }
        if number == Self.jobClient { return try takeOfJobs(answer) }
        guard number < Self.streamClients else { return }
        trace.add(answer.bytes)
        streamClients[number].reply += answer.bytes
        guard answer.isLast else { return }
        let (asked, bytes) = (streamClients[number].asked, streamClients[number].reply)
        (streamClients[number].asked, streamClients[number].reply) = ([], [])
        var offset = 0
        for ask in asked {
            var parser = ReplyParser()
            guard let reply = try? parser.next(in: bytes.span.bytes, at: &offset) else {
                throw Violation("a client of streams has no answer to \(ask)")
            }
            try note(reply, to: ask, of: number)
        }
        if offset != bytes.count { throw Violation("a client of streams has too many answers to \(asked)") }
    }

    private func note(_ reply: ReplyValue, to ask: StreamClient.Ask, of client: Int) throws(Violation) {
        if case .error(let text) = reply {
            let text = String(decoding: text, as: UTF8.self)
            // Before the group is made, and at the end of a life.
            if text.hasPrefix("NOGROUP") || text.hasPrefix("UNCERTAIN") || text.hasPrefix("TRYAGAIN") { return }
            // For too long nobody led.
            if hosts.count > 1, text.hasPrefix("CLUSTERDOWN") { return }
            throw Violation("\(ask) was answered \(text)")
        }
        switch (ask, reply) {
        case (.append(let stream, let value), .bulk(let id)): added(value, stream, id)
        case (.transaction(let items), .array(let ids)) where ids.count == items.count:
            for (item, id) in zip(items, ids) {
                guard case .bulk(let id) = id else { throw Violation("EXEC was answered \(reply)") }
                added(item.value, item.stream, id)
            }
        case (.read, .nullArray): return
        case (.read(let stream), .array(let streams)):
            guard case .array(let pair)? = streams.first, pair.count == 2 else { throw Violation("read: \(reply)") }
            for (id, _) in Self.entries(pair[1]) {
                let key = StreamLedger.Key(stream: stream, id: id)
                if let other = streamLedger.deliveries.updateValue("c\(client)", forKey: key) {
                    throw Violation("\(key) was handed to \(other), then to c\(client)")
                }
            }
        case (.acknowledge(let key), .integer(1)): streamLedger.acknowledgements[key] = .told
        case (.delete(let key), .integer(1)): streamLedger.deletions[key] = .told
        case (.length, .integer), (.range, .array): return
        default: throw Violation("\(ask) was answered \(reply)")
        }
    }

    private func added(_ value: String, _ stream: String, _ id: [UInt8]) {
        streamLedger.ids[value] = StreamLedger.Key(stream: stream, id: String(decoding: id, as: UTF8.self))
        counts.streamEntries += 1
    }

    static func entries(_ reply: ReplyValue) -> [(id: String, value: String)] {
        guard case .array(let entries) = reply else { return [] }
        return entries.compactMap { entry in
            guard case .array(let parts) = entry, parts.count == 2, case .bulk(let id) = parts[0] else { return nil }
            var value = ""
            if case .array(let fields) = parts[1], fields.count == 2, case .bulk(let text) = fields[1] {
                value = String(decoding: text, as: UTF8.self)
            }
            return (String(decoding: id, as: UTF8.self), value)
        }
    }

    /// Whoever asked the life that has ended is told nothing.
    func forgetStreamAnswers(of life: Life) {
        forgetQueueAnswers(of: life)
        forgetJobAnswers(of: life)
        for number in streamClients.indices where streamClients[number].life === life {
            streamClients[number].life = nil
            (streamClients[number].asked, streamClients[number].reply) = ([], [])
        }
    }

    // MARK: Lives

    /// Mostly they are there from an earlier life.
    private func makeGroups(_ life: Life) {
        life.hasGroups = true
        var request = CommandRequest(
            client: UInt64(Self.streamClients), database: 0, isRESP3: false, allowsLateReads: false,
            commands: CommandBatch())
        for stream in Self.streams {
            let command = Self.command("XGROUP", "CREATE", stream, "g", "0", "MKSTREAM")
            request.commands.append(command.arguments)
            request.items.append((request.items.count, command.entry))
        }
        // Blocks of a few entries, so that many are sealed.
        let command = Self.command("CONFIG", "SET", "stream-node-max-entries", "3")
        request.commands.append(command.arguments)
        request.items.append((request.items.count, command.entry))
        var reply = ReplyWriter()
        _ = life.replica.run(request, &reply, at: moment(of: life), into: &life.effects)
        openTurn(life)
    }

    /// What clients were told is there.
    func checkStreams(_ life: Life) throws(Violation) {
        try checkQueue(life)
        try checkJobs(life)
        var found: [String: StreamLedger.Key] = [:]
        var pending: [StreamLedger.Key: String] = [:]
        for stream in Self.streams {
            for (id, value) in Self.entries(try ask(life, "XRANGE", stream, "-", "+")) {
                let key = StreamLedger.Key(stream: stream, id: id)
                if let other = found.updateValue(key, forKey: value) {
                    throw Violation("\(value) is \(other) and \(key)")
                }
            }
            guard case .array(let rows) = try ask(life, "XPENDING", stream, "g", "-", "+", "1000000") else { continue }
            for case .array(let row) in rows {
                guard row.count == 4, case .bulk(let id) = row[0], case .bulk(let consumer) = row[1] else {
                    throw Violation("XPENDING: \(row)")
                }
                let key = StreamLedger.Key(stream: stream, id: String(decoding: id, as: UTF8.self))
                pending[key] = String(decoding: consumer, as: UTF8.self)
            }
        }
        for value in streamLedger.values {
            let (known, key) = (streamLedger.ids[value], found[value])
            if let known, let key, known != key { throw Violation("\(value) was \(known) and is \(key)") }
            if let known {
                let deletion = streamLedger.deletions[known]
                if key == nil, deletion == nil { throw Violation("\(known), \(value), is lost") }
                if key != nil, case .told = deletion { throw Violation("\(known) was deleted and is back") }
            }
            // What was seen stays.
            if let key { streamLedger.ids[value] = key }
        }
        for (first, second) in streamLedger.pairs {
            let (ids, known) = ((streamLedger.ids[first], streamLedger.ids[second]), found[first] ?? found[second])
            if known != nil, ids.0 == nil || ids.1 == nil { throw Violation("half of \(first), \(second) is there") }
        }
        for (key, consumer) in streamLedger.deliveries {
            switch streamLedger.acknowledgements[key] {
            case nil: if pending[key] != consumer { throw Violation("\(key) of \(consumer) is not pending") }
            case .told: if pending[key] != nil { throw Violation("\(key) was acknowledged and is pending") }
            case .asked: continue
            }
        }
        // Whose answers were lost: nobody else gets them.
        for (key, consumer) in pending where streamLedger.deliveries[key] == nil {
            streamLedger.deliveries[key] = consumer
        }
        try checkOutbox(life)
    }

    func ask(_ life: Life, _ words: String...) throws(Violation) -> ReplyValue {
        let arguments = Arguments(words.map { Array($0.utf8) })
        guard case .found(let entry) = CommandTable.shared.find(arguments) else { throw Violation("no \(words)") }
        var reply = ReplyWriter()
        let call = Call(arguments, now: life.replica.commandTime(at: moment(of: life)))
        var keyspace = life.replica.keyspace
        for block in keyspace.wantedBlocks(entry, call) {
            let value = block.keys.firstValue { life.host.tables.value(of: $0) } ?? []
            if keyspace.place(block, value.span.bytes) == .different {
                throw Violation("\(block.key) is neither in memory nor in the tables")
            }
        }
        _ = keyspace.read(entry, call, &reply)
        var (parser, offset) = (ReplyParser(), 0)
        guard let value = try? parser.next(in: reply.bytes.span.bytes, at: &offset) else {
            throw Violation("\(words) has no answer")
        }
        return value
    }

    // MARK: Turns

    func openTurn(_ life: Life) {
        guard !life.isTurnOpen else { return }
        life.isTurnOpen = true
        plan(.turnEnd, in: timing.number(0...200), of: life)
    }

    /// Sees to it that waits end.
    func planCommands(_ life: Life) {
        guard let due = life.replica.commandsDue(at: moment(of: life)) else { return }
        let (seconds, attoseconds) = (due - moment(of: life).monotonic).components
        let wait = max(Int(seconds) * 1_000_000 + Int(attoseconds / 1_000_000_000_000), 0)
        // The wall clock may have jumped: then what was far away has come.
        if let planned = life.commandsPlannedAt, planned <= now + wait { return }
        life.commandsPlannedAt = now + wait
        plan(.commandsDue, in: wait, of: life)
    }
}
