// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

/// One client's connection: finds requests in what it sends, has them carried out in order, and sends the replies.
///
/// All commands of one read are handed over together where they concern the keyspace alone, and their replies are sent
/// as one piece.
final class RESPConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let hub: ClientHub
    var session: Session
    let address: String
    let localAddress: String
    let createdAt: NIODeadline
    var lastActive: NIODeadline
    private(set) var context: ChannelHandlerContext?

    private var input = ByteBuffer()
    private var parser: RequestParser
    private var batch = CommandBatch()
    /// The first command of `batch` that wasn't handed over.
    private var next = 0
    private var pending: [(command: Int, entry: CommandEntry)] = []
    var reply = ReplyWriter()
    /// Whether others may hold the bytes of `reply`: they are let go, not used again.
    private var isBorrowed = false
    /// Commands were handed over, and not all of them are answered.
    var isWaiting = false
    /// The transaction that was handed over, until it is answered.
    private var transaction: Transaction?
    /// Replies to what was handed over aren't wanted.
    private var isSilent = false
    var timer = CallTimer()
    private var isExecuting = false
    private(set) var isClosing = false
    private var violation: RESPProtocolError?
    /// Whether the socket takes what is written.
    private var isWritable = true
    /// Bytes of pushed messages since the channel was last writable.
    private var pushedBytes = 0

    init(hub: ClientHub, id: UInt64, channel: any Channel) {
        self.hub = hub
        session = Session(id: id, environment: hub.configuration.environment, access: hub.engine.access)
        parser = RequestParser(limits: hub.configuration.requests)
        parser.isStranger = !session.isAuthenticated
        address = Self.text(channel.remoteAddress)
        localAddress = Self.text(channel.localAddress)
        createdAt = .now()
        lastActive = createdAt
    }

    private static func text(_ address: SocketAddress?) -> String {
        guard let address else { return "" }
        if let path = address.pathname { return path.isEmpty ? "unix:0" : "\(path):0" }
        let host = address.ipAddress ?? ""
        return host.contains(":") ? "[\(host)]:\(address.port ?? 0)" : "\(host):\(address.port ?? 0)"
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosing = true
        hub.remove(self)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        hub.statistics.inputBytes += UInt64(buffer.readableBytes)
        if isClosing { return }
        if input.readableBytes == 0 { input = buffer } else { input.writeBuffer(&buffer) }
        if isWaiting, input.readableBytes > hub.configuration.queryBytes { return end() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        lastActive = .now()
        proceed()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable {
            pushedBytes = 0
            proceed()
        }
        context.fireChannelWritabilityChanged()
    }

    private var canProceed: Bool { !isWaiting && !isClosing && isWritable }

    /// Parses and carries out what is there, as far as it may, and sends the replies.
    func proceed() {
        if isExecuting { return }
        isExecuting = true
        while canProceed {
            if next == batch.count, !parse() { break }
            execute()
        }
        isExecuting = false
        flush()
    }

    /// Whether there are commands.
    private func parse() -> Bool {
        batch.removeAll()
        next = 0
        if let violation {
            let begin = reply.bytes.count
            reply.error("ERR " + violation.message)
            hub.calls.fail(nil, reply.bytes[begin...])
            flush()
            end()
            return false
        }
        guard input.readableBytes > 0 else { return false }
        parser.isStranger = !session.isAuthenticated
        input.moveReaderIndex(forwardBy: parse(input))
        if input.readableBytes == 0 { input.clear(minimumCapacity: 0) } else { input.discardReadBytes() }
        return !batch.isEmpty || violation != nil && parse()
    }

    /// How many bytes were understood.
    private func parse(_ received: ByteBuffer) -> Int {
        let bytes = received.readableBytesSpan
        var offset = 0
        do throws(RESPProtocolError) {
            try Self.parse(bytes, at: &offset, &parser, &batch)
        } catch {
            violation = error
        }
        return offset
    }

    /// Parser and batch are lent for the whole of it: of an object's parts each use is checked.
    private static func parse(
        _ bytes: RawSpan, at offset: inout Int, _ parser: inout RequestParser, _ batch: inout CommandBatch
    ) throws(RESPProtocolError) {
        while batch.count < commandsAtOnce, try parser.next(in: bytes, at: &offset, into: &batch) {}
    }

    /// Commands that are carried out before other connections have their turn.
    private static let commandsAtOnce = 1024

    private func execute() {
        while next < batch.count, canProceed {
            let finding: CommandTable.Finding
            if session.runsAtOnce() {
                let begin = next
                let found = gather(batch, &next, &pending)
                hub.statistics.commands += UInt64(next - begin)
                handOver()
                guard let found, canProceed else { continue }
                finding = found
            } else {
                finding = CommandTable.shared.find(batch[next])
            }
            let (index, arguments) = (next, batch[next])
            next += 1
            hub.statistics.commands += 1
            if hub.hasMonitors { hub.monitor(self, arguments) }
            one(finding, arguments, index)
            if reply.bytes.count > hub.configuration.outputBytes { flush() }
        }
    }

    /// Gathers commands that concern the keyspace alone, up to one whose client may be left waiting by it.
    ///
    /// - Returns: what was found of the command at `next`, which has to be carried out by itself.
    private func gather(
        _ batch: CommandBatch, _ next: inout Int, _ pending: inout [(command: Int, entry: CommandEntry)]
    ) -> CommandTable.Finding? {
        let (hub, table) = (hub, CommandTable.shared)
        let mayAll = session.isUnrestricted(at: hub.engine.accessVersion)
        var arguments = batch[next]
        while next < batch.count {
            batch.move(&arguments, to: next)
            let finding = table.find(arguments)
            guard case .found(let entry) = finding, !entry.isOutside, mayAll || mayRun(entry, arguments),
                entry.flags.isDisjoint(with: [.secret, .zoned]), !hub.keepsToItself(entry, arguments)
            else { return finding }
            if hub.hasMonitors { hub.monitor(self, arguments) }
            pending.append((next, entry))
            next += 1
            if entry.mayWait(arguments) { return nil }
        }
        return nil
    }

    /// Whether a user who may not do everything may run this.
    private func mayRun(_ entry: CommandEntry, _ arguments: Arguments) -> Bool {
        let access = hub.engine.access
        return session.refreshAccess(access) && access.denial(of: session.user, entry, arguments) == nil
    }

    /// Gives the engine what has come together.
    private func handOver() {
        guard let last = pending.last else { return }
        session.lastCommand = last.entry.name
        handOver(batch)
    }

    private func handOver(_ commands: CommandBatch) {
        var request = CommandRequest(
            client: session.id, database: session.database, isRESP3: session.isRESP3,
            allowsLateReads: session.allowsLateReads, commands: commands)
        request.user = session.user.serviceName
        swap(&request.items, &pending)
        isWaiting = true
        hub.calls.begin(request.items)
        let mayWait = request.items.last.map { $0.entry.mayWait(commands[$0.command]) } ?? false
        timer.start(.now(), request.items)
        writing { writer in
            writer.isRESP3 = session.isRESP3
            if hub.engine.run(request, &writer) == .complete { isWaiting = false }
        }
        // Time that passes until there is something to answer with is nobody's work.
        if !isWaiting || mayWait { timer.stop(&hub.calls, []) }
        request.items.removeAll(keepingCapacity: true)
        swap(&request.items, &pending)
        hub.checkUsers()
    }

    /// Lets `body` write replies. What is pushed to this connection meanwhile comes behind them.
    private func writing(_ body: (inout ReplyWriter) -> Void) {
        var writer = ReplyWriter(isRESP3: session.isRESP3)
        swap(&writer, &reply)
        body(&writer)
        if !writer.failures.isEmpty { hub.calls.note(writer.takeFailures()) }
        writer.bytes += reply.bytes
        swap(&writer, &reply)
    }

    /// A command that isn't the keyspace's alone, or runs by itself.
    private func one(_ finding: CommandTable.Finding, _ arguments: Arguments, _ index: Int) {
        let (begin, began) = (reply.bytes.count, NIODeadline.now())
        let wasSilent = session.replies != .on
        let step = session.step(
            finding, arguments, hub.engine.keyspace, now: hub.engine.now, environment: hub.configuration.environment,
            &reply)
        hub.noteRefusals(self)
        switch step {
        case .answered: count(finding, arguments, since: began, at: begin)
        case .close:
            count(finding, arguments, since: began, at: begin)
            flush()
            end()
            return
        case .run(let entry):
            if hub.keepsToItself(entry, arguments) {
                writing { hub.carryOut(entry, arguments, self, &$0) }
                count(finding, arguments, since: began, at: begin)
            } else if entry.flags.contains(.secret) {
                var sealed = CommandBatch()
                sealed.append(AccessList.withoutPasswords(arguments))
                pending.append((0, entry))
                handOver(sealed)
            } else if entry.flags.contains(.zoned) {
                var resolved = CommandBatch()
                resolved.append(hub.configuration.zones.resolved(entry, arguments, now: hub.engine.now))
                pending.append((0, entry))
                handOver(resolved)
            } else {
                pending.append((index, entry))
                handOver()
            }
        case .transaction(let transaction):
            guard case .found(let entry) = finding else { preconditionFailure("a transaction without EXEC") }
            run(hub.configuration.zones.resolved(transaction, now: hub.engine.now), exec: entry.number)
        case .server(let entry):
            writing { hub.carryOut(entry, arguments, self, &$0) }
            count(finding, arguments, since: began, at: begin)
        case .login(let login):
            guard case .found(let entry) = finding else { preconditionFailure("a login without a command") }
            hub.calls.begin(entry.number)
            timer.start(began, [(index, entry)])
            logIn(login, entry, arguments.copy(), attempt: 1)
        }
        if wasSilent || session.replies != .on { silence(since: begin) }
    }

    private func run(_ transaction: Transaction, exec: Int) {
        isWaiting = true
        timer.start(.now(), transaction, exec: exec)
        writing { writer in
            let begin = writer.bytes.count
            let answer = hub.engine.run(transaction, client: session.id, &writer) { index, reply in
                carryOut(index, of: transaction, &reply)
            }
            if answer == .complete {
                isWaiting = false
                timer.stop(&hub.calls, writer.bytes[begin...])
            } else {
                self.transaction = transaction
            }
        }
    }

    /// A transaction's command that is not a matter of the keyspace.
    private func carryOut(_ index: Int, of transaction: Transaction, _ reply: inout ReplyWriter) {
        let (entry, arguments) = (transaction.items[index].entry, transaction.commands[index])
        let begin = reply.bytes.count
        defer {
            if begin < reply.bytes.count, reply.bytes[begin] == UInt8(ascii: "-") {
                reply.noteFailure(of: entry.number, at: begin)
            }
        }
        if !session.answer(entry, arguments, hub.engine.access, hub.configuration.environment, &reply) {
            hub.carryOut(entry, arguments, self, &reply)
        }
    }

    /// Forgets replies that aren't wanted.
    private func silence(since begin: Int) {
        switch session.replies {
        case .on: break
        case .off:
            reply.truncate(to: begin)
            isSilent = isWaiting
        case .skipsNext:
            reply.truncate(to: begin)
            session.replies = .skipsThis
        case .skipsThis:
            reply.truncate(to: begin)
            isSilent = isWaiting
            session.replies = .on
        }
    }

    /// Lets the client wait for its reply, and with it for all that it sends meanwhile.
    func wait(for time: TimeAmount) {
        isWaiting = true
        let bound = NIOLoopBound(self, eventLoop: hub.loop)
        hub.loop.scheduleTask(in: time) {
            let connection = bound.value
            connection.hub.answer(CommandReply(client: connection.session.id, bytes: Array("+OK\r\n".utf8)))
        }
    }

    // MARK: Replies

    /// The replies to what was handed over.
    func answer(_ answer: CommandReply) {
        guard isWaiting, !isClosing else { return }
        countFailures(answer)
        if answer.isLast, timer.isRunning { timer.stop(&hub.calls, answer.bytes[...]) }
        let begin = reply.bytes.count
        if !answer.gaps.isEmpty {
            fill(answer)
        } else if reply.bytes.isEmpty {
            reply.bytes = answer.bytes
            isBorrowed = true
        } else {
            reply.bytes += answer.bytes
        }
        if isSilent { reply.truncate(to: begin) }
        guard answer.isLast else { return flush() }
        isSilent = false
        isWaiting = false
        transaction = nil
        proceed()
    }

    /// Writes the replies to a transaction, with those that it lacks.
    private func fill(_ answer: CommandReply) {
        guard let transaction else { preconditionFailure("no transaction waits") }
        writing { writer in
            var begin = 0
            for (offset, command) in answer.gaps {
                writer.bytes += answer.bytes[begin..<offset]
                begin = offset
                carryOut(command, of: transaction, &writer)
            }
            writer.bytes += answer.bytes[begin...]
        }
    }

    /// A message that isn't a reply.
    func push(_ bytes: [UInt8]) {
        guard context != nil, !isClosing else { return }
        if !isWritable {
            pushedBytes += bytes.count
            if pushedBytes > hub.configuration.pushBytes { return end() }
        }
        reply.bytes += bytes
        if !isExecuting { flush() }
    }

    func flush() {
        guard !reply.bytes.isEmpty, let context else { return }
        hub.statistics.outputBytes += UInt64(reply.bytes.count)
        let buffer = context.channel.allocator.buffer(bytes: reply.bytes)
        if isBorrowed || reply.bytes.capacity > Self.keptCapacity {
            // One large reply doesn't keep its memory.
            reply.bytes = []
            isBorrowed = false
        } else {
            reply.removeAll()
        }
        // A large reply that the socket takes at once makes the channel writable while it is being written, and that
        // comes back here: nothing may be left that would be sent again.
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    private static let keptCapacity = 1 << 18

    /// Closes the connection once what was written is sent.
    func end() {
        if isClosing { return }
        isClosing = true
        hub.remove(self)
        context?.close(mode: .all, promise: nil)
    }
}
