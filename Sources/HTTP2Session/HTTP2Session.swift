// SPDX-License-Identifier: Apache-2.0

import CMartletNghttp2

/// One HTTP/2 connection as libnghttp2 sees it: bytes in, events out, orders in, bytes out.
///
/// A session does no I/O and knows no event loop; whoever owns it calls it from one thread at a time. Framing, HPACK,
/// flow control, SETTINGS, PING acknowledgement and validation of messages are nghttp2's. A stream's receive window
/// returns only by ``consume(stream:bytes:)``, the connection's by ``consumeConnection(bytes:)``.
package final class HTTP2Session {
    package enum Role: Sendable {
        case server, client
    }

    private let session: OpaquePointer
    private let inbox: UnsafeMutablePointer<Inbox>
    /// Bodies that nghttp2 may still pull from: it holds them unretained.
    private var bodies = StreamTable<OutboundBody>()
    package let role: Role

    /// Starts a session and queues its SETTINGS (and, on a client, the preface).
    package init(role: Role, settings: HTTP2Settings) {
        self.role = role
        self.inbox = .allocate(capacity: 1)
        self.inbox.initialize(to: Inbox())
        self.inbox.pointee.maximumHeaderListBytes = settings.maximumHeaderListBytes
        self.inbox.pointee.isServer = role == .server
        self.session = Self.makeSession(role: role, settings: settings, inbox: self.inbox)
        self.announce(settings)
    }

    deinit {
        nghttp2_session_del(self.session)
        self.inbox.deinitialize(count: 1)
        self.inbox.deallocate()
    }

    private static func makeSession(
        role: Role, settings: HTTP2Settings, inbox: UnsafeMutablePointer<Inbox>
    ) -> OpaquePointer {
        var option: OpaquePointer?
        precondition(nghttp2_option_new(&option) == 0, "out of memory")
        defer { nghttp2_option_del(option) }
        nghttp2_option_set_no_auto_window_update(option, 1)
        nghttp2_option_set_no_closed_streams(option, 1)
        // `RequestFieldRules` checks requests in its place.
        if role == .server { nghttp2_option_set_no_http_messaging(option, 1) }
        nghttp2_option_set_max_settings(option, settings.maximumSettingsEntries)
        nghttp2_option_set_max_outbound_ack(option, settings.maximumQueuedAcknowledgements)
        _ = martlet_nghttp2_limit_resets(option, settings.resetBurst, settings.resetsPerSecond)
        _ = martlet_nghttp2_limit_continuations(option, settings.maximumContinuations)
        var session: OpaquePointer?
        let code =
            switch role {
            case .server: nghttp2_session_server_new2(&session, Callbacks.table, inbox, option)
            case .client: nghttp2_session_client_new2(&session, Callbacks.table, inbox, option)
            }
        precondition(code == 0, "out of memory")
        // Non-nil: creation succeeded.
        return session!
    }

    private func announce(_ settings: HTTP2Settings) {
        var entries = [
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: settings.streamWindowBytes),
            nghttp2_settings_entry(
                settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(clamping: settings.maximumHeaderListBytes)),
        ]
        switch self.role {
        case .server:
            entries.append(
                nghttp2_settings_entry(
                    settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                    value: settings.maximumConcurrentStreams))
        case .client:
            entries.append(
                nghttp2_settings_entry(settings_id: Int32(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
        }
        self.check(nghttp2_submit_settings(self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count))
        self.check(
            nghttp2_session_set_local_window_size(
                self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: settings.connectionWindowBytes)))
    }

    /// Traps on what can only be our own bug or the end of memory; `code` comes from a call whose arguments we made.
    private func check(_ code: Int32) {
        precondition(code >= 0, "nghttp2: \(Self.text(code))")
    }

    static func text(_ code: Int32) -> String {
        String(cString: nghttp2_strerror(code))
    }

    // MARK: Bytes in, bytes out

    /// Reads what arrived. What it meant is in ``takeEvents()``; `data` events are offsets into `bytes`.
    ///
    /// - Throws: ``HTTP2Failure`` when the peer broke the protocol beyond repair. A GOAWAY may be queued then: send it.
    package func receive(_ bytes: UnsafeRawBufferPointer) throws(HTTP2Failure) {
        guard let start = bytes.baseAddress else { return }
        self.inbox.pointee.input = start
        let count = nghttp2_session_mem_recv(self.session, start.assumingMemoryBound(to: UInt8.self), bytes.count)
        self.inbox.pointee.input = nil
        if count < 0 {
            let code = Int32(truncatingIfNeeded: count)
            throw HTTP2Failure(
                code: code, description: Self.text(code), isFlood: code == Int32(NGHTTP2_ERR_FLOODED.rawValue))
        }
    }

    /// What happened since the last call, in order. Sending makes events too (a closed stream).
    package func takeEvents() -> [HTTP2Event] {
        let events = self.inbox.pointee.events
        self.inbox.pointee.events = []
        return events
    }

    /// Gives back the array of ``takeEvents()``, so that its storage serves again.
    package func recycle(_ events: consuming [HTTP2Event]) {
        guard self.inbox.pointee.events.isEmpty else { return }
        events.removeAll(keepingCapacity: true)
        self.inbox.pointee.events = events
    }

    package var hasEvents: Bool { !self.inbox.pointee.events.isEmpty }

    /// The next bytes for the peer, or `nil` when there is nothing to send now. Valid until the next call.
    package func nextOutbound() throws(HTTP2Failure) -> UnsafeRawBufferPointer? {
        var start: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(self.session, &start)
        if count < 0 {
            throw HTTP2Failure(code: Int32(truncatingIfNeeded: count), description: Self.text(Int32(count)))
        }
        return count == 0 ? nil : UnsafeRawBufferPointer(start: start, count: count)
    }

    package var wantsToSend: Bool { nghttp2_session_want_write(self.session) != 0 }
    /// Nothing will be read or written any more: after GOAWAY, when the last stream has closed.
    package var isFinished: Bool {
        nghttp2_session_want_read(self.session) == 0 && nghttp2_session_want_write(self.session) == 0
    }

    // MARK: Streams

    /// Opens a stream and returns its id, or `nil` when this session can open no more (a GOAWAY, ids used up).
    package func request(_ headers: HeaderBlock, body: (Int32) -> OutboundBody?) -> Int32? {
        let next = nghttp2_session_get_next_stream_id(self.session)
        guard next <= UInt32(Int32.max), nghttp2_session_check_request_allowed(self.session) != 0 else { return nil }
        let body = body(Int32(next))
        let stream = self.withProvider(body) { provider in
            headers.withNameValues { nghttp2_submit_request(self.session, nil, $0, $1, provider, nil) }
        }
        guard stream > 0 else { return nil }
        if let body { self.bodies.insert(body, for: stream) }
        return stream
    }

    /// Sends response headers, then what `body` holds and will hold. Without a body the headers end the stream.
    package func respond(_ stream: Int32, _ headers: HeaderBlock, body: OutboundBody?) {
        if let body { self.bodies.insert(body, for: stream) }
        // A stream that has just been reset is stale, not wrong: the error is dropped, its close event tells the owner.
        _ = self.withProvider(body) { provider in
            headers.withNameValues { nghttp2_submit_response(self.session, stream, $0, $1, provider) }
        }
    }

    /// Makes nghttp2 pull from the stream's body again after something was appended to it or it was ended.
    package func resume(_ body: OutboundBody) {
        guard body.isDeferred else { return }
        body.isDeferred = false
        _ = nghttp2_session_resume_data(self.session, body.streamID)
    }

    /// Whether nghttp2 still has the stream.
    package func isOpen(_ stream: Int32) -> Bool {
        nghttp2_session_get_stream_remote_close(self.session, stream) >= 0
    }

    package func reset(_ stream: Int32, _ code: HTTP2ErrorCode) {
        self.check(
            nghttp2_submit_rst_stream(self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue))
    }

    /// Drops the body of a closed stream. To be called for every ``HTTP2Event/closed(stream:code:)``.
    package func forget(_ stream: Int32) {
        self.bodies.remove(stream)
    }

    private func withProvider<Result>(
        _ body: OutboundBody?, _ submit: (UnsafePointer<nghttp2_data_provider>?) -> Result
    ) -> Result {
        guard let body else { return submit(nil) }
        var provider = nghttp2_data_provider()
        provider.source.ptr = Unmanaged.passUnretained(body).toOpaque()
        provider.read_callback = Callbacks.readBody
        return submit(&provider)
    }

    // MARK: Flow control

    /// The reader of `stream` took `bytes`: the peer may send that many more there.
    package func consume(stream: Int32, bytes: Int) {
        _ = nghttp2_session_consume_stream(self.session, stream, bytes)
    }

    /// `bytes` arrived on some stream and need not hold back the others.
    package func consumeConnection(bytes: Int) {
        _ = nghttp2_session_consume_connection(self.session, bytes)
    }

    // MARK: The connection

    package func ping(payload: UInt64) {
        withUnsafeBytes(of: payload) { bytes in
            self.check(
                nghttp2_submit_ping(
                    self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue),
                    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)))
        }
    }

    /// First step of a drain: tells the peer to open no more streams, without refusing those under way.
    package func announceShutdown() {
        _ = nghttp2_submit_shutdown_notice(self.session)
    }

    /// Sends GOAWAY for streams above the last one processed; what is open may finish.
    package func goAway(_ code: HTTP2ErrorCode, message: String = "") {
        let last = nghttp2_session_get_last_proc_stream_id(self.session)
        let text = Array(message.utf8)
        _ = nghttp2_submit_goaway(
            self.session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code.rawValue, text, text.count)
    }

    /// Sends GOAWAY and ends the session: nothing more is processed.
    package func terminate(_ code: HTTP2ErrorCode) {
        _ = nghttp2_session_terminate_session(self.session, code.rawValue)
    }

    /// Streams the peer lets us have open at once.
    package var peerMaximumConcurrentStreams: UInt32 {
        nghttp2_session_get_remote_settings(self.session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
    }
}
