// SPDX-License-Identifier: Apache-2.0

/// What a peer did, in the order in which it did it.
package enum HTTP2Event: Sendable {
    /// A header block: a request or response head, or trailers.
    ///
    /// `isOversize` says that fields beyond the limit of the header list were dropped.
    case headers(stream: Int32, block: HeaderBlock, kind: HeaderKind, isEndOfStream: Bool, isOversize: Bool)
    /// Body bytes: `length` bytes at `offset` of the input that is being received.
    case data(stream: Int32, offset: Int, length: Int)
    /// The peer will send nothing more on this stream.
    case endOfStream(stream: Int32)
    /// Both sides are done with the stream, or one of them reset it.
    case closed(stream: Int32, code: HTTP2ErrorCode)
    /// We sent the last frame of a stream that the peer has not finished.
    case finishedEarly(stream: Int32)
    case pingAcknowledged(payload: UInt64)
    /// The peer sent a PING; the acknowledgement goes out by itself.
    case pingReceived
    case goAway(lastStream: Int32, code: HTTP2ErrorCode, message: String)
    /// The peer's SETTINGS arrived; its limits may have changed.
    case settingsReceived
    /// A submitted request never left: the peer's stream limit or a GOAWAY stands in the way.
    case notSent(stream: Int32)
    /// A GOAWAY of ours has been written.
    case goAwaySent
    /// A server has reset more streams for malformed frames than ``HTTP2Settings/maximumErrorResets``.
    case resetFlood

    package enum HeaderKind: Sendable {
        case request, response, trailers
    }
}
