// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRESPClient
import MartletRESPCodec

/// One client of the streams, which works until the server is gone.
struct StreamWorker {
    static let streams = ["s0", "s1", "s2"]
    static let group = "g"

    let port: Int
    let ledger: StreamLedger
    /// No other worker of the store has it; part of all values.
    let name: String
    var random: SeededRandom
    private var count = 0

    init(port: Int, _ ledger: StreamLedger, name: String, random: SeededRandom) {
        self.port = port
        self.ledger = ledger
        self.name = name
        self.random = random
    }

    /// The server was killed under the worker.
    private struct Gone: Error {}

    private mutating func value() -> String {
        count += 1
        let padding = Int.random(in: 0..<12, using: &random) == 0 ? Int.random(in: 300..<6_000, using: &random) : 8
        return "\(name).\(count)." + String(repeating: "x", count: padding)
    }

    private mutating func stream() -> String { Self.streams.randomElement(using: &random) ?? "s0" }

    // MARK: Producing

    mutating func produce() async {
        // The server's death ends the connection.
        var worker = self
        try? await RawClient.with(port: port) { client in
            while !Task.isCancelled { try await worker.step(client) }
        }
        self = worker
    }

    private mutating func step(_ client: RawClient) async throws {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: try await transact(client)
        case 1: try await delete(client)
        default: try await add(client, Int.random(in: 1...16, using: &random))
        }
    }

    /// Several at once, and their answers in order.
    private mutating func add(_ client: RawClient, _ count: Int) async throws {
        let stream = stream()
        let values = (0..<count).map { _ in value() }
        for value in values { ledger.asked(value) }
        try await client.send(values.map { "XADD \(stream) * v \($0)\r\n" }.joined())
        var last: StreamEntryID?
        for value in values {
            let id = try await next(client)
            guard let parsed = StreamEntryID(id) else { return ledger.report("XADD was answered \(id)") }
            if let last, parsed <= last { ledger.report("\(id) came after \(last)") }
            last = parsed
            ledger.added(value, id)
        }
    }

    /// Two streams get an entry each, or none does.
    private mutating func transact(_ client: RawClient) async throws {
        let (first, second) = (value(), value())
        ledger.asked(first, twin: second)
        ledger.asked(second, twin: first)
        try await client.send("MULTI\r\nXADD s0 * v \(first)\r\nXADD s1 * v \(second)\r\nEXEC\r\n")
        for _ in 0..<3 { _ = try await next(client) }
        guard let reply = try await client.next() else { throw Gone() }
        guard case .array(let ids) = reply, ids.count == 2 else {
            if text(reply).hasPrefix("-UNCERTAIN") { throw Gone() }
            return ledger.report("EXEC was answered \(text(reply))")
        }
        ledger.added(first, text(ids[0]))
        ledger.added(second, text(ids[1]))
    }

    /// Deletes an entry of its own, which nobody else adds to or deletes.
    private mutating func delete(_ client: RawClient) async throws {
        let stream = stream()
        let value = value()
        ledger.asked(value)
        try await client.send("XADD \(stream) * v \(value)\r\n")
        let id = try await next(client)
        ledger.added(value, id)
        ledger.deleting(value, .unknown)
        try await client.send("XDEL \(stream) \(id)\r\n")
        let answer = try await next(client)
        guard answer == ":1" else { return ledger.report("XDEL of \(id) was answered \(answer)") }
        ledger.deleting(value, .acknowledged)
    }

    // MARK: Consuming

    /// Reads for the group, at times waiting, and acknowledges most of what it gets.
    mutating func consume() async {
        var worker = self
        try? await RawClient.with(port: port) { client in
            while !Task.isCancelled { try await worker.read(client) }
        }
        self = worker
    }

    private mutating func read(_ client: RawClient) async throws {
        let stream = stream()
        let (size, wait) = (Int.random(in: 1...20, using: &random), Bool.random(using: &random) ? "BLOCK 20 " : "")
        try await client.send(
            "XREADGROUP GROUP \(Self.group) \(name) COUNT \(size) \(wait)STREAMS \(stream) >\r\n")
        guard let reply = try await client.next() else { throw Gone() }
        let ids = StreamCrash.ids(reply)
        if ids.isEmpty {
            if text(reply).hasPrefix("-UNCERTAIN") { throw Gone() }
            if text(reply) != "null" { ledger.report("XREADGROUP was answered \(text(reply))") }
            return
        }
        for id in ids { ledger.delivered(stream, id, to: name) }
        guard Int.random(in: 0..<5, using: &random) > 0 else { return }
        ledger.acknowledging(stream, ids, .unknown)
        try await client.send("XACK \(stream) \(Self.group) \(ids.joined(separator: " "))\r\n")
        let answer = try await next(client)
        guard answer == ":\(ids.count)" else { return ledger.report("XACK of \(ids) was answered \(answer)") }
        ledger.acknowledging(stream, ids, .acknowledged)
    }

    private func next(_ client: RawClient) async throws -> String {
        guard let reply = try await client.next() else { throw Gone() }
        let answer = text(reply)
        if answer.hasPrefix("-UNCERTAIN") { throw Gone() }
        return answer
    }
}
