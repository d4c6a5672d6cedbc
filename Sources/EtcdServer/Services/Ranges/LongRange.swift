// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire
import MartletKeyValue

/// A range that takes long to read. It is read of a snapshot, on a thread beside the loop, part by part as the socket
/// takes them: neither the loop nor memory notices how long it is. Confined to the loop.
///
/// What it reads is as of the moment it was begun. Versions that compaction removes meanwhile stay in memory until it
/// ends.
final class LongRange: ServerCallEvents {
    private let store: MemberStore
    private let call: any EtcdCall
    private let shape: RangeParts.Shape
    /// `nil` while a thread makes a part.
    private var parts: RangeParts?
    /// The socket has taken less than it was given.
    private var waitsForRoom = false
    private var isClosed = false

    private init(_ store: MemberStore, _ call: any EtcdCall, _ shape: RangeParts.Shape) {
        self.store = store
        self.call = call
        self.shape = shape
    }

    /// Answers a unary call.
    static func answer(_ request: RangeRequest, _ call: any EtcdCall, of store: MemberStore) {
        let range = LongRange(store, call, .message)
        let (snapshot, head) = (store.keyValue.snapshot, store.responseHead)
        range.work {
            Result { () throws(KeyValueError) in
                var parts = try RangeParts(request, of: snapshot, .message, head)
                return (parts.byteCount(), parts)
            }
        } then: { result in
            switch result {
            case .failure(let error):
                call.fail(EtcdError(error))
            case .success((let byteCount, let parts)):
                range.parts = parts
                call.beginResponse(byteCount: byteCount, events: range)
                range.makePart()
            }
        }
    }

    /// Answers by a stream of messages.
    static func stream(_ request: RangeRequest, _ call: any EtcdCall, of store: MemberStore) -> LongRange {
        let range = LongRange(store, call, .stream)
        let (snapshot, head) = (store.keyValue.snapshot, store.responseHead)
        range.work {
            Result { () throws(KeyValueError) in try RangeParts(request, of: snapshot, .stream, head) }
        } then: { result in
            switch result {
            case .failure(let error):
                call.fail(EtcdError(error))
            case .success(let parts):
                range.parts = parts
                range.makePart()
            }
        }
        return range
    }

    private func makePart() {
        guard !isClosed, let current = parts.take() else { return }
        work {
            var parts = current
            let part = parts.next()
            return (part, parts)
        } then: { [self] part, rest in
            guard !isClosed else { return }
            guard let part else { return call.finish(.ok) }
            parts = rest
            switch shape {
            case .message: call.sendPart(part)
            case .stream: call.send(part)
            }
            waitsForRoom = call.queuedBytes > ServerCall.outboundHighWater
            if !waitsForRoom { makePart() }
        }
    }

    private func work<Value: Sendable>(
        _ body: @escaping @Sendable () -> Value, then answer: @escaping (Value) -> Void
    ) {
        if !store.longReads.run(body, then: answer) { call.fail(.tooManyRequests) }
    }

    // MARK: The call's events

    func received(_ message: [UInt8]) {}
    func receivedEnd() {}

    func becameWritable() {
        guard waitsForRoom else { return }
        waitsForRoom = false
        makePart()
    }

    func closed() {
        isClosed = true
        parts = nil
    }
}
