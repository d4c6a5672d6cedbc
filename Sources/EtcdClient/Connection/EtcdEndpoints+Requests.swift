// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session
internal import NIOCore

/// How a request is to be sent.
struct RequestPolicy {
    var repeatability = RequestRepeatability.ifNotExecuted
    /// How long it may take, further attempts included.
    var timeout: Duration
    /// The one server that can answer it; `nil`: any.
    var endpoint: String?
    /// Whether a server without a leader is to refuse it at once rather than to wait for one.
    var needsLeader = true
    /// Whether it says who the client is.
    var isAuthenticated = true
}

extension EtcdEndpoints {
    /// Sends a request and returns its response, from one endpoint after the other while that is safe and time is left.
    ///
    /// - Throws: ``EtcdError``, or `CancellationError` when the task is cancelled.
    func unary(_ path: String, _ request: [UInt8], _ policy: RequestPolicy) async throws -> [UInt8] {
        let end = ContinuousClock.now + policy.timeout
        var rules = RetryRules(
            policy.repeatability, endpointCount: policy.endpoint == nil ? self.count : 1,
            isAuthenticated: policy.isAuthenticated && self.tokens != nil)
        while true {
            let token = policy.isAuthenticated ? try await self.token(until: end) : nil
            let (connection, number) =
                try policy.endpoint.map { (try self.connection(to: $0), nil) }
                ?? self.connection()
            var options = WireCallOptions()
            options.metadata = Self.metadata(token, needsLeader: policy.needsLeader)
            options.deadline = .now() + TimeAmount(rules.attemptLimit(of: ContinuousClock.now.duration(to: end)))
            options.maximumMessageBytes = self.connector.maximumMessageBytes
            let failure: EtcdError
            do {
                return try await connection.unary(path, request, options: options).message
            } catch {
                failure = try self.error(for: error)
            }
            if failure.concernsToken { self.tokens?.invalidate(token) }
            switch rules.decide(failure) {
            case .giveUp(let leaves):
                if leaves, let number { self.leave(number) }
                throw failure
            case .authenticate:
                break
            case .again(let leaves, let pause):
                if leaves, let number { self.leave(number) }
                guard ContinuousClock.now + pause < end else { throw failure }
                if pause > .zero { try await Task.sleep(for: pause) }
            }
        }
    }

    static func metadata(_ token: EtcdTokens.Token?, needsLeader: Bool) -> HeaderBlock {
        var metadata = HeaderBlock()
        if needsLeader { metadata.append("hasleader", "true") }
        if let text = token?.text { metadata.append("token", text) }
        return metadata
    }
}
