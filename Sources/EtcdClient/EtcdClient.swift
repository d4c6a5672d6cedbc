// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import MartletGRPCWire

/// A client of etcd's version 3 interface, for etcd itself and for Martlet's own server.
///
/// Requests go to one endpoint; when it can't be reached, or doesn't answer, the next one takes over. Every request
/// ends within its time limit. A read is repeated for as long as time is left; a write only while it provably did
/// nothing, so that it happens at most once. A client connects with its first request and ends with ``close()``.
///
/// Beside requests for keys, leases and watches there are ``auth``, ``cluster`` and ``maintenance`` for whoever runs
/// the servers, and recipes built on all that: ``withSession(ttlSeconds:_:)``, ``withLock(_:ttlSeconds:_:)``,
/// ``withLeadership(of:value:ttlSeconds:_:)``, ``atomically(maximumAttempts:_:)``, ``barrier(_:)``, ``queue(_:)``.
public final class EtcdClient: Sendable {
    public struct Configuration: Sendable {
        /// The servers of one cluster, each `host:port`; without a port 2379 is meant. Behind `https://` TLS is used.
        public var endpoints: [String]
        /// How long a request may take, further attempts included.
        public var timeout = Duration.seconds(5)
        /// How long requests may take that work through a server's whole data: hashes, defragmentation, a compaction
        /// that is waited for. A snapshot may pause this long between two of its parts.
        public var maintenanceTimeout = Duration.seconds(60)
        /// How long one connect may take, so short that a dead server leaves a request time for the next one.
        public var connectTimeout = Duration.seconds(1)
        /// The largest response that is taken; a read without limit may be large.
        public var maximumMessageBytes = 64 << 20
        /// Who the client is, where the servers ask for it; also where they don't yet.
        public var credentials: EtcdCredentials?
        /// How to use TLS, for all endpoints that don't begin with `http://`; `nil` for those with `https://` only,
        /// then with the system's authorities.
        public var tls: EtcdTLS?
        /// Where the client says what it does beside requests.
        public var logger = Logger(label: "martlet.etcd")

        public init(endpoints: [String] = ["127.0.0.1:2379"]) { self.endpoints = endpoints }
    }

    /// The longest time limit that is kept; more is as good as none, and sums of a clock's nanoseconds would overflow.
    static let longestTimeout = Duration.seconds(365 * 24 * 3600)

    let configuration: Configuration
    /// The configured time limits, within bounds.
    let timeout: Duration
    let maintenanceTimeout: Duration
    let endpoints: EtcdEndpoints
    let leases: LeaseStream

    /// Makes a client; nothing is connected yet.
    ///
    /// - Throws: ``EtcdError`` when there is no endpoint, or one that isn't an address, or TLS files can't be used.
    public init(_ configuration: Configuration) throws(EtcdError) {
        guard !configuration.endpoints.isEmpty else { throw EtcdError(.invalidRequest, "no endpoints") }
        self.configuration = configuration
        self.timeout = min(max(configuration.timeout, .zero), Self.longestTimeout)
        self.maintenanceTimeout = min(max(configuration.maintenanceTimeout, .zero), Self.longestTimeout)
        self.endpoints = try EtcdEndpoints(EtcdConnector(configuration, timeout: self.timeout), configuration.endpoints)
        self.leases = LeaseStream(self.endpoints, timeout: self.timeout)
    }

    /// Makes a client with the default settings.
    public convenience init(endpoints: String...) throws(EtcdError) {
        try self.init(Configuration(endpoints: endpoints))
    }

    deinit {
        Task { [leases, endpoints] in
            await leases.close()
            await endpoints.close()
        }
    }

    /// Refuses requests from now on; those under way go on until ``close()``.
    package func beginClose() { self.endpoints.refuse() }

    /// Closes all connections. Requests fail from now on, watches end.
    public func close() async {
        self.endpoints.refuse()
        await self.leases.close()
        await self.endpoints.close()
    }
}

/// A name and its password.
public struct EtcdCredentials: Hashable, Sendable, CustomStringConvertible {
    public var user: String
    public var password: String

    public init(user: String, password: String) {
        self.user = user
        self.password = password
    }

    /// The name alone, so that no log shows a password.
    public var description: String { "EtcdCredentials(user: \(self.user))" }
}

/// How connections are encrypted, and who is trusted. Files are in PEM.
public struct EtcdTLS: Hashable, Sendable {
    /// The authorities whose server certificates are accepted; `nil`: the system's.
    public var trustRootsFile: String?
    /// This client's own certificate, where servers ask for one.
    public var certificateChainFile: String?
    /// The key of that certificate.
    public var privateKeyFile: String?
    /// The name that a server's certificate must bear, where it isn't the host that is connected to.
    public var serverName: String?
    /// Accepts any certificate: encrypted, but nobody knows with whom.
    public var skipsVerification = false

    public init() {}
}
