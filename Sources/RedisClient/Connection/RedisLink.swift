// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// A shared connection that is made anew when it breaks. Commands wait in order while there is none.
final class RedisLink: Sendable {
    private enum Phase {
        /// Nothing is connected, and nobody wants it.
        case idle
        case connecting(Task<Void, Never>)
        case open(RedisWire)
        case closed
    }

    private struct State {
        var phase = Phase.idle
        var backlog: Deque<Exchange> = []
        var backlogBytes = 0
        /// Connects that failed in turn, which say where the next one goes.
        var attempt = 0
    }

    private let connector: RedisConnector
    private let state = Mutex(State())

    init(_ connector: RedisConnector) {
        self.connector = connector
    }

    /// Sends commands now, or when there is a connection.
    func perform(_ exchange: Exchange) async throws -> [RedisValue] {
        submit(exchange)
        return try await exchange.replies()
    }

    /// What the server said of itself; `nil` while there is no connection.
    var server: RedisServerInfo? {
        state.withLock { state in
            if case .open(let wire) = state.phase { wire.server } else { nil }
        }
    }

    private func submit(_ exchange: Exchange) {
        enum Step { case use(RedisWire), wait, refuse, closed }
        while true {
            let step = state.withLock { state -> Step in
                switch state.phase {
                case .closed: return .closed
                case .open(let wire): return .use(wire)
                case .idle, .connecting: return enqueue(exchange, &state) ? .wait : .refuse
                }
            }
            switch step {
            case .use(let wire):
                if wire.submit(exchange) == .taken { return }
                leave(wire)
            case .wait: return expire(exchange)
            case .refuse:
                return exchange.fail(
                    RedisError(.overloaded, "too many commands wait for a connection", wasNotExecuted: true))
            case .closed: return exchange.fail(.closed)
            }
        }
    }

    private func enqueue(_ exchange: Exchange, _ state: inout State) -> Bool {
        let fits =
            state.backlog.isEmpty || state.backlogBytes + exchange.bytes.count <= connector.limits.queuedBytes
        guard fits, state.backlog.count < connector.limits.exchanges else { return false }
        state.backlog.append(exchange)
        state.backlogBytes += exchange.bytes.count
        connectIfIdle(&state)
        return true
    }

    /// Fails it when its time is over and it still waits.
    private func expire(_ exchange: Exchange) {
        guard exchange.deadline < .distantFuture else { return }
        MultiThreadedEventLoopGroup.singleton.next().scheduleTask(deadline: exchange.deadline) {
            if !exchange.wasSent {
                exchange.fail(RedisError(.unavailable, "no connection in time", wasNotExecuted: true))
            }
        }
    }

    /// Forgets a connection that has ended.
    private func leave(_ wire: RedisWire) {
        state.withLock { state in
            if case .open(let open) = state.phase, open === wire { state.phase = .idle }
        }
    }

    private func connectIfIdle(_ state: inout State) {
        guard case .idle = state.phase else { return }
        // Unstructured by design: the commands that wait for it come and go. It ends when none is left.
        state.phase = .connecting(Task { [weak self, connector] in await Self.connect({ self }, connector) })
    }

    /// Connects, again and again while commands wait.
    private static func connect(_ link: () -> RedisLink?, _ connector: RedisConnector) async {
        while !Task.isCancelled {
            guard let attempt = link()?.state.withLock({ $0.attempt }) else { return }
            do {
                let wire = try await connector.connect(attempt: attempt)
                guard let link = link() else { return await wire.close() }
                return await link.use(wire)
            } catch {
                guard let pause = link()?.failed(error) else { return }
                if pause > .zero { try? await Task.sleep(for: pause) }
            }
        }
    }

    private func use(_ wire: RedisWire) async {
        wire.onEnd { [weak self] exchanges in self?.ended(wire, exchanges) ?? Self.drop(exchanges) }
        // The lock is held, so that nobody's commands overtake those that wait.
        let (isWanted, again) = state.withLock { state -> (Bool, [Exchange]) in
            if case .closed = state.phase { return (false, []) }
            state.phase = .open(wire)
            // The address that works stays the one in use.
            state.attempt %= connector.addresses.count
            let waiting = state.backlog.filter { !$0.isOver }
            state.backlog = []
            state.backlogBytes = 0
            return (true, waiting.filter { wire.submit($0) == .over })
        }
        for exchange in again { submit(exchange) }
        if !isWanted { await wire.close() }
    }

    /// - Returns: the pause before the next connect; `nil` where none is wanted.
    private func failed(_ error: RedisError) -> Duration? {
        let (pause, refused) = state.withLock { state -> (Duration?, Deque<Exchange>) in
            if case .closed = state.phase { return (nil, []) }
            state.attempt += 1
            // The server spoke, and doesn't want this client: to ask again wouldn't help.
            let isFinal = error.isFinalRefusal
            let hasTriedAll = state.attempt % connector.addresses.count == 0
            if isFinal, hasTriedAll {
                defer { state.backlog = [] }
                state.backlogBytes = 0
                state.phase = .idle
                return (nil, state.backlog)
            }
            state.backlog.removeAll(where: \.isOver)
            state.backlogBytes = state.backlog.reduce(0) { $0 + $1.bytes.count }
            if state.backlog.isEmpty {
                state.phase = .idle
                return (nil, [])
            }
            return (connector.pause(afterFailures: state.attempt), [])
        }
        connector.logger.info("no connection", metadata: ["error": "\(error)"])
        let told = RedisError(error.code, error.message, prefix: error.prefix, wasNotExecuted: true)
        for exchange in refused { exchange.fail(told) }
        return pause
    }

    private func ended(_ wire: RedisWire, _ exchanges: [Exchange]) {
        leave(wire)
        connector.logger.info("connection ended", metadata: ["commands": "\(exchanges.count)"])
        for exchange in exchanges { submit(exchange) }
    }

    private static func drop(_ exchanges: [Exchange]) {
        for exchange in exchanges { exchange.fail(.closed) }
    }

    func close() async {
        let (phase, backlog) = state.withLock { state in
            defer {
                state.phase = .closed
                state.backlog = []
            }
            return (state.phase, state.backlog)
        }
        for exchange in backlog { exchange.fail(.closed) }
        switch phase {
        case .connecting(let task): task.cancel()
        case .open(let wire): await wire.close()
        case .idle, .closed: break
        }
    }
}
