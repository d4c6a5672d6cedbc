// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletGRPCWire
import MartletKeyValue
import NIOCore
import SwiftProtobuf

/// One client's Watch call: any number of watchers whose responses share a stream.
///
/// When more than ``ServerCall/outboundHighWater`` bytes wait for the socket, the store is told that the stream is
/// full; its watchers then fall behind, and read history once the stream has drained. So a slow client costs no
/// memory and loses no event.
final class WatchStream: ServerCallEvents, WatchSink {
    let store: MemberStore
    let call: any EtcdCall
    let id: WatchStreamID
    /// Watchers that asked for large responses to be split.
    private var fragmenting: Set<WatchID> = []
    /// Watchers that asked for progress; true when nothing was sent to them since the last tick.
    private var idle: [WatchID: Bool] = [:]
    private var progressTimer: LoopTimer?
    private var isFull = false
    private var isClosed = false

    init(store: MemberStore, call: any EtcdCall) {
        self.store = store
        self.call = call
        id = store.keyValue.openWatchStream()
        store.watchStreams[id] = self
    }

    // MARK: What the client sends

    func received(_ message: [UInt8]) {
        guard !isClosed, let request = call.decoded(message, as: Etcdserverpb_WatchRequest.self) else { return }
        guard call.queuedBytes < Self.maximumUnreadBytes else {
            end(GRPCStatus(.resourceExhausted, "watch responses are not read"))
            return
        }
        switch request.requestUnion {
        case .createRequest(let request): create(request)
        case .cancelRequest(let request): cancel(WatchID(request.watchID))
        case .progressRequest: answerProgress()
        case nil: break  // etcd ignores a request without content
        }
        noteFilling()
    }

    func receivedEnd() {
        end(.ok)
    }

    func becameWritable() {
        guard isFull, !isClosed else { return }
        isFull = false
        store.keyValue.markWatchStreamDrained(id)
        store.deliverWatches()
    }

    func closed() {
        guard !isClosed else { return }
        isClosed = true
        progressTimer?.cancel()
        progressTimer = nil
        store.watchStreams[id] = nil
        store.keyValue.closeWatchStream(id)
    }

    /// Ends the call from this side.
    func end(_ status: GRPCStatus) {
        guard !isClosed else { return }
        closed()
        call.finish(status)
    }

    private func create(_ request: Etcdserverpb_WatchCreateRequest) {
        var response = Etcdserverpb_WatchResponse()
        response.header = store.header
        response.created = true
        do throws(KeyValueError) {
            let watch = try store.keyValue.createWatch(WatchRequest(request), on: id)
            response.watchID = watch.rawValue
            if request.fragment { fragmenting.insert(watch) }
            if request.progressNotify {
                idle[watch] = true
                startProgressTimer()
            }
        } catch {
            response.watchID = WatchID.invalid.rawValue
            response.canceled = true
            response.cancelReason = WatchRefusal.reason(for: error)
        }
        call.send(response)
        store.deliverWatches()
    }

    private func cancel(_ watch: WatchID) {
        guard store.keyValue.cancelWatch(watch, on: id) else { return }
        forget(watch)
        var response = Etcdserverpb_WatchResponse()
        response.header = store.header
        response.watchID = watch.rawValue
        response.canceled = true
        call.send(response)
    }

    private func forget(_ watch: WatchID) {
        fragmenting.remove(watch)
        idle[watch] = nil
    }

    // MARK: Progress

    private func answerProgress() {
        guard let revision = store.keyValue.progressRevision(on: id) else { return }
        sendProgress(to: .invalid, revision: revision)
    }

    private func sendProgress(to watch: WatchID, revision: Int64) {
        var response = Etcdserverpb_WatchResponse()
        response.header = store.header(revision: revision)
        response.watchID = watch.rawValue
        call.send(response)
    }

    /// Ticks at the interval and up to a tenth more, so that the streams of one moment do not stay in step.
    private func startProgressTimer() {
        guard progressTimer == nil else { return }
        let interval = max(store.configuration.watchProgressInterval, Self.minimumProgressInterval)
        let period = TimeAmount(interval) + TimeAmount(interval * Double.random(in: 0..<0.1))
        progressTimer = LoopTimer(period: period, on: store.eventLoop) { [weak self] in self?.progressTick() }
    }

    private func progressTick() {
        for watch in idle.keys.sorted() {
            if idle[watch] == true, let revision = store.keyValue.progressRevision(of: watch, on: id) {
                sendProgress(to: watch, revision: revision)
            }
            idle[watch] = true
        }
        noteFilling()
    }

    // MARK: What the store sends

    func deliver(_ delivery: WatchDelivery, encoder: inout WatchEventEncoder) {
        var response = Etcdserverpb_WatchResponse()
        response.header = store.header(revision: delivery.revision)
        response.watchID = delivery.watch.rawValue
        switch delivery.content {
        case .canceled(let compactRevision):
            forget(delivery.watch)
            response.canceled = true
            response.compactRevision = compactRevision
            call.send(response)
        case .events(let events):
            store.counters.watchEvents += UInt64(events.count)
            if idle[delivery.watch] != nil { idle[delivery.watch] = false }
            do {
                try send(response, fields: events.map { event in try encoder.field(for: event) })
            } catch {
                end(GRPCStatus(.resourceExhausted, "grpc: trying to send message larger than max: \(error)"))
                return
            }
        }
        noteFilling()
    }

    /// Sends `head` with the encoded events behind it, in pieces where the watcher allows that.
    private func send(_ head: Etcdserverpb_WatchResponse, fields: [[UInt8]]) throws {
        var pieces = [fields.indices]
        if fragmenting.contains(WatchID(head.watchID)) {
            pieces = WatchFragments.pieces(
                sizes: fields.map(\.count),
                overhead: Self.responseHeadBytes,
                limit: store.configuration.wireLimitBytes
            )
        }
        for piece in pieces {
            var head = head
            head.fragment = piece.upperBound < fields.count
            var message: [UInt8] = try head.serializedBytes()
            message.reserveCapacity(fields[piece].reduce(message.count) { $0 + $1.count })
            for field in fields[piece] {
                message.append(contentsOf: field)
            }
            call.send(message)
        }
    }

    private func noteFilling() {
        guard !isFull, !isClosed, call.queuedBytes > ServerCall.outboundHighWater else { return }
        isFull = true
        store.keyValue.markWatchStreamFull(id)
    }

    // MARK: Limits

    /// A client that sends requests but reads no responses is cut off here. Room for some batches of history.
    private static let maximumUnreadBytes = 64 << 20
    /// What header, watch id and flags of a response take at most.
    private static let responseHeadBytes = 64
    /// Below this, progress would be load, not news.
    private static let minimumProgressInterval = Duration.milliseconds(100)
}
