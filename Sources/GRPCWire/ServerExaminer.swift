// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL

/// Looks at a server's certificate when the first bytes of a connection come, before anybody else sees them: the
/// handshake is over then, and the chain verified. A client of HTTP/2 has said no more than its settings by then.
///
/// Touched only on the channel's event loop.
final class ServerExaminer: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let examine: @Sendable ([UInt8]) throws -> Void
    private var isRefused = false

    init(_ examine: @escaping @Sendable ([UInt8]) throws -> Void) {
        self.examine = examine
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isRefused else { return }
        do {
            let handler = try context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
            guard let certificate = handler.peerCertificate else { throw WireTLSFailure.noServerCertificate }
            try self.examine(try certificate.toDERBytes())
        } catch {
            self.isRefused = true
            context.fireErrorCaught(error)
            return context.close(promise: nil)
        }
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
