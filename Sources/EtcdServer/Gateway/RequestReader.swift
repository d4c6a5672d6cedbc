// SPDX-License-Identifier: Apache-2.0

import MartletGRPCWire

/// The messages in the body of a request.
struct RequestReader: Sendable {
    /// Messages of a stream that are handed on together, and the bytes after which they are.
    private static let maximumBatch = 64
    private static let maximumBatchBytes = 256 << 10

    private let type: Int
    private let body: [UInt8]
    private let isStream: Bool
    private let maximumMessageBytes: Int
    private var offset = 0
    private(set) var isAtEnd = false

    /// - Parameter isStream: there may be several, one behind another.
    init(type: Int, body: [UInt8], isStream: Bool, maximumMessageBytes: Int) {
        self.type = type
        self.body = body
        self.isStream = isStream
        self.maximumMessageBytes = maximumMessageBytes
    }

    var remainingBytes: Int { body.count - offset }

    /// The one message of a request that has one: what follows it is not looked at, and an empty body is an empty
    /// message. Of a stream, its first; there need not be one.
    ///
    /// It fails when that is no message. etcd has no code of its own for it where requests stream.
    mutating func first() -> Result<GatewayFeed, GRPCStatus> {
        do throws(GatewayFault) {
            let message = try next()
            isAtEnd = !isStream || message == nil
            if let message, message.count > maximumMessageBytes {
                return .failure(
                    GRPCStatus(
                        .resourceExhausted,
                        "grpc: received message larger than max (\(message.count) vs. \(maximumMessageBytes))"))
            }
            return .success(GatewayFeed(messages: message.map { [$0] } ?? (isStream ? [] : [[]]), isLast: isAtEnd))
        } catch {
            return .failure(GRPCStatus(isStream ? .unknown : .invalidArgument, error.message))
        }
    }

    /// Some more messages of a stream. What is no message, or too large a one, is the end: the answer has begun.
    mutating func more() -> GatewayFeed {
        var feed = GatewayFeed(messages: [], isLast: false)
        var byteCount = 0
        while feed.messages.count < Self.maximumBatch, byteCount < Self.maximumBatchBytes {
            guard let message = try? next(), message.count <= maximumMessageBytes else {
                isAtEnd = true
                feed.isLast = true
                break
            }
            byteCount += message.count
            feed.messages.append(message)
        }
        return feed
    }

    private mutating func next() throws(GatewayFault) -> [UInt8]? {
        try RequestTranscoder.next(type, in: body, from: &offset, schema: .etcd)
    }
}
