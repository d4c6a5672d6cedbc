// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI
internal import MartletGRPCWire
internal import SwiftProtobuf

/// The one stream on which a client renews all its leases.
///
/// It opens with the first renewal and again after it broke. Answers carry the lease's number; several renewals of
/// one lease that wait at the same time are all answered by the next answer for it.
actor LeaseStream {
    private let endpoints: EtcdEndpoints
    private let timeout: Duration
    private var stream: EndpointStream?
    private var waiters = LeaseWaiters<CheckedContinuation<Int64, any Error>>()

    init(_ endpoints: EtcdEndpoints, timeout: Duration) {
        self.endpoints = endpoints
        self.timeout = timeout
    }

    /// Renews a lease.
    ///
    /// - Parameter limit: How long the answer may take, if less than usual.
    /// - Returns: Its new time to live in seconds, 0 when it is gone.
    /// - Throws: ``EtcdError``, or `CancellationError` when the task is cancelled.
    func renew(_ id: Int64, within limit: Duration? = nil) async throws -> Int64 {
        var request = Etcdserverpb_LeaseKeepAliveRequest()
        request.id = id
        let bytes: [UInt8] = try request.serializedBytes()
        let end = ContinuousClock.now + min(limit ?? self.timeout, self.timeout)
        let stream = try await self.open(until: end)
        let number = self.waiters.makeNumber()
        // A server that is stopped answers nothing at all; the limit then ends the wait and the stream.
        let limit = Task {
            try await Task.sleep(until: end, clock: .continuous)
            self.expired(id, number, stream)
        }
        defer { limit.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // Before the request leaves, for its answer may come at once.
                self.waiters.add(continuation, number: number, lease: id)
                if Task.isCancelled { self.end(id, number, CancellationError()) }
                Task { await self.write(bytes, to: stream, id, number) }
            }
        } onCancel: {
            Task { await self.end(id, number, CancellationError()) }
        }
    }

    func close() { self.broke(EtcdEndpoints.closed) }

    private func open(until end: ContinuousClock.Instant) async throws -> EndpointStream {
        if let stream = self.stream { return stream }
        let stream = try await self.endpoints.openStream("/etcdserverpb.Lease/LeaseKeepAlive", until: end)
        // Somebody else may have opened one meanwhile.
        if let first = self.stream {
            stream.wire.cancel()
            return first
        }
        self.stream = stream
        // Ends with the stream, which the client ends when it goes.
        Task { await self.read(stream) }
        return stream
    }

    private func read(_ stream: EndpointStream) async {
        do {
            while let bytes = try await stream.wire.next() {
                let response: Etcdserverpb_LeaseKeepAliveResponse = try EtcdError.decoded(bytes)
                for waiter in self.waiters.removeAll(lease: response.id) { waiter.resume(returning: response.ttl) }
            }
            self.broke(EtcdError(.unavailable, "the keep-alive stream ended"), stream)
        } catch let status as GRPCStatus {
            var reason = EtcdError(status)
            if reason.concernsToken, let token = stream.token {
                self.endpoints.tokens?.invalidate(token)
                // The next try has a new token, and so is worth being made.
                reason = EtcdError(.unavailable, reason.message, wasNotExecuted: true)
            } else {
                self.endpoints.leave(stream)
            }
            self.broke(reason, stream)
        } catch {
            self.broke((error as? EtcdError) ?? EtcdError(.other, "\(error)"), stream)
        }
    }

    private func write(_ bytes: [UInt8], to stream: EndpointStream, _ id: Int64, _ number: UInt64) async {
        do {
            try await stream.wire.write(bytes)
        } catch {
            let reason = (error as? GRPCStatus).map { EtcdError($0) } ?? EtcdError(.other, "\(error)")
            // The stream may have been replaced before this renewal waited: then nobody else tells it.
            self.end(id, number, reason)
            self.broke(reason, stream)
        }
    }

    /// Ends the stream and everybody who waits on it; the next renewal opens a new one.
    private func broke(_ error: EtcdError, _ broken: EndpointStream? = nil) {
        if let broken, broken.wire !== self.stream?.wire { return }
        self.stream?.wire.cancel()
        self.stream = nil
        for waiter in self.waiters.removeAll() { waiter.resume(throwing: error) }
    }

    private func expired(_ id: Int64, _ number: UInt64, _ stream: EndpointStream) {
        guard self.waiters.contains(number: number, lease: id) else { return }
        self.endpoints.leave(stream)
        self.broke(EtcdError(.timeout, "no answer to a keep-alive"))
    }

    private func end(_ id: Int64, _ number: UInt64, _ error: any Error) {
        self.waiters.remove(number: number, lease: id)?.resume(throwing: error)
    }
}
