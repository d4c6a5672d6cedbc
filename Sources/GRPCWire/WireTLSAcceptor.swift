// SPDX-License-Identifier: Apache-2.0

package import Logging
package import NIOCore
import NIOSSL

/// A server's TLS for connections of another protocol than ours, which has to ask for `client` itself.
package final class WireTLSAcceptor: Sendable {
    private let tls: WireServerTLS
    private let reloader: TLSReloader

    package init(_ tls: WireServerTLS) throws {
        self.tls = tls
        reloader = try TLSReloader(tls)
    }

    /// Encrypts a connection that begins now. On its loop, before its other handlers are added.
    ///
    /// - Parameters:
    ///   - logger: told why a connection ended before its first bytes came, in the words that a `WireServer` has for
    ///     that.
    ///   - onFailure: called once for each change of the files to something unusable.
    package func secure(_ channel: any Channel, _ logger: Logger, onFailure: (any Error) -> Void) throws {
        let context = reloader.context(onFailure: onFailure)
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
        try channel.pipeline.syncOperations.addHandler(HandshakeWitness(logger))
    }

    /// Examines the client's certificate as `WireServerTLS` says. On the connection's loop, when its first bytes are
    /// there: the handshake is over then, and the certificate's chain verified.
    ///
    /// - Returns: whom it names; nil where nobody is to be named, or it names nobody.
    /// - Throws: if the client isn't welcome, which the log says then: the connection is to be closed.
    package func client(of channel: any Channel, _ logger: Logger) throws -> [UInt8]? {
        do {
            try tls.examineClient(of: channel.pipeline)
            guard let name = tls.namesClient else { return nil }
            return try PeerCertificate(in: channel.pipeline, namedBy: name)?.name
        } catch {
            TLSRejection.log(error, from: channel.remoteAddress, logger)
            throw error
        }
    }
}

/// Says in the log why a connection ended before its first bytes came; with them it leaves.
///
/// Touched only on the channel's event loop.
private final class HandshakeWitness: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        TLSRejection.log(error, from: context.remoteAddress, logger)
        context.fireErrorCaught(error)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(data)
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
