// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// What somebody published.
public struct RedisMessage: Hashable, Sendable {
    public var channel: String
    /// The pattern that matched; `nil` where the channel itself was subscribed to.
    public var pattern: String?
    public var payload: [UInt8]

    /// The payload as text.
    public var text: String { String(decoding: payload, as: UTF8.self) }
}

/// Messages, as they come, until the connection ends or too many wait.
public struct RedisMessages: AsyncSequence, Sendable {
    public typealias Element = RedisMessage

    let stream: AsyncThrowingStream<RedisMessage, any Error>

    public struct AsyncIterator: AsyncIteratorProtocol {
        var iterator: AsyncThrowingStream<RedisMessage, any Error>.AsyncIterator

        public mutating func next(isolation actor: isolated (any Actor)?) async throws -> RedisMessage? {
            try await iterator.next(isolation: actor)
        }

        public mutating func next() async throws -> RedisMessage? { try await next(isolation: #isolation) }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(iterator: stream.makeAsyncIterator()) }
}

extension RedisClient {
    /// Messages that may wait for a subscriber to take them. A server closes one that is behind; so does this.
    static let maximumWaitingMessages = 10_000

    /// Runs some work with the messages of channels, from when the server knows of the subscription.
    ///
    /// What is published while nobody subscribes is lost, as is what is published after the connection has broken: the
    /// sequence then throws ``RedisError/Code/unavailable``, so that this can't happen unnoticed.
    ///
    /// - Parameters:
    ///   - channels: Their names.
    ///   - patterns: Patterns of names, such as `news.*`.
    public func withSubscription<Result>(
        to channels: [String], patterns: [String] = [], _ body: (RedisMessages) async throws -> Result
    ) async throws -> Result {
        guard !channels.isEmpty || !patterns.isEmpty else {
            throw RedisError(.invalidRequest, "nothing to subscribe to", wasNotExecuted: true)
        }
        let wire = try await own.take(until: .now() + TimeAmount(timeout))
        do {
            let messages = try await subscribe(wire, channels, patterns)
            let result = try await body(messages)
            await own.giveBack(wire, isClean: false)
            return result
        } catch {
            await own.giveBack(wire, isClean: false)
            throw error
        }
    }

    private func subscribe(
        _ wire: RedisWire, _ channels: [String], _ patterns: [String]
    ) async throws -> RedisMessages {
        let (stream, sink) = AsyncThrowingStream.makeStream(
            of: RedisMessage.self, bufferingPolicy: .bufferingOldest(Self.maximumWaitingMessages))
        let (acknowledgements, acknowledged) = AsyncThrowingStream.makeStream(of: Void.self)
        try await wire.onPush { value in
            switch RedisPush(value) {
            case .message(let message):
                if case .dropped = sink.yield(message) {
                    sink.finish(
                        throwing: RedisError(.overloaded, "\(Self.maximumWaitingMessages) messages wait"))
                }
            case .subscribed: acknowledged.yield()
            case .failed(let error):
                sink.finish(throwing: error)
                acknowledged.finish(throwing: error)
            case .other: break
            }
        }
        var commands: [RedisCommand] = []
        if !channels.isEmpty { commands.append(RedisCommand("SUBSCRIBE", words: channels)) }
        if !patterns.isEmpty { commands.append(RedisCommand("PSUBSCRIBE", words: patterns)) }
        // Answered by pushes, which are counted below.
        let exchange = Exchange(commands, deadline: .distantFuture)
        _ = wire.submit(exchange)
        let limit = Task {
            try await Task.sleep(for: timeout)
            acknowledged.finish(throwing: RedisError(.timeout, "no subscription in time"))
        }
        defer { limit.cancel() }
        var missing = channels.count + patterns.count
        var iterator = acknowledgements.makeAsyncIterator()
        while missing > 0 {
            guard try await iterator.next() != nil else { throw CancellationError() }
            missing -= 1
        }
        return RedisMessages(stream: stream)
    }
}

/// What a server sends on a connection with subscriptions.
enum RedisPush {
    case message(RedisMessage)
    case subscribed
    case failed(RedisError)
    case other

    /// `[kind, channel, payload]`, or `[kind, pattern, channel, payload]`: a push, before RESP3 an array.
    init(_ value: RedisValue) {
        if case .error(let error) = value {
            self = .failed(error)
            return
        }
        guard let parts = value.elements, let kind = parts.first?.text else {
            self = .other
            return
        }
        switch (kind, parts.count) {
        case ("message", 3):
            self = .message(
                RedisMessage(channel: parts[1].text ?? "", pattern: nil, payload: parts[2].bytes ?? []))
        case ("pmessage", 4):
            self = .message(
                RedisMessage(
                    channel: parts[2].text ?? "", pattern: parts[1].text, payload: parts[3].bytes ?? []))
        case ("subscribe", _), ("psubscribe", _): self = .subscribed
        default: self = .other
        }
    }
}
