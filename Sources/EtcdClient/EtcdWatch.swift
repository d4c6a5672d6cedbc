// SPDX-License-Identifier: Apache-2.0

internal import MartletEtcdAPI
internal import MartletGRPCWire
internal import SwiftProtobuf

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif

/// The changes of some keys from a revision on, in order and without gaps.
///
/// A connection that breaks is replaced, on another endpoint if need be, and the watch goes on where it was: no event
/// is lost or comes twice. It ends with ``EtcdError/Code/compacted`` when what it needs next was compacted away, then
/// read the keys anew and watch from there; with `CancellationError` when the task is cancelled; and with other errors
/// only when the server refuses the watch.
///
/// Each iterator is a stream of its own.
public struct EtcdWatch: AsyncSequence, Sendable {
    /// The changes of one or more whole revisions.
    public struct Batch: Hashable, Sendable {
        /// The store's revision when the batch was made; without events, everything up to it has been delivered.
        public let revision: Int64
        /// Never parts of a revision; empty for a sign of life.
        public let events: [EtcdEvent]
    }

    public typealias Element = Batch

    let client: EtcdClient
    let keys: EtcdKeyRange
    let startRevision: Int64?
    let returnsPrevious: Bool

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(position: WatchPosition(self))
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let position: WatchPosition

        public mutating func next() async throws -> Batch? { try await self.position.next() }
    }
}

extension EtcdClient {
    /// Watches keys.
    ///
    /// - Parameters:
    ///   - keys: Which keys.
    ///   - revision: The first revision whose changes are wanted; `nil` for those after the watch's start.
    ///   - returningPrevious: Whether events tell what was there before.
    public func watch(
        _ keys: EtcdKeyRange, from revision: Int64? = nil, returningPrevious: Bool = false
    ) -> EtcdWatch {
        EtcdWatch(client: self, keys: keys, startRevision: revision, returnsPrevious: returningPrevious)
    }
}

/// Where one iterator of a watch stands. Used by one task at a time, as iterators are.
final class WatchPosition {
    private let watch: EtcdWatch
    /// The first revision that hasn't been delivered; `nil` until the start is known.
    private var nextRevision: Int64?
    private var stream: ClientStream?
    private var endpoint = 0
    private var pause = EtcdClient.firstPause

    init(_ watch: EtcdWatch) {
        self.watch = watch
        self.nextRevision = watch.startRevision
    }

    deinit { self.stream?.cancel() }

    func next() async throws -> EtcdWatch.Batch? {
        while true {
            try Task.checkCancellation()
            do {
                let stream = try await self.open()
                guard let bytes = try await stream.next() else {
                    throw GRPCStatus(.unavailable, "the watch stream ended")
                }
                if let batch = try self.batch(try Etcdserverpb_WatchResponse(serializedBytes: bytes)) { return batch }
            } catch let status as GRPCStatus {
                if Task.isCancelled { throw CancellationError() }
                try await self.broke(EtcdError(status))
            } catch let error as EtcdError where error.code == .unavailable || error.code == .timeout {
                try await self.broke(error)
            } catch {
                self.stream?.cancel()
                self.stream = nil
                throw error
            }
        }
    }

    /// Whether another try may help: all but what the server itself refuses.
    private func broke(_ error: EtcdError) async throws {
        self.stream?.cancel()
        self.stream = nil
        switch error.code {
        case .unavailable, .timeout, .other: break
        default: throw error
        }
        self.watch.client.leave(self.endpoint)
        try await Task.sleep(for: self.pause)
        self.pause = min(self.pause * 2, EtcdClient.longestPause)
    }

    private func open() async throws -> ClientStream {
        if let stream = self.stream { return stream }
        if self.nextRevision == nil {
            // The start is made a number first, so that a connection lost before the first event costs none.
            self.nextRevision = try await self.watch.client.get(self.watch.keys) { $0.isCountOnly = true }.revision + 1
        }
        let (connection, endpoint) = try self.watch.client.connection()
        self.endpoint = endpoint
        var options = WireCallOptions()
        options.maximumMessageBytes = self.watch.client.configuration.maximumMessageBytes
        let stream = try await connection.openStream("/etcdserverpb.Watch/Watch", options: options)
        // A server that is stopped accepts connections and says nothing: the answer to the request has a limit.
        let limit = Task { [timeout = self.watch.client.configuration.timeout] in
            try await Task.sleep(for: timeout)
            stream.cancel()
        }
        defer { limit.cancel() }
        do {
            try await stream.write(try self.request().serializedBytes())
            guard let bytes = try await stream.next() else {
                throw GRPCStatus(.unavailable, "the watch stream ended")
            }
            _ = try self.batch(try Etcdserverpb_WatchResponse(serializedBytes: bytes))
        } catch {
            stream.cancel()
            guard let status = error as? GRPCStatus, status.code == .cancelled, !Task.isCancelled else { throw error }
            throw GRPCStatus(.unavailable, "no answer to a watch request")
        }
        self.stream = stream
        self.pause = EtcdClient.firstPause
        return stream
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
    private func batch(_ response: Etcdserverpb_WatchResponse) throws -> EtcdWatch.Batch? {
        if response.compactRevision > 0 {
            throw EtcdError(
                .compacted, "etcdserver: mvcc: required revision has been compacted",
                compactRevision: response.compactRevision)
        }
        if response.canceled {
            throw EtcdError(.invalidRequest, response.cancelReason.isEmpty ? "watch canceled" : response.cancelReason)
        }
        if response.created { return nil }
        if let last = response.events.last {
            self.nextRevision = last.kv.modRevision + 1
        } else {
            self.nextRevision = max(self.nextRevision ?? 0, response.header.revision + 1)
        }
        return EtcdWatch.Batch(revision: response.header.revision, events: response.events.map { EtcdEvent($0) })
    }
}
