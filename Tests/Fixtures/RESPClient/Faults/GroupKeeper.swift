// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRESPCodec

/// The only client of a stream. After a fault it knows what the stream and its groups hold: what it was told of, and
/// the command that was under way wholly or not at all; and of an append that was under way, repeated, that it is there
/// once.
package struct GroupKeeper: Sendable {
    package let stream: String
    package private(set) var model = StreamModel()
    /// How many commands were answered.
    package private(set) var acknowledged = 0
    /// What was wrong.
    package private(set) var violations: [String] = []
    private var random: SeededRandom
    /// Sent, and not answered.
    private var underway: StreamModel.Command?
    /// Of the last append: none is given up, so the entries are those with the numbers up to it.
    private var number = 0

    private static let groups = ["g", "h", "i"]
    private static let consumers = ["a", "b", "c"]

    package init(stream: String, seed: UInt64) {
        self.stream = stream
        random = SeededRandom(seed: seed)
    }

    /// Nobody knows what became of a command.
    private struct Unknown: Error {}

    /// Tells the stream to remember producers for longer than any test takes. To be called first.
    package func prepare(_ client: RawClient) async throws {
        _ = try await client.run("XGROUP CREATE \(stream) none 0 MKSTREAM")
        _ = try await client.run("XGROUP DESTROY \(stream) none")
        _ = try await client.run("XCFGSET \(stream) IDMP-DURATION 86400 IDMP-MAXSIZE 10000")
    }

    // MARK: Work

    /// Works until the connection ends, somebody says that it isn't known what became of a command, or `goesOn`, asked
    /// after each answer, says no. Nothing is given up while its answer may come: who asks for what there is finds it.
    package mutating func work(_ client: RawClient, goesOn: @Sendable () -> Bool = { true }) async {
        while underway == nil, violations.isEmpty {
            let command = draw()
            underway = command
            guard let answer = try? await answer(to: command, client) else { return }
            take(command, answer)
            underway = nil
            if !goesOn() { return }
        }
    }

    private func answer(to command: StreamModel.Command, _ client: RawClient) async throws -> ReplyValue {
        try await client.send(command.line(stream: stream) + "\r\n")
        guard let reply = try await client.next() else { throw Unknown() }
        let answer = text(reply)
        if ["-UNCERTAIN", "-TRYAGAIN", "-CLUSTERDOWN"].contains(where: { answer.hasPrefix($0) }) { throw Unknown() }
        return reply
    }

    private mutating func take(_ command: StreamModel.Command, _ reply: ReplyValue) {
        let answer = text(reply)
        var told = answer
        var expected: String
        switch command {
        case .append:
            guard let id = StreamEntryID(answer) else { return violate("\(command) was answered \(answer)") }
            if let last = model.entries.last, id <= last { violate("\(id) came after \(last)") }
            expected = model.apply(command, appended: id)
        case .read, .readAndClaim:
            // Claimed ones come by age.
            told = Self.ids(reply).sorted().map(\.description).joined(separator: " ")
            expected = model.apply(command)
            expected = expected.split(separator: " ").compactMap { StreamEntryID(String($0)) }.sorted()
                .map(\.description).joined(separator: " ")
        default: expected = model.apply(command)
        }
        if told != expected { violate("\(command) was answered \(answer), not \(expected)") }
        acknowledged += 1
    }

    private mutating func violate(_ text: String) { violations.append("\(stream): \(text)") }

    private static func ids(_ reply: ReplyValue) -> [StreamEntryID] {
        guard case .array(let streams) = reply, case .array(let stream)? = streams.first, stream.count == 2,
            case .array(let entries) = stream[1]
        else { return [] }
        return entries.compactMap { entry in
            guard case .array(let parts) = entry, let id = parts.first else { return nil }
            return StreamEntryID(text(id))
        }
    }

    // MARK: Choices

    private mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }

    private mutating func some<Item>(_ items: [Item]) -> Item { items[below(items.count)] }

    private mutating func some(_ ids: [StreamEntryID], upTo most: Int) -> [StreamEntryID] {
        Array(ids.shuffled(using: &random).prefix(1 + below(most)))
    }

    private mutating func append() -> StreamModel.Command {
        number += 1
        return .append(number)
    }

    private mutating func draw() -> StreamModel.Command {
        let (name, consumer) = (some(Self.groups), some(Self.consumers))
        guard let group = model.groups[name] else {
            return below(2) == 0 || model.entries.isEmpty
                ? .create(group: name, at: model.entries.isEmpty ? .zero : some([.zero, some(model.entries)]))
                : append()
        }
        // Of a stream that has grown long the end is enough.
        let recent = Array(model.entries.suffix(40))
        let pending = group.pending.keys.sorted()
        switch below(20) {
        case 0..<7 where model.entries.count < 3000: return append()
        case 7...9: return .read(group: name, consumer: consumer, count: 1 + below(5))
        case 10 where pending.count < 60: return .readAndClaim(group: name, consumer: consumer)
        case 11...13 where !pending.isEmpty: return .acknowledge(group: name, some(pending, upTo: 6))
        case 14 where !recent.isEmpty:
            return .claim(group: name, consumer: consumer, some(recent, upTo: 4), count: Int64(below(9)))
        case 15:
            return .claimAutomatically(
                group: name, consumer: consumer, from: some([.zero, pending.first ?? .zero, pending.last ?? .zero]),
                count: 1 + below(4))
        case 16 where !recent.isEmpty: return .move(group: name, to: some(recent))
        case 17: return .setPolicy(group: name, visibility: Int64(86_400_000 + below(1000)))
        case 18: return .removeConsumer(group: name, consumer: consumer)
        case 19 where below(4) == 0: return .destroy(group: name)
        default: return .acknowledge(group: name, pending.isEmpty ? [.zero] : some(pending, upTo: 12))
        }
    }

    // MARK: Checks

    /// Holds what is there against what was told, and takes it for what is known from now on.
    ///
    /// - Returns: false where the server says that it doesn't know either: then it is to be asked again.
    package mutating func check(_ client: RawClient) async throws -> Bool {
        guard let found = try await look(client) else { return false }
        guard let command = underway else {
            if found != model { violate(Self.difference(found, model)) }
            return true
        }
        var after = model
        if case .append(let number) = command {
            // Whether it was there or not, now it is, once; see below.
            guard let reply = try? await answer(to: command, client) else { return false }
            guard let id = StreamEntryID(text(reply)) else {
                violate("\(command), repeated, was answered \(text(reply))")
                return true
            }
            if found.entries.count > model.entries.count, found.entries.last != id {
                violate("\(number) was \(found.entries.last ?? .zero), and is \(id)")
            }
            _ = after.apply(command, appended: id)
            guard let repeated = try await look(client) else { return false }
            if repeated != after { violate("after \(command) again: " + Self.difference(repeated, after)) }
            model = repeated
        } else {
            _ = after.apply(command)
            if found != model, found != after {
                violate("after \(command), of which nobody was told: " + Self.difference(found, after))
            }
            model = found
        }
        underway = nil
        // What others were told of earlier appends holds as well.
        if !model.entries.isEmpty {
            let place = below(model.entries.count)
            guard let reply = try? await answer(to: .append(place + 1), client) else { return false }
            if text(reply) != "\(model.entries[place])" {
                violate("\(place + 1) was \(model.entries[place]) and, asked for again, is \(text(reply))")
            }
        }
        return true
    }

    private static func difference(_ found: StreamModel, _ expected: StreamModel) -> String {
        if found.entries != expected.entries {
            let (lost, new) = (
                Set(expected.entries).subtracting(found.entries), Set(found.entries).subtracting(expected.entries)
            )
            return "entries lost: \(lost.sorted().prefix(5)), come from nowhere: \(new.sorted().prefix(5))"
        }
        for name in groups where found.groups[name] != expected.groups[name] {
            guard let one = found.groups[name], let other = expected.groups[name] else {
                return "group \(name) is \(found.groups[name] == nil ? "lost" : "back")"
            }
            let ids = Set(one.pending.keys).union(other.pending.keys).filter { one.pending[$0] != other.pending[$0] }
            let rows = ids.sorted().prefix(3).map { id in
                "\(id): \(one.pending[id].map { "\($0)" } ?? "none") for \(other.pending[id].map { "\($0)" } ?? "none")"
            }
            return "group \(name) is at \(one.last) for \(other.last), consumers \(one.consumers.sorted()) for "
                + "\(other.consumers.sorted()), visibility \(one.visibility ?? 0) for \(other.visibility ?? 0), \(rows)"
        }
        return "other groups: \(found.groups.keys.sorted())"
    }

    /// What the server has; `nil`: it can't say.
    private func look(_ client: RawClient) async throws -> StreamModel? {
        func ask(_ line: String) async throws -> [ReplyValue]? {
            try await client.send(line + "\r\n")
            guard case .array(let rows)? = try await client.next() else { return nil }
            return rows
        }
        func id(_ row: ReplyValue) -> StreamEntryID? {
            guard case .array(let parts) = row, let first = parts.first else { return nil }
            return StreamEntryID(text(first))
        }
        func record(_ row: ReplyValue) -> [String: String] {
            guard case .array(let parts) = row else { return [:] }
            let words = parts.map { text($0) }
            return Dictionary(
                stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }, uniquingKeysWith: { $1 }
            )
        }
        var found = StreamModel()
        guard let entries = try await ask("XRANGE \(stream) - +") else { return nil }
        found.entries = entries.compactMap { id($0) }
        guard let groups = try await ask("XINFO GROUPS \(stream)") else { return nil }
        for fields in groups.map({ record($0) }) {
            let name = fields["name"] ?? ""
            guard let last = fields["last-delivered-id"].flatMap({ StreamEntryID($0) }),
                let pending = try await ask("XPENDING \(stream) \(name) - + 1000000"),
                let consumers = try await ask("XINFO CONSUMERS \(stream) \(name)")
            else { return nil }
            var group = StreamModel.Group(last: last)
            group.visibility = fields["visibility"].flatMap { Int64($0.drop { $0 == ":" }) }
            group.consumers = Set(consumers.map { record($0)["name"] ?? "" })
            for case .array(let row) in pending where row.count == 4 {
                guard let id = StreamEntryID(text(row[0])), case .integer(let count) = row[3] else { return nil }
                group.pending[id] = StreamModel.Pending(consumer: text(row[1]), count: count)
            }
            found.groups[name] = group
        }
        return found
    }
}
