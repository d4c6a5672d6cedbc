// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// A server's TLS: PEM files, read again when they change.
package struct WireServerTLS: Sendable {
    package var certificateChainFile: String
    package var privateKeyFile: String
    /// Authorities whose client certificates are accepted; required when `requiresClientCertificate`.
    package var trustRootsFile: String?
    package var requiresClientCertificate = false

    package init(certificateChainFile: String, privateKeyFile: String) {
        self.certificateChainFile = certificateChainFile
        self.privateKeyFile = privateKeyFile
    }

    func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(self.certificateChainFile).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: self.privateKeyFile, format: .pem)))
        configuration.applicationProtocols = ["h2", "http/1.1"]
        configuration.minimumTLSVersion = .tlsv12
        if let trustRootsFile = self.trustRootsFile { configuration.trustRoots = .file(trustRootsFile) }
        // A client's name is no host name: its chain is verified, not its address.
        configuration.certificateVerification = self.requiresClientCertificate ? .noHostnameVerification : .none
        return try NIOSSLContext(configuration: configuration)
    }

    var files: [String] {
        [self.certificateChainFile, self.privateKeyFile] + (self.trustRootsFile.map { [$0] } ?? [])
    }
}

/// A client's TLS.
package struct WireClientTLS: Sendable {
    /// Authorities whose server certificates are accepted; `nil`: the system's.
    package var trustRootsFile: String?
    /// This client's own certificate and key, for mutual TLS.
    package var certificateChainFile: String?
    package var privateKeyFile: String?
    /// The name that the server's certificate must bear, where it is not the host that is connected to.
    package var serverName: String?
    /// Accepts any certificate. For tests and for what etcd calls `--insecure-skip-tls-verify`.
    package var skipsVerification = false

    package init() {}

    func makeContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.applicationProtocols = ["h2"]
        configuration.minimumTLSVersion = .tlsv12
        if let trustRootsFile = self.trustRootsFile { configuration.trustRoots = .file(trustRootsFile) }
        if let chain = self.certificateChainFile, let key = self.privateKeyFile {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(chain).map { .certificate($0) }
            configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
        }
        if self.skipsVerification { configuration.certificateVerification = .none }
        return try NIOSSLContext(configuration: configuration)
    }
}

/// Serves the TLS context for new connections, made anew when a file has changed.
///
/// A file that has become unreadable or wrong leaves the last good context in use.
final class TLSReloader: Sendable {
    /// Files are looked at this often, off the event loops.
    static let interval = TimeAmount.seconds(1)

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

    var context: NIOSSLContext { self.state.withLock { $0.context } }

    /// Looks at the files; blocks on them. Returns an error when they changed to something unusable.
    func reloadIfChanged() -> (any Error)? {
        let stamps = self.tls.files.map(FileStamp.init)
        guard self.state.withLock({ $0.stamps != stamps }) else { return nil }
        do {
            let context = try self.tls.makeContext()
            self.state.withLock { $0 = State(context: context, stamps: stamps) }
            return nil
        } catch {
            // Tried once: said once.
            self.state.withLock { $0.stamps = stamps }
            return error
        }
    }
}

/// What tells one version of a file from another.
private struct FileStamp: Equatable {
    var seconds: Int
    var nanoseconds: Int
    var size: Int64
    var inode: UInt64

    init?(path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        #if canImport(Darwin)
        self.seconds = info.st_mtimespec.tv_sec
        self.nanoseconds = info.st_mtimespec.tv_nsec
        #else
        self.seconds = info.st_mtim.tv_sec
        self.nanoseconds = info.st_mtim.tv_nsec
        #endif
        self.size = Int64(info.st_size)
        self.inode = UInt64(info.st_ino)
    }
}
