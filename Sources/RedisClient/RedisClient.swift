// SPDX-License-Identifier: Apache-2.0

public import Logging
internal import NIOCore
internal import Synchronization

/// A client of Redis's protocol, for Martlet's own server, Redis and Valkey.
///
/// Commands of all callers share a connection: each is sent at once, and replies are matched in order. Commands that
/// make the server wait, such as a blocking ``RedisCommands/xread(_:block:configure:)``, get connections of their own,
/// which are kept for the next one.
///
/// A client connects with its first command, connects again when a connection breaks, and ends with ``close()``. Every
/// command ends within its time limit. One that changes nothing is repeated for as long as time is left; another only
/// while it provably did nothing, so that it happens at most once.
public final class RedisClient: RedisCommands {
    /// How a client connects, and its limits.
    public struct Configuration: Sendable {
        /// Servers, tried in turn: `host:port`, `host`, `unix:/path`, `inprocess:name` for one of this process, or a
        /// URL such as `redis://user:password@host:port/database`, with `rediss` for TLS. Without a port 6379 is meant.
        public var addresses: [String]
        /// Who the client is, where a server asks for it. A URL's name and password come before this.
        public var credentials: RedisCredentials?
        /// Whether the client says who it is only where a server refuses it otherwise: for a server whose users are
        /// there at some times and not at others.
        package var logsInWhereAsked = false
        /// The database that commands are for.
        public var database = 0
        /// What `CLIENT LIST` shows of the client's connections.
        public var name: String?
        /// How to use TLS; `nil` uses it for `rediss://` only, then with the system's authorities.
        public var tls: RedisTLS?
        /// How long a command may take, connecting and further attempts included.
        public var timeout = Duration.seconds(5)
        /// How long one connect may take, greeting included, so short that a dead server leaves time for the next one.
        public var connectTimeout = Duration.seconds(2)
        /// Whether to speak the older protocol only. Otherwise it is spoken where a server knows nothing newer.
        public var usesRESP2 = false
        /// Connections that commands share. One is enough for most: it takes what one core can parse.
        public var sharedConnections = 1
        /// Connections for commands that wait, subscriptions and sessions, at once. Servers take 10,000 clients.
        public var maximumOwnConnections = 512
        /// Bytes of one reply. The server's own limit of one text is as large.
        public var maximumReplyBytes = 512 << 20
        /// Bytes of commands that wait for one connection: what a burst may take before callers are told to slow down.
        public var maximumQueuedBytes = 64 << 20
        /// Commands without a reply on one connection: more than this no server answers in time.
        public var maximumQueuedCommands = 100_000
        /// Where the client says what it does beside commands.
        public var logger = Logger(label: "martlet.redis")

        public init(addresses: [String] = ["127.0.0.1:6379"]) { self.addresses = addresses }
    }

    /// The longest time limit that is kept: sums of a clock's nanoseconds would overflow.
    static let longestTimeout = Duration.seconds(365 * 24 * 3600)

    let configuration: Configuration
    let timeout: Duration
    let connector: RedisConnector
    let own: OwnConnections
    private let links: [RedisLink]
    private let turn = Atomic(0)

    /// Makes a client; nothing is connected yet.
    ///
    /// - Throws: ``RedisError`` when there is no address, or one that can't be read, or TLS files can't be used.
    public init(_ configuration: Configuration) throws(RedisError) {
        self.configuration = configuration
        timeout = min(max(configuration.timeout, .zero), Self.longestTimeout)
        let connector = try RedisConnector(configuration)
        self.connector = connector
        own = OwnConnections(connector, limit: configuration.maximumOwnConnections)
        links = (0..<max(1, configuration.sharedConnections)).map { _ in RedisLink(connector) }
    }

    /// Makes a client with the default settings.
    public convenience init(_ addresses: String...) throws(RedisError) {
        try self.init(addresses.isEmpty ? Configuration() : Configuration(addresses: addresses))
    }

    deinit {
        let (links, own) = (links, own)
        Task {
            for link in links { await link.close() }
            await own.close()
        }
    }

    /// Closes all connections. Commands fail from now on, subscriptions end.
    public func close() async {
        for link in links { await link.close() }
        await own.close()
    }

    /// The next of the shared connections.
    var link: RedisLink {
        guard links.count > 1 else { return links[0] }
        return links[Int(turn.wrappingAdd(1, ordering: .relaxed).newValue.magnitude % UInt(links.count))]
    }
}

/// A name and its password.
public struct RedisCredentials: Hashable, Sendable, CustomStringConvertible {
    /// `default` is who has only a password.
    public var user: String
    public var password: String

    public init(user: String = "default", password: String) {
        self.user = user
        self.password = password
    }

    /// The name alone, so that no log shows a password.
    public var description: String { "RedisCredentials(user: \(user))" }
}

/// How connections are encrypted, and who is trusted. Files are in PEM.
public struct RedisTLS: Hashable, Sendable {
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

/// Runs some work with a client, and closes it then.
public func withRedisClient<Result>(
    _ addresses: String..., configure: (inout RedisClient.Configuration) -> Void = { _ in },
    _ body: (RedisClient) async throws -> Result
) async throws -> Result {
    var configuration = RedisClient.Configuration()
    if !addresses.isEmpty { configuration.addresses = addresses }
    configure(&configuration)
    let client = try RedisClient(configuration)
    do {
        let result = try await body(client)
        await client.close()
        return result
    } catch {
        await client.close()
        throw error
    }
}
