// SPDX-License-Identifier: Apache-2.0

public import GRPCCore
import MartletGRPCWire
import NIOCore

extension MartletClientTransport {
    /// How a client behaves.
    public struct Configuration: Sendable {
        /// The largest message a server may send, decompressed; a call's `maxResponseMessageBytes` goes before it.
        public var maximumMessageBytes = 4 << 20
        /// Connecting includes TLS and the server's first word.
        public var connectTimeout = Duration.seconds(5)
        /// Connections to the target; a second is made only when the first is at the server's limit of calls.
        public var maximumConnections = 8
        /// A connection without calls for this long is closed; the next call makes a new one.
        public var idleTimeout: Duration? = .seconds(30 * 60)
        /// How messages are compressed where a call does not say; of the algorithms only `gzip` is there.
        public var compression = CompressionAlgorithm.none
        /// `:authority`, where it is not the target's own.
        public var authority: String?
        /// `nil`: in the clear.
        public var tls: TLS?

        public init() {}
    }

    /// What a client trusts, and its own certificate: PEM files.
    public struct TLS: Sendable {
        /// Authorities that the server's certificate must come from; `nil`: the system's.
        public var authoritiesFile: String?
        /// The client's own certificate and key, for mutual TLS.
        public var certificateChainFile: String?
        public var privateKeyFile: String?
        /// The name that the server's certificate must bear, where it is not the host that is connected to.
        public var serverName: String?

        public init(authoritiesFile: String? = nil) {
            self.authoritiesFile = authoritiesFile
        }
    }
}

extension MartletClientTransport.Configuration {
    var wire: WireClientConfiguration {
        var configuration = WireClientConfiguration()
        configuration.maximumMessageBytes = self.maximumMessageBytes
        configuration.connectTimeout = TimeAmount(self.connectTimeout)
        configuration.maximumConnections = self.maximumConnections
        configuration.idleTimeout = self.idleTimeout.map { TimeAmount($0) }
        configuration.authority = self.authority
        configuration.userAgent = "grpc-swift-2 martlet-swift"
        if let tls = self.tls {
            var wire = WireClientTLS()
            wire.trustRootsFile = tls.authoritiesFile
            wire.certificateChainFile = tls.certificateChainFile
            wire.privateKeyFile = tls.privateKeyFile
            wire.serverName = tls.serverName
            configuration.tls = wire
        }
        return configuration
    }
}
