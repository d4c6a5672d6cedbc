// SPDX-License-Identifier: Apache-2.0

/// What one side of an HTTP/2 connection announces, and the limits it holds its peer to.
package struct HTTP2Settings: Sendable {
    /// Streams the peer may have open at once. 10,000 idle watches on one connection must fit.
    package var maximumConcurrentStreams: UInt32 = 1 << 16
    /// Bytes a peer may send on one stream before the reader takes some.
    package var streamWindowBytes: UInt32 = 1 << 20
    /// Bytes a peer may send on all streams before they are taken.
    package var connectionWindowBytes: UInt32 = 16 << 20
    /// Size of a header list as HTTP/2 counts it; a longer one is not kept and its event says so.
    package var maximumHeaderListBytes = 64 << 10
    /// Stream resets a client may send at once, then a second. nghttp2's own 1,000 and 33 end the connections of
    /// clients that reset each stream after its trailers, as go-micro's do.
    package var resetBurst: UInt64 = 10_000
    package var resetsPerSecond: UInt64 = 1_000
    /// Streams of one connection that a server resets for malformed frames. Each costs a handler that was started in
    /// vain, and the client's own limit of resets does not see them. Source: CVE-2025-8671.
    package static let maximumErrorResets = 1_000
    /// CONTINUATION frames in one header block.
    package var maximumContinuations = 8
    /// Entries in one SETTINGS frame.
    package var maximumSettingsEntries = 32
    /// PING and SETTINGS acknowledgements that may wait to be sent; more is a flood.
    package var maximumQueuedAcknowledgements = 1_000

    package init() {}
}

/// An HTTP/2 error code. Source: RFC 9113 §7.
package struct HTTP2ErrorCode: RawRepresentable, Hashable, Sendable {
    package var rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let noError = Self(rawValue: 0)
    package static let protocolError = Self(rawValue: 1)
    package static let internalError = Self(rawValue: 2)
    package static let refusedStream = Self(rawValue: 7)
    package static let cancel = Self(rawValue: 8)
    package static let enhanceYourCalm = Self(rawValue: 11)
    package static let inadequateSecurity = Self(rawValue: 12)

    /// A frame that was malformed, or stood where it may not: PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED,
    /// FRAME_SIZE_ERROR and COMPRESSION_ERROR.
    var isPeersFault: Bool { [1, 3, 5, 6, 9].contains(self.rawValue) }
}

/// The session is of no further use; the connection must be closed.
package struct HTTP2Failure: Error, CustomStringConvertible {
    /// nghttp2's error number, negative.
    package var code: Int32
    package var description: String

    /// The peer made us queue more answers than the limits allow.
    package let isFlood: Bool

    package init(code: Int32, description: String, isFlood: Bool = false) {
        self.isFlood = isFlood
        self.code = code
        self.description = description
    }
}
