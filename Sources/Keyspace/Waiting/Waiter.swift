// SPDX-License-Identifier: Apache-2.0

public import MartletAuth
public import MartletRESPCodec
import MartletStreams

/// A command that waits for what isn't there yet.
public struct Waiter: Sendable {
    public enum Kind: Hashable, Sendable {
        /// Each gets whatever comes.
        case reader
        /// Those of one group share what comes. `claims`: pending entries that come of age as well.
        case group([UInt8], claims: Bool)
        /// Takes away what comes.
        case popper
    }

    /// The client's number: a client waits for one thing at a time.
    public let client: UInt64
    /// Whose wait it is, if a user's of the auth service: asked again when there is something.
    public let user: AuthName?
    public let kind: Kind
    public let database: Int
    public let keys: [[UInt8]]
    /// The command as it is to be run again, with IDs for all that meant "from now on".
    public var arguments: Arguments
    /// On the clock of whoever keeps waiters, in milliseconds; `nil`: it waits for ever.
    public let deadline: Int64?
    /// The protocol of its answer.
    public let isRESP3: Bool
    public var due = Due()
    /// Of each key what was looked at in vain: where a filter leaves out what is there. Empty where every entry will
    /// do.
    public internal(set) var looked: [Looked] = []
    /// Whether its command is proposed, and the outcome not known.
    var isReserved = false

    fileprivate var isOfGroup: Bool { if case .group = kind { true } else { false } }
}

extension Waiter {
    /// When one who waits is looked at whatever happens to its keys, in milliseconds of the Unix clock.
    public struct Due: Hashable, Sendable {
        /// A pending entry comes of age; `nil`: none is in sight.
        public var claim: Int64?
        /// The consumer is to be noted as seen, so that it isn't taken for idle; `nil`: nobody takes it for that.
        public var seen: Int64?

        public init(claim: Int64? = nil, seen: Int64? = nil) {
            self.claim = claim
            self.seen = seen
        }

        var first: Int64? {
            guard let claim, let seen else { return claim ?? seen }
            return min(claim, seen)
        }
    }

    /// How far a stream was looked at: it is this one as long as it has the number.
    public struct Looked: Hashable, Sendable {
        var number: UInt64
        var id: StreamID
    }
}

extension Keyspace {
    /// What a command that was told to wait waits for. Mutating, as `due` is, only because streams are lent: see `ask`.
    ///
    /// - Parameter ticks: the clock of deadlines, in milliseconds.
    public mutating func waiter(_ entry: CommandEntry, _ call: Call, ticks: Int64, isRESP3: Bool) -> Waiter? {
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
                let last = (try? stream(call, request.key(key))).map { look(at: $0) { $0.lastID } } ?? .zero
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
    public func lookedOn(_ waiter: Waiter, now: Int64) -> [Waiter.Looked] {
        waiter.looked.isEmpty ? [] : looked(waiter, now: now)
    }

    private func looked(_ waiter: Waiter, now: Int64) -> [Waiter.Looked] {
        waiter.keys.map { name in
            guard let stream = stream(name, in: waiter.database, now: now) else { return .init(number: 0, id: .zero) }
            return .init(number: streamNumbers[stream], id: look(at: stream) { $0.lastID })
        }
    }

    private func stream(_ name: [UInt8], in database: Int, now: Int64) -> Int? {
        guard let place = place(name, in: database, now: now),
            case .stream(let stream) = databases[database][place].value
        else { return nil }
        return stream
    }

    /// The command of one who waits, as it is to be run: behind what it has looked at in vain, and without keys that
    /// hold another kind of value, which would keep it from the others.
    public func arguments(of waiter: Waiter, now: Int64) -> Arguments {
        let others = keysOfOtherKinds(waiter, now: now)
        if waiter.looked.isEmpty, others.isEmpty { return waiter.arguments }
        var words = (0..<waiter.arguments.count).map { waiter.arguments.array($0) }
        var places = others.map { 1 + $0 }
        if waiter.kind == .reader {
            let call = Call(waiter.arguments, database: waiter.database, now: now)
            guard let request = try? ReadRequest(call, isGroup: false) else { return waiter.arguments }
            lookOn(waiter, call, request, &words)
            places = others.map { request.key($0) } + others.map { request.id($0) }
        }
        for place in places.reversed() { words.remove(at: place) }
        return Arguments(words)
    }

    /// Has it read on from where it has looked.
    private func lookOn(_ waiter: Waiter, _ call: Call, _ request: ReadRequest, _ words: inout [[UInt8]]) {
        for (key, looked) in waiter.looked.enumerated() {
            // In one that was made anew, or set back, IDs may come again.
            guard let stream = stream(waiter.keys[key], in: waiter.database, now: call.time),
                streamNumbers[stream] == looked.number, look(at: stream, { $0.lastID }) >= looked.id,
                let asked = try? call.streamID(request.id(key)), asked < looked.id
            else { continue }
            words[request.id(key)] = []
            looked.id.append(to: &words[request.id(key)])
        }
    }

    /// Of several keys those that hold another kind of value than is waited for; not of a group's reader, which is told
    /// of such keys. Not all of them: then there is nothing that it could be kept from.
    private func keysOfOtherKinds(_ waiter: Waiter, now: Int64) -> [Int] {
        guard waiter.keys.count > 1 else { return [] }
        let others = waiter.keys.indices.filter { isAwaited(waiter.keys[$0], waiter, now: now) == false }
        return others.count == waiter.keys.count ? [] : others
    }

    /// Whether a key holds the kind of value that is waited for; `nil`: it isn't there.
    private func isAwaited(_ name: [UInt8], _ waiter: Waiter, now: Int64) -> Bool? {
        guard let place = place(name, in: waiter.database, now: now) else { return nil }
        return switch (waiter.kind, databases[waiter.database][place].value) {
        case (.reader, .stream), (.popper, .list), (.group, _): true
        default: false
        }
    }

    /// Whether one who waits is left alone with an error: where none of its keys holds what it waits for. That ends the
    /// wait of a group's reader alone; where a list is and its items can't go on to where they were to go, of others.
    public func leavesAlone(_ waiter: Waiter, _ reply: ReplyWriter, now: Int64) -> Bool {
        guard reply.isWrongType, !waiter.isOfGroup else { return false }
        return !waiter.keys.contains { isAwaited($0, waiter, now: now) == true }
    }

    private mutating func groupWaiter(_ call: Call, _ ticks: Int64, _ isRESP3: Bool) -> Waiter? {
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
    private mutating func claims(_ call: Call, _ request: ReadRequest) -> Bool {
        if request.claimIdle != nil { return true }
        let group = call.arguments.bytes.span.bytes.extracting(call.arguments.range(request.group!))
        for key in 0..<request.keyCount {
            guard let stream = try? stream(call, request.key(key)) else { continue }
            if ask(stream, { $0.policy(of: group) { $0.visibility != nil } }) == true { return true }
        }
        return false
    }

    /// `nil`, for ever, where the timeout is 0 or ends behind all time.
    private static func deadline(_ timeout: Int64, _ ticks: Int64) -> Int64? {
        let (sum, overflows) = ticks.addingReportingOverflow(timeout)
        return timeout == 0 || overflows ? nil : sum
    }

    /// When a waiting read of a group is looked at next: because the first of the pending entries that it asks for
    /// comes of age, or its consumer is to be noted as seen.
    public mutating func due(_ call: Call) -> Waiter.Due {
        guard let request = try? ReadRequest(call, isGroup: true) else { return Waiter.Due() }
        let words = call.arguments.bytes.span.bytes
        let group = words.extracting(call.arguments.range(request.group!))
        let consumer = words.extracting(call.arguments.range(request.group! + 1))
        var due = Waiter.Due()
        for key in 0..<request.keyCount {
            guard let stream = try? stream(call, request.key(key)) else { continue }
            let next = ask(stream) { stream in
                stream.nextLook(by: consumer, of: group, claimIdle: request.claimIdle, now: call.time)
            }
            due.claim = Self.earlier(due.claim, next.claim)
            due.seen = Self.earlier(due.seen, next.seen)
        }
        return due
    }

    private static func earlier(_ one: Int64?, _ other: Int64?) -> Int64? {
        guard let one, let other else { return one ?? other }
        return min(one, other)
    }
}

extension Call {
    fileprivate func keys(_ request: ReadRequest) -> [[UInt8]] {
        (0..<request.keyCount).map { arguments.array(request.key($0)) }
    }
}

extension Arguments {
    /// The same words in a buffer of their own, so that they don't keep a larger one.
    public func copy() -> Arguments {
        var batch = CommandBatch()
        batch.append(self)
        return batch[0]
    }
}
