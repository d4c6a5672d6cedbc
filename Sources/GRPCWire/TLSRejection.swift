// SPDX-License-Identifier: Apache-2.0

import Logging
package import NIOCore
import NIOSSL

/// Why a connection never came to speak: said in the log, since the client is told next to nothing.
enum TLSRejection {
    /// - Parameter endpoint: for whom the port is: `client` or `peer`.
    static func log(_ error: any Error, from peer: SocketAddress?, at endpoint: String = "client", _ logger: Logger) {
        logger.log(
            level: Self.isDeparture(error) ? .debug : .warning, "rejected connection on \(endpoint) endpoint",
            metadata: ["remote-addr": "\(peer?.text ?? "")", "error": "\(Self.text(error))"])
    }

    /// Whether the peer simply went away, as probes of a port do.
    static func isDeparture(_ error: any Error) -> Bool {
        switch error {
        case is IOError, is ChannelError: true
        case NIOSSLError.uncleanShutdown: true
        case NIOSSLError.handshakeFailed: "\(error)".contains("EOF during handshake")
        default: false
        }
    }

    /// The commonest reasons in the words that Go's TLS has for them, since operators look for those.
    static func text(_ error: any Error) -> String {
        guard case NIOSSLError.handshakeFailed = error else { return "\(error)" }
        let description = "\(error)"
        return Self.reasons.first { description.contains($0.name) }?.text
            ?? "tls: handshake failed: \(Self.names(description))"
    }

    /// The names that BoringSSL has for what went wrong, out of its longer text.
    private static func names(_ description: String) -> String {
        let parts = description.split(separator: "OPENSSL_internal:").dropFirst()
        let names = parts.map { $0.prefix { $0 == "_" || ($0.isASCII && ($0.isLetter || $0.isNumber)) } }
        return names.isEmpty ? description : names.joined(separator: ", ")
    }

    private static let reasons: [(name: String, text: String)] = [
        // What a client says that doesn't trust the server's certificate, before its words are encrypted.
        ("BAD_PACKET_LENGTH", "remote error: tls: bad certificate"),
        ("PEER_DID_NOT_RETURN_A_CERTIFICATE", "tls: client didn't provide a certificate"),
        ("HTTP_REQUEST", "tls: first record does not look like a TLS handshake"),
        ("WRONG_VERSION_NUMBER", "tls: first record does not look like a TLS handshake"),
        ("CERTIFICATE_VERIFY_FAILED", "tls: failed to verify client certificate"),
        ("UNSUPPORTED_PROTOCOL", "tls: client offered only unsupported versions"),
        ("NO_SHARED_CIPHER", "tls: no cipher suite supported by both client and server"),
        ("ALERT_UNKNOWN_CA", "remote error: tls: unknown certificate authority"),
        ("ALERT_BAD_CERTIFICATE", "remote error: tls: bad certificate"),
    ]
}

extension SocketAddress {
    /// `127.0.0.1:2379`, `[::1]:2379`, or a socket file's path.
    package var text: String {
        guard let ipAddress, let port else { return self.pathname ?? "\(self)" }
        return ipAddress.contains(":") ? "[\(ipAddress)]:\(port)" : "\(ipAddress):\(port)"
    }
}
