// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI
internal import MartletGRPCWire
internal import SwiftProtobuf
internal import Synchronization

/// The token that says who a client is: fetched when it is first needed, and again when a server no longer takes it.
///
/// All requests of a client use the same one; those that need a new one at the same time wait for the same answer.
final class EtcdTokens: Sendable {
    struct Token: Sendable {
        /// `nil` where servers don't ask who the client is.
        var text: String?
        /// Which of the client's tokens it is.
        var number: Int
    }

    private struct State {
        var token: Token?
        var renewal: Task<Token, any Error>?
        var lastNumber = 0
    }

    let credentials: EtcdCredentials
    private let state = Mutex(State())

    init(_ credentials: EtcdCredentials) { self.credentials = credentials }

    /// The token to use now.
    ///
    /// - Parameters:
    ///   - end: When the caller gives up. The renewal goes on for others.
    ///   - fetch: Asks a server for a token, in a task of its own.
    func current(
        until end: ContinuousClock.Instant, _ fetch: @escaping @Sendable () async throws -> String?
    ) async throws -> Token {
        switch self.state.withLock({ self.step(&$0, fetch) }) {
        case .use(let token): token
        case .wait(let renewal): try await value(of: renewal, until: end)
        }
    }

    private enum Step {
        case use(Token)
        case wait(Task<Token, any Error>)
    }

    private func step(_ state: inout State, _ fetch: @escaping @Sendable () async throws -> String?) -> Step {
        if let token = state.token { return .use(token) }
        if let renewal = state.renewal { return .wait(renewal) }
        state.lastNumber += 1
        let number = state.lastNumber
        let renewal = Task {
            do {
                let token = Token(text: try await fetch(), number: number)
                self.finish(token)
                return token
            } catch {
                self.finish(nil)
                throw error
            }
        }
        state.renewal = renewal
        return .wait(renewal)
    }

    private func finish(_ token: Token?) {
        self.state.withLock { state in
            state.token = token
            state.renewal = nil
        }
    }

    /// Forgets a token that was refused, unless a newer one has taken its place already.
    func invalidate(_ token: Token?) {
        self.state.withLock { state in
            if let token, state.token?.number == token.number { state.token = nil }
        }
    }
}

extension EtcdEndpoints {
    /// The token to send; `nil` for a client without credentials.
    func token(until end: ContinuousClock.Instant) async throws -> EtcdTokens.Token? {
        guard let tokens = self.tokens else { return nil }
        let credentials = tokens.credentials
        return try await tokens.current(until: end) { [self] in
            var request = Etcdserverpb_AuthenticateRequest()
            request.name = credentials.user
            request.password = credentials.password
            let policy = RequestPolicy(
                repeatability: .always, timeout: self.connector.timeout, isAuthenticated: false)
            do {
                let bytes = try await self.unary(
                    "/etcdserverpb.Auth/Authenticate", try request.serializedBytes(), policy)
                let response: Etcdserverpb_AuthenticateResponse = try EtcdError.decoded(bytes)
                return response.token
            } catch let error as EtcdError where error.code == .authenticationDisabled {
                return nil
            }
        }
    }
}

/// Waits for a task that others may wait for too, no longer than the caller's own task and time allow.
private func value<Value: Sendable>(
    of task: Task<Value, any Error>, until end: ContinuousClock.Instant
) async throws -> Value {
    let (values, sink) = AsyncThrowingStream.makeStream(of: Value.self)
    Task {
        do {
            sink.yield(try await task.value)
        } catch {
            sink.finish(throwing: error)
        }
    }
    let limit = Task {
        try await Task.sleep(until: end, clock: .continuous)
        sink.finish(throwing: EtcdError(.timeout, "no token in time", wasNotExecuted: true))
    }
    defer { limit.cancel() }
    for try await value in values { return value }
    throw CancellationError()
}
