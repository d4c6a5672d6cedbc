// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// One connection on which many callers' commands go out in the order they come in, and replies are matched in that
/// order.
///
/// Callers append to a list under a lock; the event loop takes all of it at once, and writes it as one piece.
final class RedisWire: Sendable {
    struct Limits: Sendable {
        /// Bytes of commands that wait for the connection to take them. One command that is longer goes alone.
        var queuedBytes = 64 << 20
        /// Commands without a reply: some hundred bytes each, and more than this no server answers in time.
        var exchanges = 100_000
        var replies = ReplyAssembler.Limits()
    }

    private struct State {
        var queue: [Exchange] = []
        var queuedBytes = 0
        /// Sent ones included.
        var exchanges = 0
        var isScheduled = false
        var isOver = false
    }

    /// What the server said of itself when the connection began.
    let server: RedisServerInfo
    private let channel: any Channel
    private let limits: Limits
    private let state = Mutex(State())
    private let handler: NIOLoopBound<WireHandler>

    private init(
        _ channel: any Channel, _ handler: NIOLoopBound<WireHandler>, _ limits: Limits, _ info: RedisServerInfo
    ) {
        self.channel = channel
        self.handler = handler
        self.limits = limits
        server = info
    }

    /// Makes the wire of a channel whose handler has been through the greeting.
    static func make(
        _ channel: any Channel, _ handler: NIOLoopBound<WireHandler>, _ limits: Limits, _ info: RedisServerInfo
    ) async throws -> RedisWire {
        let wire = RedisWire(channel, handler, limits, info)
        try await channel.eventLoop.submit { handler.value.attach(wire) }.get()
        return wire
    }

    var isOpen: Bool { !state.withLock { $0.isOver } }

    /// What becomes of commands when the connection has ended: those that could go over another one. On its loop, once.
    func onEnd(_ body: @escaping @Sendable ([Exchange]) -> Void) {
        channel.eventLoop.execute { [handler] in handler.value.setOnEnd(body) }
    }

    /// Takes what the server sends unasked. On its loop. Replies are no longer matched from then on.
    func onPush(_ body: @escaping @Sendable (RedisValue) -> Void) async throws {
        try await channel.eventLoop.submit { [handler] in handler.value.onPush = body }.get()
    }

    enum Answer {
        case taken
        /// It has ended: the exchange is to go elsewhere.
        case over
    }

    /// Sends commands behind those of others; or fails them, where too much waits already.
    func submit(_ exchange: Exchange) -> Answer {
        enum Step { case schedule, leave, over, refuse }
        let step = state.withLock { state -> Step in
            if state.isOver { return .over }
            let fits = state.queue.isEmpty || state.queuedBytes + exchange.bytes.count <= limits.queuedBytes
            guard fits, state.exchanges < limits.exchanges else { return .refuse }
            state.queue.append(exchange)
            state.queuedBytes += exchange.bytes.count
            state.exchanges += 1
            if state.isScheduled { return .leave }
            state.isScheduled = true
            return .schedule
        }
        switch step {
        case .over: return .over
        case .leave: break
        case .refuse:
            exchange.fail(RedisError(.overloaded, "too many commands wait for the connection", wasNotExecuted: true))
        case .schedule: channel.eventLoop.execute { [handler] in handler.value.drain() }
        }
        return .taken
    }

    /// Sends commands and waits for their replies.
    func perform(_ exchange: Exchange) async throws -> [RedisValue] {
        if submit(exchange) == .over {
            exchange.fail(RedisError(.unavailable, "the connection has ended", wasNotExecuted: true))
        }
        return try await exchange.replies()
    }

    /// All that waits to be sent, once the channel takes more. On the loop.
    func takeQueue() -> [Exchange] {
        state.withLock { state in
            defer {
                state.queue = []
                state.queuedBytes = 0
                state.isScheduled = false
            }
            return state.queue
        }
    }

    /// So many exchanges are no longer under way.
    func discharge(_ count: Int) { state.withLock { $0.exchanges -= count } }

    /// Takes nothing more; what waited. On the loop.
    func finish() -> [Exchange] {
        state.withLock { state in
            state.isOver = true
            defer { state.queue = [] }
            return state.queue
        }
    }

    /// Ends the connection; what is under way fails.
    func close() async {
        state.withLock { $0.isOver = true }
        try? await channel.eventLoop.submit { [handler] in
            handler.value.end(RedisError(.closed, "the connection was closed"))
        }.get()
    }
}

/// What a server says of itself when a connection begins.
public struct RedisServerInfo: Hashable, Sendable {
    /// `redis` of Redis and Martlet, `valkey`, …; empty where it wasn't told.
    public var server = ""
    /// The version, such as `7.0.15`; empty where it wasn't told.
    public var version = ""
    /// 3, or 2 where the server, or the configuration, wants that.
    public var protocolVersion = 2

    public init() {}
}
