// SPDX-License-Identifier: Apache-2.0

import CMartletNghttp2

/// What nghttp2's callbacks write to while it runs.
///
/// It lives behind a raw pointer, outside the session object: nghttp2 calls back while a method of the session runs,
/// and nothing of the session may be under access then.
struct Inbox: ~Copyable {
    var events: [HTTP2Event] = []
    /// The header block that is being decoded.
    var fields = FieldScratch()
    var fieldListBytes = 0
    var isOversize = false
    /// Start of the input that nghttp2 reads now; data events are offsets from here.
    var input: UnsafeRawPointer?
    var maximumHeaderListBytes = 0
    var isServer = false
    /// On a server: whether the block that is being decoded is well formed so far.
    var rules = RequestFieldRules(isTrailers: false)
    /// Streams that were reset because of what the peer sent on them.
    var errorResets = 0
}

/// The callbacks, shared by all sessions of the process.
///
/// nghttp2 copies the table into each session, so it is built once and never freed. `user_data` is the session's
/// `Inbox`.
enum Callbacks {
    // nonisolated(unsafe): written once by the thread-safe initialiser of a static, then only read.
    nonisolated(unsafe) static let table: OpaquePointer = {
        var table: OpaquePointer?
        precondition(nghttp2_session_callbacks_new(&table) == 0, "out of memory")
        nghttp2_session_callbacks_set_on_begin_headers_callback(table, onBeginHeaders)
        nghttp2_session_callbacks_set_on_header_callback(table, onHeader)
        nghttp2_session_callbacks_set_on_frame_recv_callback(table, onFrame)
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table, onData)
        nghttp2_session_callbacks_set_on_stream_close_callback(table, onClose)
        nghttp2_session_callbacks_set_on_frame_send_callback(table, onFrameSent)
        nghttp2_session_callbacks_set_on_frame_not_send_callback(table, onFrameNotSent)
        // Non-nil: allocation succeeded above.
        return table!
    }()

    private typealias FramePointer = UnsafePointer<nghttp2_frame>?

    @inline(__always)
    private static func inbox(_ pointer: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Inbox> {
        // Non-nil: every session is created with its inbox as user data.
        pointer!.assumingMemoryBound(to: Inbox.self)
    }

    private static let onBeginHeaders: nghttp2_on_begin_headers_callback = { _, frame, userData in
        let inbox = Callbacks.inbox(userData)
        if let frame, inbox.pointee.isServer {
            inbox.pointee.rules = RequestFieldRules(
                isTrailers: frame.pointee.headers.cat != NGHTTP2_HCAT_REQUEST)
        }
        inbox.pointee.fields.removeAll()
        inbox.pointee.fieldListBytes = 0
        inbox.pointee.isOversize = false
        return 0
    }

    private static let onHeader: nghttp2_on_header_callback = {
        session, frame, name, nameBytes, value, valueBytes, _, userData in
        let inbox = Callbacks.inbox(userData)
        let name = UnsafeRawBufferPointer(start: name, count: nameBytes)
        let value = UnsafeRawBufferPointer(start: value, count: valueBytes)
        if inbox.pointee.isServer, !inbox.pointee.rules.allows(name, value) {
            return Callbacks.refuse(frame, session)
        }
        inbox.pointee.fieldListBytes += nameBytes + valueBytes + HeaderBlock.fieldOverheadBytes
        guard inbox.pointee.fieldListBytes <= inbox.pointee.maximumHeaderListBytes, nameBytes <= UInt16.max else {
            inbox.pointee.isOversize = true
            return 0
        }
        inbox.pointee.fields.append(name, value)
        return 0
    }

    /// Resets the stream of a malformed block; nghttp2 drops what is left of the block.
    private static func refuse(_ frame: UnsafePointer<nghttp2_frame>?, _ session: OpaquePointer?) -> Int32 {
        if let frame {
            _ = nghttp2_submit_rst_stream(
                session, UInt8(NGHTTP2_FLAG_NONE.rawValue), frame.pointee.hd.stream_id,
                HTTP2ErrorCode.protocolError.rawValue)
        }
        return Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }

    private static let onData: nghttp2_on_data_chunk_recv_callback = { _, _, stream, data, length, userData in
        let inbox = Callbacks.inbox(userData)
        if length > 0, let data, let input = inbox.pointee.input {
            inbox.pointee.events.append(
                .data(stream: stream, offset: UnsafeRawPointer(data) - input, length: length))
        }
        return 0
    }

    private static let onClose: nghttp2_on_stream_close_callback = { _, stream, code, userData in
        Callbacks.inbox(userData).pointee.events.append(.closed(stream: stream, code: .init(rawValue: code)))
        return 0
    }

    private static let onFrame: nghttp2_on_frame_recv_callback = { session, frame, userData in
        guard let frame else { return 0 }
        let inbox = Callbacks.inbox(userData)
        let header = frame.pointee.hd
        let isEnd = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        let isAcknowledgement = header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            if inbox.pointee.isServer, !inbox.pointee.rules.isComplete, !inbox.pointee.isOversize {
                _ = Callbacks.refuse(frame, session)
                return 0
            }
            let kind: HTTP2Event.HeaderKind
            switch frame.pointee.headers.cat {
            case NGHTTP2_HCAT_REQUEST: kind = .request
            case NGHTTP2_HCAT_RESPONSE: kind = .response
            default:
                // Informational responses come as plain HEADERS too; only a block without :status is trailers.
                kind = inbox.pointee.fields.startsWithStatus ? .response : .trailers
            }
            inbox.pointee.events.append(
                .headers(
                    stream: header.stream_id, block: inbox.pointee.fields.block, kind: kind, isEndOfStream: isEnd,
                    isOversize: inbox.pointee.isOversize))
        case NGHTTP2_DATA.rawValue:
            if isEnd { inbox.pointee.events.append(.endOfStream(stream: header.stream_id)) }
        case NGHTTP2_PING.rawValue:
            if isAcknowledgement {
                let payload = withUnsafeBytes(of: frame.pointee.ping.opaque_data) { $0.loadUnaligned(as: UInt64.self) }
                inbox.pointee.events.append(.pingAcknowledged(payload: payload))
            } else {
                inbox.pointee.events.append(.pingReceived)
            }
        case NGHTTP2_GOAWAY.rawValue:
            let goAway = frame.pointee.goaway
            let text = UnsafeRawBufferPointer(start: goAway.opaque_data, count: goAway.opaque_data_len)
            inbox.pointee.events.append(
                .goAway(
                    lastStream: goAway.last_stream_id, code: .init(rawValue: goAway.error_code),
                    message: String(decoding: text, as: UTF8.self)))
        case NGHTTP2_SETTINGS.rawValue:
            if !isAcknowledgement { inbox.pointee.events.append(.settingsReceived) }
        default:
            // PRIORITY, WINDOW_UPDATE, RST_STREAM (told by onClose) and unknown frames: nghttp2 acts on them.
            break
        }
        return 0
    }

    private static let onFrameSent: nghttp2_on_frame_send_callback = { session, frame, userData in
        guard let frame else { return 0 }
        let header = frame.pointee.hd
        let inbox = Callbacks.inbox(userData)
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue, NGHTTP2_DATA.rawValue:
            let isEnd = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
            if isEnd, inbox.pointee.isServer, nghttp2_session_get_stream_remote_close(session, header.stream_id) == 0 {
                inbox.pointee.events.append(.finishedEarly(stream: header.stream_id))
            }
        case NGHTTP2_GOAWAY.rawValue:
            inbox.pointee.events.append(.goAwaySent)
        case NGHTTP2_RST_STREAM.rawValue:
            guard inbox.pointee.isServer, HTTP2ErrorCode(rawValue: frame.pointee.rst_stream.error_code).isPeersFault
            else { break }
            inbox.pointee.errorResets += 1
            if inbox.pointee.errorResets == HTTP2Settings.maximumErrorResets + 1 {
                inbox.pointee.events.append(.resetFlood)
            }
        default:
            break
        }
        return 0
    }

    private static let onFrameNotSent: nghttp2_on_frame_not_send_callback = { _, frame, _, userData in
        guard let frame, UInt32(frame.pointee.hd.type) == NGHTTP2_HEADERS.rawValue else { return 0 }
        Callbacks.inbox(userData).pointee.events.append(.notSent(stream: frame.pointee.hd.stream_id))
        return 0
    }

    /// Pulls the next bytes of a body. Submits the trailers when the last byte has gone.
    static let readBody: nghttp2_data_source_read_callback = { session, stream, target, length, flags, source, _ in
        guard let source, let flags else { return Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
        // Alive: the session holds the body until its owner forgets the stream, which nghttp2 has closed then.
        let body = Unmanaged<OutboundBody>.fromOpaque(source.pointee.ptr).takeUnretainedValue()
        let written = body.pull(into: UnsafeMutableRawBufferPointer(start: target, count: length))
        if body.isEmpty {
            if body.isEnded {
                flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
                if let trailers = body.trailers {
                    flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
                    let code = trailers.withNameValues { nghttp2_submit_trailer(session, stream, $0, $1) }
                    if code != 0 { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
                }
            } else if written == 0 {
                body.isDeferred = true
                return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            }
        }
        return written
    }
}

extension HeaderBlock {
    /// Hands the fields to nghttp2 in its own form; the pointers are valid during the call, nghttp2 copies.
    func withNameValues<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        self.storage.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: max(self.count, 1)) { pairs in
                var offset = 0
                var index = 0
                while offset < bytes.count {
                    let nameBytes = Int(bytes.loadUnaligned(fromByteOffset: offset, as: UInt16.self))
                    let valueBytes = Int(bytes.loadUnaligned(fromByteOffset: offset + 2, as: UInt32.self))
                    // nghttp2 takes mutable pointers and only reads through them. Non-nil: `bytes` is not empty here.
                    let name = UnsafeMutableRawPointer(
                        mutating: bytes.baseAddress! + offset + HeaderBlock.fieldPrefixBytes
                    ).assumingMemoryBound(to: UInt8.self)
                    pairs.initializeElement(
                        at: index,
                        to: nghttp2_nv(
                            name: name, value: name + nameBytes, namelen: nameBytes, valuelen: valueBytes,
                            flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)))
                    offset += HeaderBlock.fieldPrefixBytes + nameBytes + valueBytes
                    index += 1
                }
                return body(UnsafePointer(pairs.baseAddress), index)
            }
        }
    }
}
