// SPDX-License-Identifier: Apache-2.0

package import MartletAuth
package import MartletGRPCWire
package import MartletHTTP2Session
import NIOCore

/// What a service needs of the call it answers. Everything happens on the store's event loop.
package protocol EtcdCall: AnyObject {
    /// The request's headers, the client's token among them.
    var metadata: HeaderBlock { get }
    /// Whom the certificate of the client's connection names, where that counts.
    var certificateName: AuthName? { get }
    /// Where the call comes from, for an audit; empty where that isn't known.
    var peerText: String { get }
    /// Answers a unary call: one message and status 0.
    func respond(_ message: [UInt8])
    /// Answers a unary call with a message of `byteCount` bytes that comes in parts; ``finish(_:)`` follows them.
    ///
    /// - Parameter events: told of room for more, and of the call's end.
    func beginResponse(byteCount: Int, events: any ServerCallEvents)
    /// The next bytes of that message.
    func sendPart(_ part: [UInt8])
    /// Sends one message of a stream.
    func send(_ message: [UInt8])
    /// Sends messages of a stream.
    func send(_ batch: MessageBatch)
    /// Ends the call.
    func finish(_ status: GRPCStatus)
    /// Bytes of this call that wait for the socket.
    var queuedBytes: Int { get }
}

extension EtcdCall {
    package func send(_ batch: MessageBatch) {
        for message in batch.messages { send(message) }
    }

    package var metadata: HeaderBlock { HeaderBlock() }
    package var certificateName: AuthName? { nil }
    package var peerText: String { "" }

    package var credentials: CallCredentials {
        CallCredentials(metadata: metadata, certificateName: certificateName)
    }
}

extension ServerCall: EtcdCall {
    package var certificateName: AuthName? { peerCertificate?.name.map { AuthName(bytes: $0) } }

    package var peerText: String { peer?.auditText ?? "" }
}

extension SocketAddress {
    /// As an audit's lines have it: host and port, or a socket's path.
    var auditText: String {
        if let path = pathname { return path.isEmpty ? "unix" : path }
        let host = ipAddress ?? ""
        return (host.contains(":") ? "[\(host)]" : host) + ":\(port ?? 0)"
    }
}

/// What a call shows of who makes it.
package struct CallCredentials: Sendable {
    package var metadata: HeaderBlock
    package var certificateName: AuthName?
}
