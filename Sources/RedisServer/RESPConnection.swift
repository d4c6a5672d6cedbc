// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
import MartletRESPCodec
import NIOCore

/// One client's connection: finds requests in what it sends, has them carried out in order, and sends the replies.
///
/// All commands of one read are handed over together where they concern the keyspace alone, and their replies are sent
/// as one piece.
final class RESPConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    let hub: ClientHub
    var session: Session
    let address: String
    let localAddress: String
    let createdAt: NIODeadline
    var lastActive: NIODeadline
    private(set) var context: ChannelHandlerContext?

    private var input = ByteBuffer()
    /// The channel is to be read on when the client is no longer ahead.
    private var hasPendingRead = false
    private var parser: RequestParser
    private var batch = CommandBatch()
    /// The first command of `batch` that wasn't handed over.
    private var next = 0
    private var pending: [(command: Int, entry: CommandEntry)] = []
    /// How many commands before `next` were handed over last.
    private var handedOver = 0
    /// How many of `batch` monitors have been shown: what is handed over again they know.
    private var shownCount = 0
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
    private(set) var isWritable = true
    /// Asks whom the client's certificate names, until that is known.
    private var identification: RedisServer.Identification?
    /// Since when it has had more to read than it may have for long.
    var crowdedSince: NIODeadline?
    /// Figures for CLIENT LIST.
    private(set) var inputBytes: UInt64 = 0
    private(set) var outputBytes: UInt64 = 0
    private(set) var commandCount: UInt64 = 0

    init(
        hub: ClientHub, id: UInt64, channel: any Channel, identification: RedisServer.Identification? = nil
    ) {
        self.hub = hub
        self.identification = identification
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

    /// Bytes that came and aren't understood, and how many fit beside them.
    var queryBytes: (used: Int, free: Int) {
        (input.readableBytes, max(input.storageCapacity - input.readableBytes, 0))
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
        inputBytes += UInt64(buffer.readableBytes)
        if isClosing { return }
        if identification != nil, !identify(context.channel) { return end() }
        if input.readableBytes == 0 { input = buffer } else { input.writeBuffer(&buffer) }
        if input.readableBytes > hub.settings.limits.queryBytes {
            hub.statistics.queryDisconnections += 1
            end()
        }
    }

    /// Whether the client is welcome.
    private func identify(_ channel: any Channel) -> Bool {
        defer { identification = nil }
        do {
            if let name = try identification?(channel) { session.certify(name, hub.engine.access) }
            return true
        } catch {
            return false
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        lastActive = .now()
        proceed()
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { proceed() }
        context.fireChannelWritabilityChanged()
    }

    /// Leaves in the socket what a client sends ahead while its commands wait: of a pipeline of any length only so much
    /// is in memory, and it is no reason to close.
    func read(context: ChannelHandlerContext) {
        if isAhead {
            hasPendingRead = true
        } else {
            context.read()
        }
    }

    private var isAhead: Bool {
        !canProceed && input.readableBytes >= min(Self.aheadBytes, hub.settings.limits.queryBytes / 4)
    }

    /// Some thousand short commands: more than are carried out at once.
    private static let aheadBytes = 1 << 20

    private func readOn() {
        guard hasPendingRead, !isAhead else { return }
        hasPendingRead = false
        context?.read()
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
        readOn()
    }

    /// Whether there are commands.
    private func parse() -> Bool {
        batch.removeAll()
        (next, shownCount) = (0, 0)
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
                commandCount += UInt64(next - begin)
                handOver()
                guard let found, canProceed else { continue }
                finding = found
            } else {
                finding = CommandTable.shared.find(batch[next])
            }
            let (index, arguments) = (next, batch[next])
            next += 1
            hub.statistics.commands += 1
            commandCount += 1
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
                entry.isVerbatim, !hub.keepsToItself(entry, arguments)
            else { return finding }
            if hub.hasMonitors, next >= shownCount { hub.monitor(self, arguments) }
            pending.append((next, entry))
            next += 1
            shownCount = max(shownCount, next)
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
        request.replyBytes = hub.configuration.outputBytes
        request.user = session.user.serviceName
        swap(&request.items, &pending)
        isWaiting = true
        let mayWait = request.items.last.map { $0.entry.mayWait(commands[$0.command]) } ?? false
        timer.start(.now(), request.items, &hub.calls)
        handedOver = request.items.count
        writing { writer in
            writer.isRESP3 = session.isRESP3
            switch hub.engine.run(request, &writer) {
            case .complete: isWaiting = false
            case .full(let count): takeBack(request.items.count - count)
            case .later: break
            }
        }
        let isCut = handedOver < request.items.count
        // Time that passes until there is something to answer with is nobody's work.
        if !isWaiting || mayWait || isCut { stopTimer([]) }
        if isCut { goOnLater() }
        request.items.removeAll(keepingCapacity: true)
        swap(&request.items, &pending)
        hub.checkUsers()
    }

    /// The last of the commands that were handed over, so many, are not carried out yet.
    private func takeBack(_ count: Int) {
        next -= count
        handedOver -= count
        hub.statistics.commands -= min(hub.statistics.commands, UInt64(count))
        commandCount -= UInt64(count)
        if timer.isRunning { return timer.takeBack(count, &hub.calls) }
        // The last of them may wait: so they were counted and timed when they were handed over.
        for index in next..<next + count {
            if let entry = CommandTable.shared.named(batch[index]) { hub.calls.takeBack(entry.number, count: 1) }
        }
    }

    /// Goes on when other connections have had their turn.
    private func goOnLater() {
        let bound = NIOLoopBound(self, eventLoop: hub.loop)
        hub.loop.scheduleTask(in: Self.breather) {
            bound.value.isWaiting = false
            bound.value.proceed()
        }
    }

    /// Not over when NIO looks for more tasks: before sockets it looks for those.
    private static let breather = TimeAmount.microseconds(20)

    /// Lets `body` write replies. What is pushed to this connection meanwhile comes behind them.
    private func writing(_ body: (inout ReplyWriter) -> Void) {
        var writer = ReplyWriter(isRESP3: session.isRESP3)
        swap(&writer, &reply)
        body(&writer)
        if !writer.failures.isEmpty { hub.calls.note(writer.takeFailures()) }
        hub.statistics.lookups.add(writer.takeLookups())
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
            timer.start(began, [(index, entry)], &hub.calls)
            handedOver = 1
            logIn(login, entry, arguments.copy(), attempt: 1)
        }
        if wasSilent || session.replies != .on { silence(since: begin) }
    }

    private func run(_ transaction: Transaction, exec: Int) {
        isWaiting = true
        timer.start(.now(), transaction, exec: exec)
        writing { writer in
            let begin = writer.bytes.count
            var gaps: [(offset: Int, command: Int)] = []
            let answer = hub.engine.run(transaction, client: session.id, &writer) { index, reply in
                gaps.append((reply.bytes.count - begin, index))
            }
            if answer == .complete {
                isWaiting = false
                if !gaps.isEmpty {
                    let bytes = Array(writer.bytes[begin...])
                    writer.bytes.removeLast(bytes.count)
                    fill(gaps, in: bytes, of: transaction, &writer)
                }
                stopTimer(writer.bytes[begin...], transaction)
            } else {
                self.transaction = transaction
            }
        }
    }

    /// Notes how long what was handed over took.
    ///
    /// - Parameter reply: begins with the answer, or with its last part.
    private func stopTimer(_ reply: ArraySlice<UInt8>, _ transaction: Transaction? = nil) {
        guard let nanoseconds = timer.stop(&hub.calls, reply), nanoseconds >= hub.notableNanoseconds else { return }
        if let transaction {
            for index in 0..<transaction.commands.count { hub.noteSlow(transaction.commands[index], nanoseconds, self) }
        } else {
            for index in next - handedOver..<next { hub.noteSlow(batch[index], nanoseconds, self) }
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
        if answer.leftCount > 0 { takeBack(answer.leftCount) }
        countFailures(answer)
        hub.statistics.lookups.add(answer.lookups)
        if timer.isRunning {
            if answer.isLast { stopTimer(answer.bytes[...], transaction) }
        } else {
            // The end of a long wait: from now on it is the client's turn.
            lastActive = .now()
        }
        let begin = reply.bytes.count
        if !answer.gaps.isEmpty {
            guard let transaction else { preconditionFailure("no transaction waits") }
            writing { fill(answer.gaps, in: answer.bytes, of: transaction, &$0) }
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

    /// Writes the replies to a transaction, with those that it lacks: these ask the engine, and so come after it.
    private func fill(
        _ gaps: [(offset: Int, command: Int)], in bytes: [UInt8], of transaction: Transaction,
        _ writer: inout ReplyWriter
    ) {
        var begin = 0
        for (offset, command) in gaps {
            writer.bytes += bytes[begin..<offset]
            begin = offset
            carryOut(command, of: transaction, &writer)
        }
        writer.bytes += bytes[begin...]
    }

    /// A message that isn't a reply.
    func push(_ bytes: [UInt8]) {
        guard context != nil, !isClosing else { return }
        reply.bytes += bytes
        if !isExecuting { flush() }
    }

    func flush() {
        guard !reply.bytes.isEmpty, let context else { return }
        if isTooMuch(reply.bytes.count) {
            reply.removeAll()
            return endForOutput()
        }
        hub.statistics.outputBytes += UInt64(reply.bytes.count)
        outputBytes += UInt64(reply.bytes.count)
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
