// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletHTTP2Session
import MartletInProcess
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension WireClient {
    /// A connection for one call, which is then counted as open on it.
    func connection(deadline: NIODeadline?, waitForReady: Bool) async throws -> ClientConnection {
        if let connection = self.state.withLock({ $0.pick() }) { return connection }
        let handle = WaiterHandle()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let waiter = ConnectionWaiter(continuation, waitsForReady: waitForReady)
                guard handle.set(waiter) else { return waiter.fail(.cancelled) }
                let choice = self.state.withLock {
                    $0.choose(waiter, waitForReady: waitForReady, now: .now())
                }
                switch choice {
                case .use(let connection): waiter.serve(connection)
                case .fail(let status): waiter.fail(status)
                case .wait(let mustConnect):
                    if mustConnect { self.connect() }
                    if let deadline { self.schedule(deadline, for: waiter) }
                    // A cancellation that came before the waiter was queued found nothing to give up.
                    if handle.isCancelled { self.give(up: waiter, .cancelled) }
                }
            }
        } onCancel: {
            handle.cancel { self.give(up: $0, .cancelled) }
        }
    }

    private func give(up waiter: ConnectionWaiter, _ status: GRPCStatus) {
        if self.state.withLock({ $0.remove(waiter) }) { waiter.fail(status) }
    }

    private func schedule(_ deadline: NIODeadline, for waiter: ConnectionWaiter) {
        self.group.next().scheduleTask(deadline: deadline) { [weak self, weak waiter] in
            guard let self, let waiter else { return }
            var status = GRPCStatus.deadlineExceeded
            status.isConnectFailure = true
            self.give(up: waiter, status)
        }
    }

    // MARK: Connecting

    private func connect() {
        let loop = self.group.next()
        let attempt = ConnectAttempt()
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(self.configuration.connectTimeout)
            .channelOption(.maxMessagesPerRead, value: 4)
            .channelOption(
                .writeBufferWaterMark,
                value: .init(low: WireConnection.writeBytes / 4, high: WireConnection.writeBytes)
            )
            .channelOption(.autoRead, value: false)
        let connecting =
            switch self.target.kind {
            case .hostPort(let host, let port): bootstrap.connect(host: host, port: port)
            case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
            case .inProcess(let name): InProcessListeners.connect(to: name, on: loop)
            }
        connecting.whenComplete { result in
            do {
                try self.start(result.get(), attempt)
            } catch {
                guard !attempt.isSettled else { return }
                attempt.settle()
                self.attemptFailed(
                    "Error while dialing \(self.target): \(Self.text(error))", isRefused: Self.isRefusal(error))
            }
        }
    }

    /// Speaks on the channel that won: of the addresses of a name several may be tried, and only one is used.
    private func start(_ channel: any Channel, _ attempt: ConnectAttempt) throws {
        do {
            // No handler hears of what was over before it was there.
            guard channel.isActive else { throw ChannelError.eof }
            try self.initialize(channel, attempt)
            // Read only from here on: what the server says first has a handler to go to.
            try channel.syncOptions?.setOption(.autoRead, value: true)
        } catch {
            channel.close(promise: nil)
            throw error
        }
        guard !attempt.isSettled else { return }
        // A peer that accepts and says nothing, or speaks no HTTP/2, must not hold callers for ever.
        attempt.timer = channel.eventLoop.assumeIsolated().scheduleTask(in: self.configuration.connectTimeout) {
            if !attempt.isSettled { channel.close(promise: nil) }
        }
    }

    private static func text(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            error.connectionErrors.first.map { "\($0.error)" }
                ?? error.dnsAError.map { "\($0)" } ?? "\(error)"
        default: "\(error)"
        }
    }

    /// Whether all of a name's addresses said that nobody listens there.
    private static func isRefusal(_ error: any Error) -> Bool {
        switch error {
        case let error as NIOConnectionError:
            !error.connectionErrors.isEmpty && error.connectionErrors.allSatisfy { isRefusal($0.error) }
        case let error as IOError: error.errnoCode == ECONNREFUSED
        default: false
        }
    }

    @discardableResult
    func initialize(_ channel: any Channel, _ attempt: ConnectAttempt) throws -> ClientConnection {
        switch self.target.kind {
        case .hostPort(let host, _):
            try? channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
            try self.addTLS(channel, host: host)
        case .unixSocket: try self.addTLS(channel, host: "localhost")
        // What never leaves the process has nobody to hide from.
        case .inProcess: break
        }
        let session = HTTP2Session(role: .client, settings: HTTP2Settings())
        let keepalive = Keepalive(self.configuration.keepalive, pingsWithoutCalls: false)
        let wire = WireConnection(
            session: session, loop: self.loops.executor(for: channel.eventLoop), keepalive: keepalive)
        let connection = ClientConnection(
            wire: wire, idleTimeout: self.configuration.idleTimeout, maximumAge: self.configuration.maximumAge
        ) { connection, change in
            self.changed(connection, change, attempt)
        }
        try channel.pipeline.syncOperations.addHandler(wire)
        // Held by `wire` as its owner until it closes.
        return connection
    }

    private func addTLS(_ channel: any Channel, host: String) throws {
        guard let tls = self.tls else { return }
        try WireClientTLSContext(tls, self.configuration.tls).secure(channel, host: host)
    }

    private func changed(
        _ connection: ClientConnection, _ change: ClientConnection.Change, _ attempt: ConnectAttempt
    ) {
        switch change {
        case .ready(let maximumStreams):
            attempt.settle()
            let outcome = self.state.withLock { $0.ready(connection, maximumStreams: maximumStreams) }
            for (waiter, connection) in outcome.served { waiter.serve(connection) }
            if outcome.mustConnect { self.connect() }
            if outcome.mustClose { connection.wire.terminate(.noError) }
            if let retired = outcome.retired { retired.loop.perform { retired.drain() } }
        case .draining:
            self.state.withLock { $0.draining(connection) }
        case .idle:
            if self.state.withLock({ $0.retireIfUnused(connection) }) { connection.drain() }
        case .aged(let isUnused):
            switch self.state.withLock({ $0.aged(connection, isUnused: isUnused) }) {
            case .retire: connection.drain()
            case .replace: self.connect()
            case .later: connection.scheduleAge(in: ClientConnection.agePause)
            }
        case .callEnded:
            self.state.withLock { $0.callEnded(connection) }
        case .closed(let reason):
            if attempt.isSettled {
                self.state.withLock { $0.closed(connection) }
            } else {
                attempt.settle()
                self.attemptFailed("\(self.target): \(reason.message)")
            }
        }
    }

    private func attemptFailed(_ text: String, isRefused: Bool = false) {
        var reason = GRPCStatus(.unavailable, "connection error: desc = \"transport: \(text)\"")
        reason.wasNotProcessed = true
        reason.isConnectFailure = true
        reason.isConnectRefused = isRefused
        let outcome = self.state.withLock {
            $0.failed(
                reason, backoff: self.configuration.backoff, unit: .random(in: 0..<1), now: .now())
        }
        self.logger.debug("cannot connect", metadata: ["target": "\(self.target)", "error": "\(text)"])
        for (waiter, connection) in outcome.served { waiter.serve(connection) }
        for waiter in outcome.failed { waiter.fail(reason) }
        if let old = outcome.notReplaced {
            old.loop.perform { old.scheduleAge(in: ClientConnection.agePause) }
        }
        self.group.next().scheduleTask(in: outcome.pause) { [weak self] in
            guard let self, self.state.withLock({ $0.retry() }) else { return }
            self.connect()
        }
    }
}

/// Whether an attempt to connect has come to its end.
///
/// `@unchecked Sendable`: touched only on the channel's event loop.
final class ConnectAttempt: @unchecked Sendable {
    private(set) var isSettled = false
    var timer: Scheduled<Void>?

    func settle() {
        self.isSettled = true
        self.timer?.cancel()
        self.timer = nil
    }
}

/// Joins a waiter and its task's cancellation, which may come first.
private final class WaiterHandle: Sendable {
    private struct State {
        var waiter: ConnectionWaiter?
        var isCancelled = false
    }

    private let state = Mutex(State())

    /// Returns `false` when the task is cancelled already: the waiter must not be queued.
    func set(_ waiter: ConnectionWaiter) -> Bool {
        self.state.withLock { state in
            state.waiter = waiter
            return !state.isCancelled
        }
    }

    var isCancelled: Bool { self.state.withLock { $0.isCancelled } }

    func cancel(_ giveUp: (ConnectionWaiter) -> Void) {
        let waiter = self.state.withLock { state in
            state.isCancelled = true
            return state.waiter
        }
        if let waiter { giveUp(waiter) }
    }
}
