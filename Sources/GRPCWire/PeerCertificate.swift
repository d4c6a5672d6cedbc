// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL

/// A client certificate that the TLS layer has verified.
package struct PeerCertificate: Sendable {
    /// The certificate in DER.
    package var derBytes: [UInt8]
    /// What ``WireServerTLS/namesClient`` made of it, once a connection.
    package var name: [UInt8]?
}

extension PeerCertificate {
    /// That of a connection's client, once its first bytes are there: the handshake is over then. Also of a resumed
    /// session, which remembers it. On the connection's loop.
    ///
    /// - Returns: nil where the client showed none, or nothing is encrypted.
    init?(in pipeline: ChannelPipeline, namedBy name: (@Sendable ([UInt8]) -> [UInt8]?)? = nil) throws {
        guard
            let handler = try? pipeline.syncOperations.handler(type: NIOSSLServerHandler.self),
            let certificate = handler.peerCertificate
        else { return nil }
        derBytes = try certificate.toDERBytes()
        self.name = name?(derBytes)
    }
}

extension WireServerTLS {
    /// Asks ``examinesClient``, where client certificates are required, when the first bytes of a connection are there.
    func examineClient(of pipeline: ChannelPipeline) throws {
        guard requiresClientCertificate, let examinesClient else { return }
        guard let certificate = try PeerCertificate(in: pipeline) else { throw WireTLSFailure.noClientCertificate }
        try examinesClient(certificate.derBytes)
    }

    /// Asks ``locatesClient``, likewise.
    ///
    /// - Returns: nil where there is nothing to wait for.
    func locateClient(of channel: any Channel) throws -> EventLoopFuture<Void>? {
        guard requiresClientCertificate, let locatesClient, let address = channel.remoteAddress,
            address.ipAddress != nil, let certificate = try PeerCertificate(in: channel.pipeline)
        else { return nil }
        return try locatesClient(certificate.derBytes, address, channel.eventLoop)
    }
}
