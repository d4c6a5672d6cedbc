// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI
internal import MartletGRPCWire
internal import SwiftProtobuf

/// The one stream on which a client renews all its leases.
///
/// It opens with the first renewal and again after it broke. Answers carry the lease's number; several renewals of
/// one lease that wait at the same time are all answered by the next answer for it.
actor LeaseStream {
    private struct Waiter {
        let number: UInt64
        let continuation: CheckedContinuation<Int64, any Error>
    }

    private let timeout: Duration
    private var stream: ClientStream?
    private var reader: Task<Void, Never>?
    private var waiters: [Int64: [Waiter]] = [:]
    private var nextNumber: UInt64 = 0

    init(timeout: Duration) { self.timeout = timeout }

    /// Renews a lease.
    ///
    /// - Returns: Its new time to live in seconds, 0 when it is gone.
    func renew(_ id: Int64, on client: EtcdClient) async throws -> Int64 {
        var request = Etcdserverpb_LeaseKeepAliveRequest()
        request.id = id
        let bytes: [UInt8] = try request.serializedBytes()
        let endpoint: Int
        let stream: ClientStream
        do {
            (stream, endpoint) = try await self.open(client)
        } catch let status as GRPCStatus {
            self.broke(EtcdError(status))
            throw EtcdError(status)
        }
        self.nextNumber += 1
        let number = self.nextNumber
        // A server that is stopped answers nothing at all; the limit then ends the wait and the stream.
        let limit = Task { [timeout] in
            try await Task.sleep(for: timeout)
            self.expired(id, number)
            client.leave(endpoint)
        }
        defer { limit.cancel() }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // Before the request leaves, for its answer may come at once.
                self.waiters[id, default: []].append(Waiter(number: number, continuation: continuation))
                if Task.isCancelled { self.end(id, number, CancellationError()) }
                Task { await self.write(bytes, to: stream) }
            }
        } onCancel: {
            Task { await self.end(id, number, CancellationError()) }
        }
    }

    func close() {
        self.broke(EtcdError(.closed, "the client is closed"))
    }

    private func open(_ client: EtcdClient) async throws -> (ClientStream, Int) {
        let (connection, endpoint) = try client.connection()
        if let stream = self.stream { return (stream, endpoint) }
        let stream: ClientStream
        do {
            stream = try await connection.openStream("/etcdserverpb.Lease/LeaseKeepAlive", options: WireCallOptions())
        } catch {
            client.leave(endpoint)
            throw error
        }
        // Somebody else may have opened one meanwhile.
        if let first = self.stream {
            stream.cancel()
            return (first, endpoint)
        }
        self.stream = stream
        self.reader = Task { await self.read(stream, client, endpoint) }
        return (stream, endpoint)
    }

    private func read(_ stream: ClientStream, _ client: EtcdClient, _ endpoint: Int) async {
        do {
            while let bytes = try await stream.next() {
                let response = try Etcdserverpb_LeaseKeepAliveResponse(serializedBytes: bytes)
                for waiter in self.waiters.removeValue(forKey: response.id) ?? [] {
                    waiter.continuation.resume(returning: response.ttl)
                }
            }
            self.broke(EtcdError(.unavailable, "the keep-alive stream ended"), stream)
        } catch let status as GRPCStatus {
            client.leave(endpoint)
            self.broke(EtcdError(status), stream)
        } catch {
            self.broke(EtcdError(.other, "malformed response: \(error)"), stream)
        }
    }

    private func write(_ bytes: [UInt8], to stream: ClientStream) async {
        do {
            try await stream.write(bytes)
        } catch let status as GRPCStatus {
            self.broke(EtcdError(status), stream)
        } catch {
            self.broke(EtcdError(.other, "\(error)"), stream)
        }
    }

    /// Ends the stream and everybody who waits on it; the next renewal opens a new one.
    private func broke(_ error: EtcdError, _ broken: ClientStream? = nil) {
        if let broken, broken !== self.stream { return }
        self.stream?.cancel()
        self.stream = nil
        self.reader = nil
        let waiters = self.waiters.values.flatMap { $0 }
        self.waiters = [:]
        for waiter in waiters { waiter.continuation.resume(throwing: error) }
    }

    private func expired(_ id: Int64, _ number: UInt64) {
        guard self.waiters[id]?.contains(where: { $0.number == number }) == true else { return }
        self.broke(EtcdError(.timeout, "no answer to a keep-alive"))
    }

    private func end(_ id: Int64, _ number: UInt64, _ error: any Error) {
        guard let index = self.waiters[id]?.firstIndex(where: { $0.number == number }) else { return }
        self.waiters[id]?.remove(at: index).continuation.resume(throwing: error)
    }
}
