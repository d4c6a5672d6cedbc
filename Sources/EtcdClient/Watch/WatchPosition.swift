// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MartletEtcdAPI
internal import MartletGRPCWire
internal import SwiftProtobuf

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// Where one iterator of a watch stands. Used by one task at a time, as iterators are.
final class WatchPosition {
    private let watch: EtcdWatch
    /// The first revision that hasn't been delivered; `nil` until the start is known.
    private var nextRevision: Int64?
    private var stream: EndpointStream?
    /// What has come of a batch that the server sends in parts.
    private var parts: [Mvccpb_Event] = []
    /// Grows while nothing is delivered: a server that takes a watch only to drop it isn't asked in a busy loop.
    private var pause = RetryRules.firstPause
    /// The watch was refused for who asks, and is tried once more with a new token.
    private var hasAuthenticated = false
    /// An error was thrown; nothing comes after it.
    private var isOver = false

    init(_ watch: EtcdWatch) {
        self.watch = watch
        self.nextRevision = watch.startRevision
    }

    deinit { self.stream?.wire.cancel() }

    func next() async throws -> EtcdWatch.Batch? {
        while !self.isOver {
            do {
                try Task.checkCancellation()
                let stream = try await self.open()
                if let batch = try self.batch(try await Self.response(on: stream)) {
                    self.pause = RetryRules.firstPause
                    self.hasAuthenticated = false
                    return batch
                }
            } catch {
                try await self.recover(from: error)
            }
        }
        return nil
    }

    /// Prepares another try, if one may help: when the server or the connection to it is away, or the token is old.
    ///
    /// - Throws: The error that ends the watch.
    private func recover(from error: any Error) async throws {
        let stream = self.stream
        self.stream = nil
        self.parts = []
        stream?.wire.cancel()
        let endpoints = self.watch.client.endpoints
        do {
            let reason = try endpoints.error(for: error)
            if reason.code == .denied || reason.concernsToken, let token = stream?.token, !self.hasAuthenticated {
                // Servers before 3.6 say of an unknown token that it has no permission.
                self.hasAuthenticated = true
                endpoints.tokens?.invalidate(token)
                return
            }
            guard reason.code == .unavailable || reason.code == .timeout else { throw reason }
            if let stream { endpoints.leave(stream) }
            self.watch.client.configuration.logger.debug("watch is resumed", metadata: ["reason": "\(reason)"])
            try await Task.sleep(for: self.pause)
            self.pause = min(self.pause * 2, RetryRules.longestPause)
        } catch {
            self.isOver = true
            throw error
        }
    }

    /// Opens the watch where it stands. A failure leaves ``stream`` as it is, for whoever recovers from it.
    private func open() async throws -> EndpointStream {
        if let stream = self.stream { return stream }
        let client = self.watch.client
        if self.nextRevision == nil {
            // The start is made a number first, so that a connection lost before the first event costs none.
            self.nextRevision = try await client.get(self.watch.keys) { $0.isCountOnly = true }.nextRevision
        }
        let end = ContinuousClock.now + client.timeout
        let stream = try await client.endpoints.openStream("/etcdserverpb.Watch/Watch", until: end)
        self.stream = stream
        // A server that is stopped accepts connections and says nothing: the answer to the request has a limit.
        let limit = Task {
            try await Task.sleep(until: end, clock: .continuous)
            stream.wire.cancel()
        }
        defer { limit.cancel() }
        try await stream.wire.write(try self.request().serializedBytes())
        let response = try await Self.response(on: stream)
        guard try self.batch(response) == nil else {
            throw EtcdError(.other, "a watch began without an answer to its request")
        }
        return stream
    }

    private static func response(on stream: EndpointStream) async throws -> Etcdserverpb_WatchResponse {
        guard let bytes = try await stream.wire.next() else {
            throw EtcdError(.unavailable, "the watch stream ended")
        }
        return try EtcdError.decoded(bytes)
    }

    private func request() -> Etcdserverpb_WatchRequest {
        var create = Etcdserverpb_WatchCreateRequest()
        create.key = Data(self.watch.keys.key)
        create.rangeEnd = Data(self.watch.keys.end)
        create.startRevision = self.nextRevision ?? 0
        create.prevKv = self.watch.returnsPrevious
        create.filters =
            (self.watch.skipped.contains(.put) ? [.noput] : [])
            + (self.watch.skipped.contains(.delete) ? [.nodelete] : [])
        create.progressNotify = true
        // However many changes one revision made, they come in messages of a bearable size.
        create.fragment = true
        var request = Etcdserverpb_WatchRequest()
        request.requestUnion = .createRequest(create)
        return request
    }

    /// What a response means; `nil` for the answer to the request itself, and for a part that isn't the last.
    private func batch(_ response: Etcdserverpb_WatchResponse) throws(EtcdError) -> EtcdWatch.Batch? {
        if response.compactRevision > 0 {
            throw EtcdError(
                .compacted, "etcdserver: mvcc: required revision has been compacted",
                compactRevision: response.compactRevision)
        }
        if response.canceled { throw EtcdError(watchReason: response.cancelReason) }
        if response.created { return nil }
        let first = self.nextRevision ?? 0
        // What was delivered must not come again.
        self.parts += response.events.filter { $0.kv.modRevision >= first }
        if response.fragment { return nil }
        let events = self.parts
        self.parts = []
        let last = events.last?.kv.modRevision ?? response.header.revision
        self.nextRevision = max(first, last.followingRevision)
        return EtcdWatch.Batch(revision: response.header.revision, events: events.map { EtcdEvent($0) })
    }
}
