// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletRESPCodec
import MartletStreams

/// A command that waits for what isn't there yet.
package struct Waiter: Sendable {
    package enum Kind: Hashable, Sendable {
        /// Each gets whatever comes.
        case reader
        /// Those of one group share what comes. `claims`: pending entries that come of age as well.
        case group([UInt8], claims: Bool)
        /// Takes away what comes.
        case popper
    }

    /// The client's number: a client waits for one thing at a time.
    package let client: UInt64
    /// Whose wait it is, if a user's of the auth service: asked again when there is something.
    package let user: AuthName?
    package let kind: Kind
    package let database: Int
    package let keys: [[UInt8]]
    /// The command as it is to be run again, with IDs for all that meant "from now on".
    package let arguments: Arguments
    /// On the clock of whoever keeps waiters, in milliseconds; `nil`: it waits for ever.
    package let deadline: Int64?
    /// The protocol of its answer.
    package let isRESP3: Bool
    /// When a pending entry comes of age, in milliseconds of the Unix clock; `nil`: none is in sight.
    package var claimDueAt: Int64?
    /// Whether its command is proposed, and the outcome not known.
    var isReserved = false
}

extension Keyspace {
    /// What a command that was told to wait waits for.
    ///
    /// - Parameter ticks: the clock of deadlines, in milliseconds.
    package func waiter(_ entry: CommandEntry, _ call: Call, ticks: Int64, isRESP3: Bool) -> Waiter? {
        switch entry.name {
        case "xread": return readWaiter(call, ticks, isRESP3)
        case "xreadgroup": return groupWaiter(call, ticks, isRESP3)
        case "blpop", "brpop":
            guard let timeout = try? Self.listTimeout(call) else { return nil }
            return Waiter(
                client: call.client, user: call.user, kind: .popper, database: call.database,
                keys: (1..<call.count - 1).map { call.arguments.array($0) }, arguments: call.arguments.copy(),
                deadline: Self.deadline(timeout, ticks), isRESP3: isRESP3)
        case "blmove", "brpoplpush":
            guard let timeout = try? Self.listTimeout(call) else { return nil }
            return Waiter(
                client: call.client, user: call.user, kind: .popper, database: call.database,
                keys: [call.arguments.array(1)], arguments: call.arguments.copy(),
                deadline: Self.deadline(timeout, ticks), isRESP3: isRESP3)
        default: return nil
        }
    }

    private func readWaiter(_ call: Call, _ ticks: Int64, _ isRESP3: Bool) -> Waiter? {
        guard let request = try? ReadRequest(call, isGroup: false), let timeout = request.timeout else { return nil }
        var words = (0..<call.count).map { call.arguments.array($0) }
        for key in 0..<request.keyCount {
            switch call.arguments.byte(request.id(key)) {
            case UInt8(ascii: "$"), UInt8(ascii: "+"):
                let last = (try? stream(call, request.key(key))).map { streams[$0]!.lastID } ?? .zero
                words[request.id(key)] = []
                last.append(to: &words[request.id(key)])
            default: break
            }
        }
        return Waiter(
            client: call.client, user: call.user, kind: .reader, database: call.database, keys: call.keys(request),
            arguments: Arguments(words), deadline: Self.deadline(timeout, ticks), isRESP3: isRESP3)
    }

    private func groupWaiter(_ call: Call, _ ticks: Int64, _ isRESP3: Bool) -> Waiter? {
        guard let request = try? ReadRequest(call, isGroup: true), let timeout = request.timeout else { return nil }
        var waiter = Waiter(
            client: call.client, user: call.user,
            kind: .group(call.arguments.array(request.group!), claims: claims(call, request)),
            database: call.database, keys: call.keys(request), arguments: call.arguments.copy(),
            deadline: Self.deadline(timeout, ticks), isRESP3: isRESP3)
        waiter.claimDueAt = claimDueAt(call)
        return waiter
    }

    /// Whether a waiting read gets pending entries that come of age. A policy that is set while it waits counts from
    /// the next one on.
    private func claims(_ call: Call, _ request: ReadRequest) -> Bool {
        if request.claimIdle != nil { return true }
        let name = call.arguments.array(request.group!)
        return (0..<request.keyCount).contains { key in
            guard let stream = try? stream(call, request.key(key)) else { return false }
            return streams[stream]!.group(named: name)?.policy.visibility != nil
        }
    }

    /// `nil`, for ever, where the timeout is 0 or ends behind all time.
    private static func deadline(_ timeout: Int64, _ ticks: Int64) -> Int64? {
        let (sum, overflows) = ticks.addingReportingOverflow(timeout)
        return timeout == 0 || overflows ? nil : sum
    }

    /// When the first of the pending entries that a waiting read asks for comes of age.
    package func claimDueAt(_ call: Call) -> Int64? {
        guard let request = try? ReadRequest(call, isGroup: true) else { return nil }
        var due: Int64?
        for key in 0..<request.keyCount {
            guard let stream = try? stream(call, request.key(key)),
                let group = streams[stream]!.group(named: call.arguments.array(request.group!))
            else { continue }
            // One read passes over so many entries and no more.
            let passesOver = !group.policy.filter.isEmpty || group.policy.orderField != nil
            if passesOver, streams[stream]!.hasNew(for: group) { return call.time }
            guard let idle = group.policy.claimIdle(request.claimIdle),
                let oldest = streams[stream]!.longestWaiting(in: group)
            else { continue }
            let moment = oldest.deliveredAt.addingReportingOverflow(idle)
            if !moment.overflow { due = min(due ?? .max, moment.partialValue) }
        }
        return due
    }
}

extension Call {
    fileprivate func keys(_ request: ReadRequest) -> [[UInt8]] {
        (0..<request.keyCount).map { arguments.array(request.key($0)) }
    }
}

extension Arguments {
    /// The same words in a buffer of their own, so that they don't keep a larger one.
    package func copy() -> Arguments { Arguments((0..<count).map { array($0) }) }
}
