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
    private var stream: ClientStream?
    private var endpoint = 0
    /// Grows while nothing is delivered: a server that takes a watch only to drop it isn't asked in a busy loop.
    private var pause = EtcdClient.firstPause
    /// An error was thrown; nothing comes after it.
    private var isOver = false

    init(_ watch: EtcdWatch) {
        self.watch = watch
        self.nextRevision = watch.startRevision
    }

    deinit { self.stream?.cancel() }

    func next() async throws -> EtcdWatch.Batch? {
        while !self.isOver {
            do {
                try Task.checkCancellation()
                let stream = try await self.open()
                guard let response = try await Self.response(on: stream) else { throw Self.ended }
                if let batch = try self.batch(response) {
                    self.pause = EtcdClient.firstPause
                    return batch
                }
            } catch {
                try await self.recover(from: error)
            }
        }
        return nil
    }

    /// Waits before another try, if one may help: when the server or the connection to it is away.
    ///
    /// - Throws: The error that ends the watch.
    private func recover(from error: any Error) async throws {
        self.stream?.cancel()
        self.stream = nil
        do {
            let reason = try self.watch.client.endpoints.error(for: error)
            guard reason.code == .unavailable || reason.code == .timeout else { throw reason }
            self.watch.client.endpoints.leave(self.endpoint)
            self.watch.client.configuration.logger.debug("watch is resumed", metadata: ["reason": "\(reason)"])
            try await Task.sleep(for: self.pause)
            self.pause = min(self.pause * 2, EtcdClient.longestPause)
        } catch {
            self.isOver = true
            throw error
        }
    }

    private func open() async throws -> ClientStream {
        if let stream = self.stream { return stream }
        let client = self.watch.client
        if self.nextRevision == nil {
            // The start is made a number first, so that a connection lost before the first event costs none.
            self.nextRevision = try await client.get(self.watch.keys) { $0.isCountOnly = true }.nextRevision
        }
        var options = WireCallOptions()
        options.maximumMessageBytes = client.configuration.maximumMessageBytes
        let end = ContinuousClock.now + client.timeout
        let (stream, endpoint) = try await client.endpoints.openStream(
            "/etcdserverpb.Watch/Watch", options, until: end)
        self.endpoint = endpoint
        // A server that is stopped accepts connections and says nothing: the answer to the request has a limit.
        let limit = Task {
            try await Task.sleep(until: end, clock: .continuous)
            stream.cancel()
        }
        defer { limit.cancel() }
        do {
            try await stream.write(try self.request().serializedBytes())
            guard let response = try await Self.response(on: stream) else { throw Self.ended }
            guard try self.batch(response) == nil else {
                throw EtcdError(.other, "a watch began without an answer to its request")
            }
        } catch {
            stream.cancel()
            throw error
        }
        self.stream = stream
        return stream
    }

    private static var ended: EtcdError { EtcdError(.unavailable, "the watch stream ended") }

    private static func response(on stream: ClientStream) async throws -> Etcdserverpb_WatchResponse? {
        guard let bytes = try await stream.next() else { return nil }
        return try EtcdError.decoded(bytes)
    }

    private func request() -> Etcdserverpb_WatchRequest {
        var create = Etcdserverpb_WatchCreateRequest()
        create.key = Data(self.watch.keys.key)
        create.rangeEnd = Data(self.watch.keys.end)
        create.startRevision = self.nextRevision ?? 0
        create.prevKv = self.watch.returnsPrevious
        create.progressNotify = true
        var request = Etcdserverpb_WatchRequest()
        request.requestUnion = .createRequest(create)
        return request
    }

    /// What a response means; `nil` for the answer to the request itself.
    private func batch(_ response: Etcdserverpb_WatchResponse) throws(EtcdError) -> EtcdWatch.Batch? {
        if response.compactRevision > 0 {
            throw EtcdError(
                .compacted, "etcdserver: mvcc: required revision has been compacted",
                compactRevision: response.compactRevision)
        }
        if response.canceled {
            throw EtcdError(.invalidRequest, response.cancelReason.isEmpty ? "watch canceled" : response.cancelReason)
        }
        if response.created { return nil }
        // Never backward: what was delivered must not come again.
        let last = response.events.last?.kv.modRevision ?? response.header.revision
        self.nextRevision = max(self.nextRevision ?? 0, last.followingRevision)
        return EtcdWatch.Batch(revision: response.header.revision, events: response.events.map { EtcdEvent($0) })
    }
}
