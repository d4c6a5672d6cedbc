// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import NIOSSL
import Synchronization

/// Versions of TLS that a server may be held to; older ones are never spoken.
package enum WireTLSVersion: Sendable, Comparable {
    case tls12
    case tls13

    var version: TLSVersion {
        switch self {
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}

/// A server's TLS: PEM files, read again when they change.
package struct WireServerTLS: Sendable {
    package var certificateChainFile: String
    package var privateKeyFile: String
    /// Authorities whose client certificates are accepted; `nil`: the system's.
    package var trustRootsFile: String?
    package var requiresClientCertificate = false
    /// The cipher suites of TLS 1.2 that are spoken, by their registered numbers; `nil`: the library's choice. Those of
    /// TLS 1.3 can't be chosen.
    package var cipherSuites: [UInt16]?
    package var minimumVersion = WireTLSVersion.tls12
    package var maximumVersion: WireTLSVersion?
    /// Looks at a client's own certificate, in DER, whose chain has been verified; an error ends the connection before
    /// a byte of it is read. On the connection's event loop; only called where a client certificate is required.
    package var examinesClient: (@Sendable (_ certificate: [UInt8]) throws -> Void)?
    /// Compares a client's own certificate, in DER, with the address that it comes from, when ``examinesClient`` has
    /// let it pass. It may ask a name server: the connection waits for the future, if there is one. On the connection's
    /// event loop; only called for clients that have an address and where a certificate is required.
    package var locatesClient: ClientLocator?
    /// For whom the port is, in the log: `client` or `peer`.
    package var endpoint = "client"
    /// Whom a client's own certificate, in DER, names: what handlers find in ``PeerCertificate/name``.
    package var namesClient: (@Sendable (_ certificate: [UInt8]) -> [UInt8]?)?

    package typealias ClientLocator =
        @Sendable (
            _ certificate: [UInt8], _ address: SocketAddress, _ loop: any EventLoop
        ) throws -> EventLoopFuture<Void>?

    package init(certificateChainFile: String, privateKeyFile: String) {
        self.certificateChainFile = certificateChainFile
        self.privateKeyFile = privateKeyFile
    }

    func makeContext() throws -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do { chain = try NIOSSLCertificate.fromPEMFile(self.certificateChainFile) } catch {
            throw WireTLSFailure("tls: failed to find any PEM data in certificate input", self.certificateChainFile)
        }
        let key: NIOSSLPrivateKey
        do { key = try NIOSSLPrivateKey(file: self.privateKeyFile, format: .pem) } catch {
            throw WireTLSFailure("tls: failed to find any PEM data in key input", self.privateKeyFile)
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.applicationProtocols = ["h2", "http/1.1"]
        configuration.minimumTLSVersion = self.minimumVersion.version
        configuration.maximumTLSVersion = self.maximumVersion?.version
        if let cipherSuites = self.cipherSuites {
            configuration.cipherSuiteValues = cipherSuites.map(NIOTLSCipher.init(rawValue:))
        }
        if let trustRootsFile = self.trustRootsFile { configuration.trustRoots = .file(trustRootsFile) }
        // A client's name is no host name: its chain is verified, not its address.
        configuration.certificateVerification = self.requiresClientCertificate ? .noHostnameVerification : .none
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch NIOSSLError.failedToLoadPrivateKey, NIOSSLError.failedToLoadCertificate {
            // Both could be read: they don't belong together.
            throw WireTLSFailure("tls: private key does not match public key", self.privateKeyFile)
        }
    }

    var files: [String] {
        [self.certificateChainFile, self.privateKeyFile] + (self.trustRootsFile.map { [$0] } ?? [])
    }
}

/// What the wire's TLS has no use for. The words are those of Go's TLS.
struct WireTLSFailure: Error, CustomStringConvertible {
    static let noClientCertificate = WireTLSFailure(description: "tls: client didn't provide a certificate")
    static let noServerCertificate = WireTLSFailure(description: "tls: server didn't provide a certificate")

    var description: String

    private init(description: String) {
        self.description = description
    }

    /// A file.
    init(_ reason: String, _ path: String) {
        self.description = "\(reason) (\(path))"
    }
}

/// Serves the TLS context for new connections, made anew when a file has changed.
///
/// A file that has become unreadable or wrong leaves the last good context in use.
final class TLSReloader: Sendable {
    private struct State {
        var context: NIOSSLContext
        var stamps: [FileStamp?]
    }

    private let tls: WireServerTLS
    private let state: Mutex<State>

    init(_ tls: WireServerTLS) throws {
        self.tls = tls
        let stamps = tls.files.map(FileStamp.init)
        self.state = Mutex(State(context: try tls.makeContext(), stamps: stamps))
    }

    /// The context for a connection that begins now, from the files as they are now: who has replaced a certificate
    /// may count on it from the next connection on.
    ///
    /// Looking costs a stat(2) a file, little beside a handshake.
    ///
    /// - Parameter onFailure: Called once for each change to something unusable.
    func context(onFailure: (any Error) -> Void) -> NIOSSLContext {
        let stamps = self.tls.files.map(FileStamp.init)
        let (context, isCurrent) = self.state.withLock { ($0.context, $0.stamps == stamps) }
        if isCurrent { return context }
        do {
            let fresh = try self.tls.makeContext()
            self.state.withLock { $0 = State(context: fresh, stamps: stamps) }
            return fresh
        } catch {
            // Tried once: said once.
            self.state.withLock { $0.stamps = stamps }
            onFailure(error)
            return context
        }
    }
}
