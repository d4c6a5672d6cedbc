// SPDX-License-Identifier: Apache-2.0

import MartletHTTP2Session
import NIOCore

/// What the wire itself needs of a request's headers, found in one pass over them.
struct RequestHead {
    var isPost = false
    /// `nil` when the content type is not gRPC's.
    var subtype: String?
    /// The smaller of `grpc-timeout` and go-micro's `timeout`.
    var timeout: TimeAmount?
    /// The request's messages may be compressed by this; `nil` is identity.
    var encoding: String?
    var acceptsGzip = false

    /// `onPath` gets the bytes of `:path`, valid during the call; nghttp2 lets no request through without one.
    /// `onVersion` gets what the client tells of itself, if it does.
    init(
        _ block: HeaderBlock, onVersion: (UnsafeRawBufferPointer) -> Void = { _ in },
        onPath: (UnsafeRawBufferPointer) -> Void
    ) {
        block.forEachField { name, value in
            switch name.count {
            case 5 where HeaderBlock.isEqual(name, ":path"):
                onPath(value)
            case 7 where HeaderBlock.isEqual(name, ":method"):
                self.isPost = HeaderBlock.isEqual(value, "POST")
            case 7 where HeaderBlock.isEqual(name, "timeout"):
                self.limit(CallTimeout.parseMicro(value))
            case 12 where HeaderBlock.isEqual(name, "content-type"):
                self.subtype = ContentType.subtype(value)
            case 12 where HeaderBlock.isEqual(name, "grpc-timeout"):
                self.limit(CallTimeout.parseGRPC(value))
            case 13 where HeaderBlock.isEqual(name, "grpc-encoding"):
                let encoding = String(decoding: value, as: UTF8.self)
                self.encoding = encoding == "identity" ? nil : encoding
            case 18 where HeaderBlock.isEqual(name, "client-api-version"):
                onVersion(value)
            case 20 where HeaderBlock.isEqual(name, "grpc-accept-encoding"):
                self.acceptsGzip = HeaderBlock.isListed("gzip", in: value)
            default:
                // Metadata: whoever wants it reads it from the block.
                break
            }
            return true
        }
    }

    private mutating func limit(_ amount: TimeAmount?) {
        guard let amount else { return }
        self.timeout = self.timeout.map { min($0, amount) } ?? amount
    }
}
