// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import MartletStreams

/// Clients of one keyspace, without a network: bytes of requests in, replies out. Time passes when it is told to.
struct LocalServer {
    var space: WaitingKeyspace
    /// Milliseconds of the Unix clock.
    var now: Int64 = 1_795_219_839_000
    private var sessions: [UInt64: Session] = [:]
    private var seed: UInt64 = 1
    /// Replies to clients that waited.
    /// Passwords that were checked against a hash of the auth service's.
    private(set) var checkedLogins = 0
    /// What happens while the next of them is checked.
    var meanwhile: (inout AccessControl) -> Void = { _ in }

    /// In the place of bcrypt's.
    static func hash(_ password: [UInt8]) -> [UInt8] { Array("hash of ".utf8) + password }

    func refusals(of client: UInt64) -> [Refusal] { sessions[client]?.refusals ?? [] }
    func watched(by client: UInt64 = 1) -> [WatchedKey] { sessions[client]?.watched ?? [] }
    func isWelcome(_ client: UInt64) -> Bool { sessions[client].map { space.keyspace.access.allows($0) } == true }

    private var lateReplies: [UInt64: [ReplyValue]] = [:]

    init(_ keyspace: Keyspace = Keyspace()) {
        space = WaitingKeyspace(keyspace)
    }

    /// Runs a line as a person types it.
    ///
    /// - Returns: `nil` where the client waits.
    mutating func run(_ line: String, client: UInt64 = 1, isRESP3: Bool? = nil) -> ReplyValue? {
        var batch = CommandBatch()
        var parser = RequestParser()
        var offset = 0
        let bytes = Array((line + "\r\n").utf8)
        let span = bytes.span.bytes
        do throws(RESPProtocolError) {
            let isWhole = try parser.next(in: span, at: &offset, into: &batch)
            precondition(isWhole && batch.count == 1, "no request: \(line)")
        } catch {
            preconditionFailure("\(line): \(error.message)")
        }
        return run(batch[0], client: client, isRESP3: isRESP3)
    }

    mutating func run(_ arguments: Arguments, client: UInt64 = 1, isRESP3: Bool? = nil) -> ReplyValue? {
        now += 1
        seed += 1
        space.tick(now: now, ticks: now)
        var session = sessions[client] ?? Session(id: client, access: space.keyspace.access)
        defer { sessions[client] = session }
        if let isRESP3 { session.isRESP3 = isRESP3 }
        var reply = ReplyWriter(isRESP3: session.isRESP3)
        switch session.step(
            CommandTable.shared.find(arguments), arguments, space.keyspace, now: now, environment: .init(), &reply)
        {
        case .answered, .close: break
        case .run(let entry):
            let isSecret = entry.flags.contains(.secret)
            let call = Call(
                isSecret ? AccessList.withoutPasswords(arguments) : arguments, database: session.database, now: now,
                seed: seed, client: client, user: session.user.serviceName)
            if space.run(entry, call, ticks: now, &reply) == .waits {
                collect()
                return nil
            }
        case .transaction(let transaction):
            let access = space.keyspace.access
            space.keyspace.apply(transaction, now: now, seed: seed, client: client, &reply) { index, reply in
                _ = session.answer(
                    transaction.items[index].entry, transaction.commands[index], access, .init(), &reply)
            }
        case .login(var login):
            guard case .found(let entry) = CommandTable.shared.find(arguments) else { preconditionFailure("no login") }
            checkedLogins += 1
            meanwhile(&space.keyspace.access)
            meanwhile = { _ in }
            while let next = session.endLogin(
                login, isRight: login.hash == Self.hash(login.password), entry, arguments, space.keyspace.access,
                .init(), &reply)
            {
                login = next
                checkedLogins += 1
            }
        case .server(let entry):
            switch entry.name {
            case "client|unblock":
                let isError = arguments.count == 4 && arguments.matches(3, "ERROR")
                reply.integer(space.unblock(UInt64(arguments.integer(2)!), isError ? .error : .timeout) ? 1 : 0)
            default: reply.error("ERR not here")
            }
        }
        space.serve(now: now, seed: seed)
        collect()
        return Self.value(reply.bytes)
    }

    mutating func pass(milliseconds: Int64) {
        now += milliseconds
        space.tick(now: now, ticks: now)
        collect()
    }

    /// What a client that waited got; `nil`: it still waits.
    mutating func late(_ client: UInt64) -> ReplyValue? {
        guard let first = lateReplies[client]?.first else { return nil }
        lateReplies[client]?.removeFirst()
        return first
    }

    private mutating func collect() {
        for answer in space.answers {
            if let value = Self.value(answer.bytes) { lateReplies[answer.client, default: []].append(value) }
        }
        space.answers = []
    }

    static func value(_ bytes: [UInt8]) -> ReplyValue? {
        var parser = ReplyParser()
        var offset = 0
        guard let value = try? parser.next(in: bytes.span.bytes, at: &offset) else { return nil }
        precondition(offset == bytes.count, "more than one reply: \(String(decoding: bytes, as: UTF8.self))")
        return value
    }
}

/// A reply on one line: `:1`, `$"text"`, `+OK`, `-ERR …`, `*[…]`, `%{key => value}`, `~[…]`, `$-1`, `*-1`, `_`.
func notation(_ value: ReplyValue?) -> String {
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    func list(_ values: [ReplyValue]) -> String { values.map { notation($0) }.joined(separator: ", ") }
    switch value {
    case nil: return "<waits>"
    case .simple(let bytes): return "+" + text(bytes)
    case .error(let bytes): return "-" + text(bytes)
    case .integer(let number): return ":\(number)"
    case .bulk(let bytes): return "$\"\(text(bytes))\""
    case .null: return "null"
    case .nullArray: return "*-1"
    case .double(let number): return ",\(number)"
    case .boolean(let flag): return flag ? "#t" : "#f"
    case .bigNumber(let bytes): return "(" + text(bytes)
    case .verbatim(_, let bytes): return "=\"\(text(bytes))\""
    case .array(let values): return "*[\(list(values))]"
    case .set(let values): return "~[\(list(values))]"
    case .push(let values): return ">[\(list(values))]"
    case .map(let pairs):
        return "%{\(pairs.map { "\(notation($0.key)) => \(notation($0.value))" }.joined(separator: ", "))}"
    }
}
