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
    package var due = Due()
    /// Of each key what was looked at in vain: where a filter leaves out what is there. Empty where every entry will
    /// do.
    package internal(set) var looked: [Looked] = []
    /// Whether its command is proposed, and the outcome not known.
    var isReserved = false
}

extension Waiter {
    /// When one who waits is looked at whatever happens to its keys, in milliseconds of the Unix clock.
    package struct Due: Hashable, Sendable {
        /// A pending entry comes of age; `nil`: none is in sight.
        package var claim: Int64?
        /// The consumer is to be noted as seen, so that it isn't taken for idle; `nil`: nobody takes it for that.
        package var seen: Int64?

        package init(claim: Int64? = nil, seen: Int64? = nil) {
            self.claim = claim
            self.seen = seen
        }

        var first: Int64? {
            guard let claim, let seen else { return claim ?? seen }
            return min(claim, seen)
        }
    }

    /// How far a stream was looked at: it is this one as long as it has the number.
    package struct Looked: Hashable, Sendable {
        var number: UInt64
        var id: StreamID
    }
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
        var waiter = Waiter(
            client: call.client, user: call.user, kind: .reader, database: call.database, keys: call.keys(request),
            arguments: Arguments(words), deadline: Self.deadline(timeout, ticks), isRESP3: isRESP3)
        if !request.selection.pairs.isEmpty { waiter.looked = looked(waiter, now: call.time) }
        return waiter
    }

    /// How far one who waits has looked, who finds nothing now.
    package func lookedOn(_ waiter: Waiter, now: Int64) -> [Waiter.Looked] {
        waiter.looked.isEmpty ? [] : looked(waiter, now: now)
    }

    private func looked(_ waiter: Waiter, now: Int64) -> [Waiter.Looked] {
        waiter.keys.map { name in
            guard let stream = stream(name, in: waiter.database, now: now) else { return .init(number: 0, id: .zero) }
            return .init(number: streamNumbers[stream], id: streams[stream]!.lastID)
        }
    }

    private func stream(_ name: [UInt8], in database: Int, now: Int64) -> Int? {
        guard let place = place(name, in: database, now: now),
            case .stream(let stream) = databases[database][place].value
        else { return nil }
        return stream
    }

    /// The command of one who waits, as it is to be run: behind what it has looked at in vain.
    package func arguments(of waiter: Waiter, now: Int64) -> Arguments {
        if waiter.looked.isEmpty { return waiter.arguments }
        let call = Call(waiter.arguments, database: waiter.database, now: now)
        guard let request = try? ReadRequest(call, isGroup: false) else { return waiter.arguments }
        var words = (0..<call.count).map { call.arguments.array($0) }
        for (key, looked) in waiter.looked.enumerated() {
            // In one that was made anew, or set back, IDs may come again.
            guard let stream = stream(waiter.keys[key], in: waiter.database, now: now),
                streamNumbers[stream] == looked.number, streams[stream]!.lastID >= looked.id,
                let asked = try? call.streamID(request.id(key)), asked < looked.id
            else { continue }
            words[request.id(key)] = []
            looked.id.append(to: &words[request.id(key)])
        }
        return Arguments(words)
    }

    private func groupWaiter(_ call: Call, _ ticks: Int64, _ isRESP3: Bool) -> Waiter? {
        guard let request = try? ReadRequest(call, isGroup: true), let timeout = request.timeout else { return nil }
        var waiter = Waiter(
            client: call.client, user: call.user,
            kind: .group(call.arguments.array(request.group!), claims: claims(call, request)),
            database: call.database, keys: call.keys(request), arguments: call.arguments.copy(),
            deadline: Self.deadline(timeout, ticks), isRESP3: isRESP3)
        waiter.due = due(call)
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

    /// When a waiting read of a group is looked at next: because the first of the pending entries that it asks for
    /// comes of age, or its consumer is to be noted as seen.
    package func due(_ call: Call) -> Waiter.Due {
        guard let request = try? ReadRequest(call, isGroup: true) else { return Waiter.Due() }
        var due = Waiter.Due()
        for key in 0..<request.keyCount {
            guard let stream = try? stream(call, request.key(key)),
                let group = streams[stream]!.group(named: call.arguments.array(request.group!))
            else { continue }
            // One read passes over so many entries and no more.
            if group.passesOver, streams[stream]!.hasNew(for: group) { return Waiter.Due(claim: call.time) }
            if let moment = group.seenDueAt(call.arguments.array(request.group! + 1)) {
                due.seen = min(due.seen ?? .max, moment)
            }
            guard let idle = group.policy.claimIdle(request.claimIdle),
                let oldest = streams[stream]!.longestWaiting(in: group)
            else { continue }
            let moment = oldest.deliveredAt.addingReportingOverflow(idle)
            if !moment.overflow { due.claim = min(due.claim ?? .max, moment.partialValue) }
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
