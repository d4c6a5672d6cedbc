// SPDX-License-Identifier: Apache-2.0

import CMartletNghttp2
import DequeModule

/// Body bytes that wait on all streams of one connection.
package final class QueuedByteCounter {
    package fileprivate(set) var bytes = 0

    package init() {}
}

/// What one stream still has to send: chunks of bytes, then possibly trailers, then the end.
///
/// Confined to the thread of its session. nghttp2 pulls from it inside `nghttp2_session_mem_send`; an empty body that
/// has not ended defers its stream until ``HTTP2Session/resume(_:)``.
package final class OutboundBody {
    /// A run of bytes, with up to eight bytes in front (the gRPC message header), so that a message goes out without
    /// being copied behind its header first.
    struct Chunk {
        /// The leading bytes, lowest first.
        var prefix: UInt64
        var prefixBytes: Int
        var bytes: [UInt8]

        var count: Int { self.prefixBytes + self.bytes.count }
    }

    package let streamID: Int32
    private var current: Chunk?
    private var offset = 0
    private var waiting: Deque<Chunk> = []
    private(set) var trailers: HeaderBlock?
    private(set) var isEnded = false
    /// Whether nghttp2 was told to wait for ``HTTP2Session/resume(_:)``.
    var isDeferred = false
    /// Bytes appended and not yet pulled by nghttp2.
    package private(set) var queuedBytes = 0
    private let counter: QueuedByteCounter

    package init(streamID: Int32, counter: QueuedByteCounter) {
        self.streamID = streamID
        self.counter = counter
    }

    deinit {
        self.counter.bytes -= self.queuedBytes
    }

    /// Appends `bytes` behind the lowest `prefixBytes` bytes of `prefix`.
    package func append(_ bytes: [UInt8], prefix: UInt64 = 0, prefixBytes: Int = 0) {
        let chunk = Chunk(prefix: prefix, prefixBytes: prefixBytes, bytes: bytes)
        self.queuedBytes += chunk.count
        self.counter.bytes += chunk.count
        if self.current == nil {
            self.current = chunk
        } else {
            self.waiting.append(chunk)
        }
    }

    /// Nothing follows but `trailers`. Ignored when the body has already ended.
    package func end(trailers: HeaderBlock?) {
        guard !self.isEnded else { return }
        self.isEnded = true
        self.trailers = trailers
    }

    /// Forgets what has not been sent; the stream is about to be reset.
    package func discard() {
        self.current = nil
        self.offset = 0
        self.waiting.removeAll()
        self.counter.bytes -= self.queuedBytes
        self.queuedBytes = 0
    }

    /// Copies queued bytes into `target` and returns how many.
    func pull(into target: UnsafeMutableRawBufferPointer) -> Int {
        var written = 0
        while written < target.count, let chunk = self.current {
            let room = UnsafeMutableRawBufferPointer(rebasing: target[written...])
            written += Self.copy(chunk, from: self.offset, into: room, advancing: &self.offset)
            if self.offset == chunk.count {
                self.current = self.waiting.popFirst()
                self.offset = 0
            }
        }
        self.queuedBytes -= written
        self.counter.bytes -= written
        return written
    }

    var isEmpty: Bool { self.current == nil }
    /// Everything was pulled, the end included.
    package var isFullySent: Bool { self.isEnded && self.isEmpty }

    private static func copy(
        _ chunk: Chunk, from start: Int, into room: UnsafeMutableRawBufferPointer, advancing offset: inout Int
    ) -> Int {
        var written = 0
        var position = start
        while position < chunk.prefixBytes, written < room.count {
            room[written] = UInt8(truncatingIfNeeded: chunk.prefix >> UInt64(position * 8))
            written += 1
            position += 1
        }
        if position >= chunk.prefixBytes, written < room.count {
            let first = position - chunk.prefixBytes
            let length = min(chunk.bytes.count - first, room.count - written)
            chunk.bytes.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: room[written..<(written + length)])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first..<(first + length)]))
            }
            written += length
            position += length
        }
        offset = position
        return written
    }
}
