// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
package import MartletGRPCWire

extension MartletServerTransport {
    /// How a server behaves.
    public struct Configuration: Sendable {
        /// The largest message a client may send, decompressed. Larger ones get status 8.
        public var maximumMessageBytes = 4 << 20
        /// Calls one connection may have open.
        public var maximumConcurrentStreams = 1 << 16
        /// Size of a request's headers as HTTP/2 counts it.
        public var maximumHeaderListBytes = 64 << 10
        /// After ``MartletServerTransport/beginGracefulShutdown()`` calls may go on for this long; then they are
        /// cancelled.
        public var drainLimit = Duration.seconds(30)
        /// Where handlers run.
        public var executor = HandlerExecutor.eventLoop
        /// `nil`: in the clear.
        public var tls: TLS?
        /// Routes of the wire beside the server's services, and before them: health and reflection, for one.
        package var router = GRPCRouter()

        public init() {}
    }

    /// Where handlers run.
    public struct HandlerExecutor: Sendable {
        package var pool: HandlerPool

        /// On the event loop of the call's connection: the fastest place, for handlers that compute little and never
        /// block their thread. One that does is named in the log.
        public static let eventLoop = HandlerExecutor(pool: .loop)
        /// On Swift's own thread pool: for handlers that compute for long.
        public static let concurrentPool = HandlerExecutor(pool: .concurrentPool)
        /// On threads that may block.
        public static let blockingPool = HandlerExecutor(pool: .blockingPool)
        /// On an executor of your own.
        public static func custom(_ executor: any TaskExecutor) -> HandlerExecutor {
            HandlerExecutor(pool: .custom(executor))
        }
    }

    /// A server's certificate: PEM files, read again within a second or two of a change.
    public struct TLS: Sendable {
        public var certificateChainFile: String
        public var privateKeyFile: String
        /// Authorities that client certificates must come from. When set, a client without one is refused.
        public var clientAuthoritiesFile: String?

        public init(certificateChainFile: String, privateKeyFile: String, clientAuthoritiesFile: String? = nil) {
            self.certificateChainFile = certificateChainFile
            self.privateKeyFile = privateKeyFile
            self.clientAuthoritiesFile = clientAuthoritiesFile
        }

        var wire: WireServerTLS {
            var tls = WireServerTLS(
                certificateChainFile: self.certificateChainFile, privateKeyFile: self.privateKeyFile)
            tls.trustRootsFile = self.clientAuthoritiesFile
            tls.requiresClientCertificate = self.clientAuthoritiesFile != nil
            return tls
        }
    }

    /// What this transport knows of a call beside what `ServerContext` says: its `transportSpecific`.
    public struct CallContext: ServerContext.TransportSpecific {
        /// The name by which the client addressed the server.
        public var authority: String
        /// When the call ends with status 4, whatever its handler does. `grpc-timeout` is not in the metadata: the
        /// transport keeps the time itself, and cancels the call's handle.
        public var deadline: ContinuousClock.Instant?
        /// The client's certificate in DER, on a connection with mutual TLS.
        public var peerCertificate: [UInt8]?
    }
}

extension MartletServerTransport.Configuration {
    var wire: WireServerConfiguration {
        var configuration = WireServerConfiguration()
        configuration.maximumMessageBytes = self.maximumMessageBytes
        configuration.maximumConcurrentStreams = self.maximumConcurrentStreams
        configuration.maximumHeaderListBytes = self.maximumHeaderListBytes
        configuration.tls = self.tls?.wire
        return configuration
    }
}
