// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session
internal import NIOCore

extension ClientCore {
    /// The longest time limit that is kept; more is as good as none, and a sum of nanoseconds would overflow.
    static let longestTimeout = TimeAmount.hours(365 * 24)

    /// Makes a call with one request and one response.
    func unary(
        _ service: String, _ endpoint: String, _ message: [UInt8], codec: MessageCodec, options: RequestOptions,
        inherited: InheritedCall?, outcome: CallOutcomeBox?
    ) async throws -> CallReply {
        let timeout = options.timeout ?? self.configuration.timeout
        let call = OutgoingCall(
            service: service, endpoint: endpoint, options: options,
            wireOptions: try self.wireOptions(codec, options, timeout: timeout, inherited),
            maximumAttempts: options.maximumAttempts ?? self.configuration.retries.maximumAttempts, outcome: outcome)
        if options.isIdempotent, let hedging = options.hedging ?? self.configuration.hedging {
            return try await self.hedged(call, message, hedging)
        }
        let (reply, attempt, attempts) = try await self.attempt(call) { channel, path, wireOptions in
            try await channel.unary(path, message, wireOptions)
        }
        self.ended(call, attempt, answeredAfter: attempt.start)
        return CallReply(reply: reply, node: attempt.channel.node, attempts: attempts)
    }

    /// Opens a stream, runs `body` with it and ends it.
    func stream<Result>(
        _ service: String, _ endpoint: String, codec: MessageCodec, options: RequestOptions,
        inherited: InheritedCall?, outcome: CallOutcomeBox?, _ body: (OpenedStream) async throws -> Result
    ) async throws -> Result {
        let call = OutgoingCall(
            service: service, endpoint: endpoint, options: options,
            wireOptions: try self.wireOptions(codec, options, timeout: options.timeout, inherited),
            maximumAttempts: options.maximumAttempts ?? self.configuration.retries.maximumAttempts, outcome: outcome)
        // Only the opening is repeated on another node: the body runs once.
        let (stream, attempt, attempts) = try await self.attempt(call) { channel, path, _ in
            try await channel.openStream(path, call.wireOptions)
        }
        defer {
            self.ended(call, attempt, stream.status)
            stream.cancel()
        }
        return try await withTaskCancellationHandler {
            try await body(OpenedStream(stream: stream, node: attempt.channel.node, attempts: attempts))
        } onCancel: {
            stream.cancel()
        }
    }

    /// Runs `send` on one node after the other until one of them has run the call.
    ///
    /// The attempt that succeeded is still counted as under way.
    private func attempt<Reply>(
        _ call: OutgoingCall, _ send: (NodeChannel, String, WireCallOptions) async throws -> Reply
    ) async throws -> (Reply, Attempt, attempts: Int) {
        let turn = try await self.firstTurn(call)
        turn.set.counters.countCall()
        var progress = CallProgress()
        var channel = try self.firstChannel(turn, call)
        while true {
            let now = NIODeadline.now()
            let attempt = Attempt(set: turn.set, channel: channel, path: turn.path, start: now)
            channel.begin()
            do {
                let reply = try await send(channel, turn.path, call.attemptOptions(now))
                return (reply, attempt, progress.trail.attempts + 1)
            } catch let status as GRPCStatus {
                channel = try await self.next(after: status, call, attempt, &progress)
            } catch {
                self.mark(call, attempt, .abandoned, .now())
                throw CallFailure.error(for: error)
            }
        }
    }

    func firstChannel(_ turn: Turn, _ call: OutgoingCall) throws -> NodeChannel {
        if let channel = self.choose(turn.set, call.endpoint, call.options, tried: []) { return channel }
        throw MicroError.noneAvailable(call.service, nodes: turn.set.count, registry: self.registry.name)
    }

    /// The node for the next attempt, after a pause if need be.
    ///
    /// - Throws: what the caller is told when there is no further attempt.
    private func next(
        after status: GRPCStatus, _ call: OutgoingCall, _ attempt: Attempt, _ progress: inout CallProgress
    ) async throws -> NodeChannel {
        let failed = self.failed(call, attempt, status, &progress)
        switch failed.decision {
        case .nextNode:
            if let other = failed.other { return other }
        case .pause:
            return try await self.pause(call, attempt.set, failed.error, &progress)
        case .giveUp:
            break
        }
        throw self.explained(failed.error, call, progress)
    }

    /// Waits for the next round and begins it.
    func pause(
        _ call: OutgoingCall, _ set: NodeSet, _ error: any Error, _ progress: inout CallProgress
    ) async throws -> NodeChannel {
        progress.round += 1
        progress.tried = []
        let pause = self.configuration.retries.pause(before: progress.round, unit: .random(in: 0..<1))
        // A pause that ends behind the deadline helps nobody.
        if let deadline = call.deadline, Duration(deadline - .now()) <= pause {
            throw self.explained(error, call, progress)
        }
        try await Task.sleep(for: pause.sleepable)
        let nodes = call.options.address == nil ? self.currentSet(call.service) ?? set : set
        guard let channel = self.choose(nodes, call.endpoint, call.options, tried: []) else {
            throw self.explained(error, call, progress)
        }
        return channel
    }

    func explained(_ error: any Error, _ call: OutgoingCall, _ progress: CallProgress) -> any Error {
        guard progress.isWorthTelling else { return error }
        let registry = call.options.address == nil ? self.registry.name : nil
        return progress.trail.explained(error, service: call.service, registry: registry)
    }

    private func wireOptions(
        _ codec: MessageCodec, _ options: RequestOptions, timeout: Duration?, _ inherited: InheritedCall?
    ) throws -> WireCallOptions {
        if let fault = options.metadata.fault {
            throw MicroError(.badRequest, fault, id: MicroError.clientID)
        }
        var wireOptions = WireCallOptions()
        wireOptions.contentSubtype = codec.subtype
        var deadline = timeout.map { NIODeadline.now() + min(TimeAmount($0), Self.longestTimeout) }
        if let inheritedDeadline = inherited?.deadline {
            deadline = deadline.map { min($0, inheritedDeadline) } ?? inheritedDeadline
        }
        wireOptions.deadline = deadline
        var headers = HeaderBlock()
        if let deadline { headers.append("timeout", String(max(0, (deadline - .now()).nanoseconds))) }
        headers.append("x-content-type", codec.contentType)
        if let name = self.configuration.serviceName, !options.metadata.contains("micro-from-service") {
            headers.append("micro-from-service", name)
        }
        if let inherited {
            for (name, value) in inherited.trace where !options.metadata.contains(name) { headers.append(name, value) }
        }
        options.metadata.append(to: &headers)
        wireOptions.metadata = headers
        wireOptions.maximumMessageBytes = self.configuration.maximumMessageBytes
        return wireOptions
    }
}
