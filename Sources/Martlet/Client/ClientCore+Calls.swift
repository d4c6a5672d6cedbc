// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session
internal import NIOCore

/// What a call takes over from the call that it is made for.
struct InheritedCall: Sendable {
    var deadline: NIODeadline?
    /// Tracing headers, by name and value.
    var trace: [(String, String)]

    /// The headers that carry a trace. Source: W3C Trace Context, W3C Baggage.
    static let traceHeaders = ["traceparent", "tracestate", "baggage"]
}

extension ClientCore {
    /// The longest time limit that is kept; more is as good as none, and a sum of nanoseconds would overflow.
    static let longestTimeout = TimeAmount.hours(365 * 24)
    /// How long a call waits for a registry that has never answered; more would only hide that it is away.
    static let registryPatience = Duration.seconds(5)
    /// How long a call waits for a node that the registry names but the mirror hasn't seen yet.
    static let mirrorPatience = Duration.seconds(1)

    /// Makes a call with one request and one response.
    func unary(
        _ service: String, _ endpoint: String, _ message: [UInt8], codec: MessageCodec, options: RequestOptions,
        inherited: InheritedCall?
    ) async throws -> [UInt8] {
        let timeout = options.timeout ?? self.configuration.timeout
        let wireOptions = self.wireOptions(codec, options, timeout: timeout, inherited)
        return try await self.attempt(service, endpoint, options, wireOptions) { channel, path in
            try await channel.wire.unary(path, message, options: wireOptions).message
        }
    }

    /// Opens a stream, runs `body` with it and ends it.
    func stream<Result>(
        _ service: String, _ endpoint: String, codec: MessageCodec, options: RequestOptions,
        inherited: InheritedCall?, _ body: (ClientStream) async throws -> Result
    ) async throws -> Result {
        let wireOptions = self.wireOptions(codec, options, timeout: options.timeout, inherited)
        // Only the opening is repeated on another node: the body runs once.
        let (stream, channel) = try await self.attempt(service, endpoint, options, wireOptions) { channel, path in
            (try await channel.wire.openStream(path, options: wireOptions), channel)
        }
        defer {
            stream.cancel()
            // The connection closes with its channel.
            withExtendedLifetime(channel) {}
        }
        return try await withTaskCancellationHandler {
            try await body(stream)
        } onCancel: {
            stream.cancel()
        }
    }

    /// Runs `send` on one node after the other until one of them has run the call.
    private func attempt<Reply>(
        _ service: String, _ endpoint: String, _ options: RequestOptions, _ wireOptions: WireCallOptions,
        _ send: (NodeChannel, String) async throws -> Reply
    ) async throws -> Reply {
        let first = try await self.firstPick(service, endpoint, options, wireOptions.deadline)
        var channel = first.channel
        var tried: [NodeChannel] = []
        while true {
            do {
                let reply = try await send(channel, first.path)
                channel.answered()
                return reply
            } catch let status as GRPCStatus {
                if status.isConnectFailure { channel.connectFailed() } else { channel.answered() }
                tried.append(channel)
                let other = options.address == nil ? self.pickAnother(service, options, tried: tried) : nil
                let decision = RetryDecision.after(
                    CallFailure.kind(of: status), isIdempotent: options.isIdempotent, attempts: tried.count,
                    maximumAttempts: options.maximumAttempts, hasOtherNode: other != nil)
                guard decision == .nextNode, let other, !Task.isCancelled else {
                    throw CallFailure.error(for: status)
                }
                if let deadline = wireOptions.deadline, deadline <= .now() { throw MicroError.deadlineExceeded }
                channel = other
            } catch {
                throw CallFailure.error(for: error)
            }
        }
    }

    private func firstPick(
        _ service: String, _ endpoint: String, _ options: RequestOptions, _ deadline: NIODeadline?
    ) async throws -> Pick {
        if let address = options.address {
            return Pick(channel: try self.directChannel(address), path: try Self.path(service, endpoint))
        }
        if let pick = try self.pick(service, endpoint, options) { return pick }
        try await self.find(service, deadline)
        guard let pick = try self.pick(service, endpoint, options) else { throw MicroError.serviceNotFound(service) }
        return pick
    }

    /// Waits until the service is known. Only the first calls to a service come here.
    ///
    /// A service that is missing from the mirror may be so new that its event is still under way: then the registry
    /// itself knows it, and the event is waited for.
    private func find(_ service: String, _ deadline: NIODeadline?) async throws {
        self.startWatching()
        let isKnown = try await self.wait(for: service, until: deadline, patience: Self.registryPatience) { $0 != nil }
        guard let isKnown else {
            throw MicroError(
                .unavailable, "the registry \"\(self.registry.name)\" has not answered", id: MicroError.clientID)
        }
        if isKnown { return }
        let known = (try? await self.registry.services(named: service)) ?? []
        guard known.contains(where: { !$0.nodes.isEmpty }) else { throw MicroError.serviceNotFound(service) }
        if try await self.wait(for: service, until: deadline, patience: Self.mirrorPatience, { $0 == true }) != true {
            throw MicroError.serviceNotFound(service)
        }
    }

    private func wait(
        for service: String, until deadline: NIODeadline?, patience: Duration, _ isEnough: (Bool?) -> Bool
    ) async throws -> Bool? {
        let start = ContinuousClock.now
        let rest = deadline.map { Duration($0 - .now()) } ?? patience
        let end = start + min(patience, rest)
        while true {
            let look = try self.look(for: service)
            if isEnough(look.isKnown) { return look.isKnown }
            guard ContinuousClock.now < end else {
                if rest < patience { throw MicroError.deadlineExceeded }
                return look.isKnown
            }
            try await self.nextChange(after: look.changes, until: end)
        }
    }

    private func wireOptions(
        _ codec: MessageCodec, _ options: RequestOptions, timeout: Duration?, _ inherited: InheritedCall?
    ) -> WireCallOptions {
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
