// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec

/// One of several clients that count together: it reads the counter, which it watches, and sets it to the next number
/// together with an entry that has the number. Whatever happens, the entries are the numbers up to the counter's.
package struct WatchedCounter: Sendable {
    private let name: String
    /// Numbers that it was told to have set.
    package private(set) var told: [Int] = []

    package init(_ name: String) {
        self.name = name
    }

    private struct Over: Error {}

    /// Counts until the connection ends, it isn't known what became of a number, or `goesOn` says no.
    package mutating func work(_ client: RawClient, goesOn: @Sendable () -> Bool = { true }) async {
        while true {
            guard let number = try? await step(client) else { return }
            if number > 0 { self.told.append(number) }
            if !goesOn() { return }
        }
    }

    /// - Returns: the number that was set; 0: another was faster.
    private func step(_ client: RawClient) async throws -> Int {
        try await client.send("WATCH \(name)\r\nGET \(name)\r\n")
        _ = try await client.next()
        guard let value = try await client.next() else { throw Over() }
        var number = 1
        switch value {
        case .bulk: number += Int(text(value)) ?? 0
        case .null: break
        default: throw Over()
        }
        try await client.send("MULTI\r\nSET \(name) \(number)\r\nXADD \(name).steps * n \(number)\r\nEXEC\r\n")
        for _ in 0..<3 { _ = try await client.next() }
        switch try await client.next() {
        case .array(let replies)? where replies.count == 2: return number
        case .null?, .nullArray?: return 0
        default: throw Over()
        }
    }

    /// - Returns: what is wrong; `nil`: the server can't say.
    package static func check(_ client: RawClient, _ name: String, told: [WatchedCounter]) async throws -> [String]? {
        let last = try await client.run("GET \(name)")
        try await client.send("XRANGE \(name).steps - +\r\n")
        guard case .array(let entries)? = try await client.next(), !last.hasPrefix("-") else { return nil }
        let steps = entries.map { entry in
            guard case .array(let parts) = entry, parts.count == 2 else { return "none" }
            return text(parts[1])
        }
        var wrong: [String] = []
        let count = Int(last) ?? 0
        if steps != (0..<count).map({ "[n, \($0 + 1)]" }) {
            wrong.append("\(name) is at \(last), its steps are \(steps.count), the last of them \(steps.suffix(3))")
        }
        let all = told.flatMap(\.told)
        if Set(all).count != all.count { wrong.append("\(name): two were told to have set the same number") }
        if let lost = all.first(where: { $0 > count }) { wrong.append("\(name): \(lost) was told and is lost") }
        return wrong
    }
}
