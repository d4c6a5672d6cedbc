// SPDX-License-Identifier: Apache-2.0

package import MartletRESPCodec
import NIOCore
import NIOPosix

/// A client that sends bytes as they are, and reads replies.
package final class RawClient {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let writer: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var input: [UInt8] = []
    private var parser = ReplyParser()

    private init(
        _ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ writer: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.channel = channel
        self.writer = writer
        iterator = inbound.makeAsyncIterator()
    }

    package static func with(port: Int, _ body: (RawClient) async throws -> Void) async throws {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            try await body(RawClient(channel, inbound, outbound))
        }
    }

    package func send(_ text: String) async throws {
        try await writer.write(ByteBuffer(string: text))
    }

    /// The next reply; `nil` where the server has closed the connection.
    package func next() async throws -> ReplyValue? {
        while true {
            var offset = 0
            let known = input
            if let value = try parser.next(in: known.span.bytes, at: &offset) {
                input.removeFirst(offset)
                return value
            }
            guard let more = try await iterator.next(isolation: #isolation) else { return nil }
            input += more.readableBytesView
        }
    }

    /// The reply to a line.
    package func run(_ line: String) async throws -> String {
        try await send(line + "\r\n")
        return try await next().map { text($0) } ?? "closed"
    }
}

/// A reply in a notation for people.
package func text(_ value: ReplyValue) -> String {
    switch value {
    case .simple(let bytes): "+" + String(decoding: bytes, as: UTF8.self)
    case .error(let bytes): "-" + String(decoding: bytes, as: UTF8.self)
    case .integer(let number): ":\(number)"
    case .bulk(let bytes): String(decoding: bytes, as: UTF8.self)
    case .null, .nullArray: "null"
    case .double(let number): "\(number)"
    case .boolean(let flag): "\(flag)"
    case .bigNumber(let bytes), .verbatim(_, let bytes): String(decoding: bytes, as: UTF8.self)
    case .array(let values), .set(let values), .push(let values): "[\(values.map { text($0) }.joined(separator: ", "))]"
    case .map(let pairs): "{\(pairs.map { "\(text($0.key)): \(text($0.value))" }.joined(separator: ", "))}"
    }
}
