// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletEtcdAPI
import MartletGRPCWire
import MartletKeyValue
import MartletNode
import NIOCore
import SwiftProtobuf

/// One client's Watch call: any number of watchers whose responses share a stream.
///
/// When more than ``ServerCall/outboundHighWater`` bytes wait for the socket, the stream is full: what the store has
/// delivered by then waits in the backlog, and the store is told to deliver no more; its watchers then fall behind, and
/// read history once the stream has drained. So a slow client costs little memory and loses no event.
final class WatchStream: ServerCallEvents, WatchSink {
    let store: MemberStore
    let call: any EtcdCall
    let id: WatchStreamID
    /// Watchers that asked for large responses to be split.
    private var fragmenting: Set<WatchID> = []
    /// Watchers that asked for progress; true when nothing was sent to them since the last tick.
    private var idle: [WatchID: Bool] = [:]
    private var progressTimer: LoopTimer?
    private var backlog = WatchBacklog()
    /// What goes to the call by the next ``flush()``.
    private var outgoing = MessageBatch()
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
        guard !isClosed, let request = call.decodedOfStream(message, as: Etcdserverpb_WatchRequest.self) else { return }
        guard call.queuedBytes < Self.maximumUnreadBytes, backlog.answerCount < Self.maximumUnreadAnswers else {
            end(GRPCStatus(.resourceExhausted, "watch responses are not read"))
            return
        }
        switch request.requestUnion {
        case .createRequest(let request): create(request)
        case .cancelRequest(let request): cancel(WatchID(request.watchID))
        case .progressRequest: answerProgress()
        case nil: break  // etcd ignores a request without content
        }
    }

    /// A client that has nothing more to ask still wants its events.
    func receivedEnd() {}

    func becameWritable() {
        guard isFull, !isClosed else { return }
        while !isCallFull, let response = backlog.popFirst() { write(response) }
        flush()
        // A call that is full again says so once more when it has room.
        guard !isCallFull else { return }
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
        backlog = WatchBacklog()
    }

    /// Ends the call from this side.
    func end(_ status: GRPCStatus) {
        guard !isClosed else { return }
        flush()
        closed()
        call.finish(status)
    }

    private func create(_ message: Etcdserverpb_WatchCreateRequest) {
        let request = WatchRequest(message)
        var response = Etcdserverpb_WatchResponse()
        response.header = store.header
        response.created = true
        if let refusal = refusal(of: request) {
            response.watchID = WatchID.invalid.rawValue
            response.canceled = true
            response.cancelReason = refusal.watchRefusal
            return answer(response)
        }
        do throws(KeyValueError) {
            let watch = try store.keyValue.createWatch(request, on: id)
            response.watchID = watch.rawValue
            if message.fragment { fragmenting.insert(watch) }
            if message.progressNotify {
                idle[watch] = true
                startProgressTimer()
            }
        } catch {
            response.watchID = WatchID.invalid.rawValue
            response.canceled = true
            response.cancelReason = WatchRefusal.reason(for: error)
        }
        answer(response)
        store.deliverWatches()
    }

    /// Why the client may not see these keys. Asked once: a right that is taken away later ends no watch, as in etcd.
    /// A revision that can't be is told first.
    private func refusal(of request: WatchRequest) -> AuthError? {
        guard request.startRevision >= 0 else { return nil }
        do throws(AuthError) {
            try store.authorize(WatchAccess(request.interval), call)
            return nil
        } catch {
            // The call goes on: only this watch ends.
            if error.isDenial { (call as? AuditedCall)?.note(error, access: .read(request.interval)) }
            return error
        }
    }

    private func cancel(_ watch: WatchID) {
        guard store.keyValue.cancelWatch(watch, on: id) else { return }
        forget(watch)
        backlog.drop(watch)
        var response = Etcdserverpb_WatchResponse()
        response.header = store.header
        response.watchID = watch.rawValue
        response.canceled = true
        answer(response)
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
        answer(response)
    }

    /// Ticks at the interval and up to a tenth more, so that the streams of one moment do not stay in step.
    private func startProgressTimer() {
        guard progressTimer == nil else { return }
        let interval = max(store.configuration.watchProgressInterval, Self.minimumProgressInterval)
        let period = TimeAmount(interval) + TimeAmount(interval * Double.random(in: 0..<0.1))
        progressTimer = LoopTimer(period: period, on: store.eventLoop) { [weak self] in self?.progressTick() }
    }

    /// A client that doesn't read what it has gets no progress on top: it is not where the store is.
    private func progressTick() {
        guard !isFull else { return }
        for watch in idle.keys.sorted() {
            if idle[watch] == true, let revision = store.keyValue.progressRevision(of: watch, on: id) {
                sendProgress(to: watch, revision: revision)
            }
            idle[watch] = true
        }
    }

    // MARK: What the store sends

    func deliver(_ delivery: WatchDelivery, encoder: inout WatchEventEncoder) -> Bool {
        let wasEmpty = outgoing.isEmpty
        take(delivery, &encoder)
        return wasEmpty && !outgoing.isEmpty
    }

    func flush() {
        guard !outgoing.isEmpty else { return }
        let batch = outgoing
        outgoing = MessageBatch()
        guard !isClosed else { return }
        call.send(batch)
        // What is compressed leaves more room than was expected: then nobody else would say so.
        if isFull, !isCallFull { store.eventLoop.assumeIsolated().execute { self.becameWritable() } }
    }

    private func take(_ delivery: WatchDelivery, _ encoder: inout WatchEventEncoder) {
        let watch = delivery.watch
        switch delivery.content {
        case .canceled(let compactRevision):
            forget(watch)
            var response = Etcdserverpb_WatchResponse()
            response.header = store.header(revision: delivery.revision)
            response.watchID = watch.rawValue
            response.canceled = true
            response.compactRevision = compactRevision
            answer(response)
        case .events(let events):
            store.counters.watchEvents += UInt64(events.count)
            if idle[watch] != nil { idle[watch] = false }
            pass(
                .events(
                    watch: watch, revision: delivery.revision, isFragmenting: fragmenting.contains(watch),
                    fields: encoder.fields(for: events)))
        }
    }

    private func answer(_ response: Etcdserverpb_WatchResponse) {
        guard let message = call.encoded(response) else { return }
        pass(.answer(message))
        flush()
    }

    /// Sends the response in its turn, and tells the store when the stream is full by it.
    private func pass(_ response: WatchBacklog.Response) {
        guard !isClosed else { return }
        guard !isFull else { return backlog.append(response) }
        write(response)
        guard isCallFull else { return }
        isFull = true
        store.keyValue.markWatchStreamFull(id)
    }

    var pendingEventCount: Int { backlog.eventCount }

    private var isCallFull: Bool { call.queuedBytes + outgoing.byteCount > ServerCall.outboundHighWater }

    private func write(_ response: WatchBacklog.Response) {
        switch response {
        case .answer(let message):
            outgoing.append(message)
        case .events(let watch, let revision, let isFragmenting, let fields):
            let head = store.watchResponseHead(revision: revision)
            var pieces = [fields.indices]
            if isFragmenting {
                pieces = WatchFragments.pieces(
                    sizes: fields.map(\.count), overhead: Self.responseHeadBytes,
                    limit: store.configuration.wireLimitBytes)
            }
            for piece in pieces {
                WatchResponseBytes.append(
                    head: head, watch: watch, isFragment: piece.upperBound < fields.count, events: fields[piece],
                    to: &outgoing)
            }
        }
    }

    // MARK: Limits

    /// A client that sends requests but reads no responses is cut off here. Room for some batches of history.
    private static let maximumUnreadBytes = 64 << 20
    /// And one that asks this often while responses wait in the backlog: every watcher that it may have created and
    /// cancelled.
    private static let maximumUnreadAnswers = 1 << 17
    /// What header, watch id and flags of a response take at most.
    private static let responseHeadBytes = 64
    /// Below this, progress would be load, not news.
    private static let minimumProgressInterval = Duration.milliseconds(100)
}
