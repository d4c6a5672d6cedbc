// SPDX-License-Identifier: Apache-2.0

package import MartletAuthTokens
package import MartletEtcdServer
import MartletNode

/// What a server does, worked out from its flags and checked.
package struct ServerOptions: Sendable {
    /// What is answered at an address.
    package enum Role: Sendable, Equatable {
        /// gRPC, and plain HTTP on the same port.
        case client
        /// gRPC only: plain HTTP has addresses of its own.
        case grpcOnly
        /// Plain HTTP only.
        case http
        /// Metrics and health only.
        case metrics

        /// Whether clients are told to come here.
        package var servesCalls: Bool { self == .client || self == .grpcOnly }
    }

    package struct Listener: Sendable, Equatable {
        package var url: ServerURL
        package var role: Role
        /// Who may ask its plain HTTP.
        package var access = HTTPAccess()

        package init(url: ServerURL, role: Role) {
            self.url = url
            self.role = role
        }
    }

    package var listeners: [Listener]
    package var streams: StreamListeners
    package var cluster: Cluster
    package var peerTLS: PeerTLS?
    /// Empty: clients are told where is listened.
    package var advertisedURLs: [ServerURL]
    package var tls: TLS?
    package var store: EtcdServerConfiguration
    package var dataFolder: String
    /// Nil: in the data folder.
    package var logFolder: String?
    package var maximumConcurrentStreams: Int
    /// Whether others may listen on the same ports.
    package var sharesPorts: Bool
    /// Nil: never.
    package var keepaliveInterval: Duration?
    package var keepaliveTimeout: Duration
    package var logLevel: LogSetting.Level
    /// Nil: by whether the log goes to a terminal.
    package var logFormat: LogSetting.Format?
    package var logOutputs: LogOutputs
    package var storage: Storage
    /// Whose tokens are handed out; what it names is read at the start.
    package var authToken: AuthTokenOptions
    package var authTokenTTL: Duration
    /// What to say about all this.
    package var notices: [ServerNotice]

    /// The longest election time-out, in milliseconds. Source: etcd embed.
    static let maximumElectionMilliseconds: UInt64 = 50_000
    /// Progress can't be told more often, in etcd's watchable store as here.
    static let minimumProgressInterval = Duration.milliseconds(100)

    package init(_ flags: ServerFlags) throws(ServerFlagError) {
        notices = flags.notices
        (logLevel, logFormat) = try Self.logging(flags)
        logOutputs = try LogOutputs(flags, &notices)
        listeners = try Self.listeners(flags)
        streams = try StreamListeners(flags)
        store = try Self.store(flags)
        cluster = try Cluster(flags)
        store.peerURLs = cluster.own.peerURLs
        storage = try Storage(flags)
        let gates = FeatureGates.withoutEffect(in: flags.string("feature-gates"))
        if !gates.isEmpty {
            notices.append(
                ServerNotice(.warning, "without effect: --feature-gates=" + gates.joined(separator: ",")))
        }
        if storage.quotaBytes != 0 { store.quotaBytes = storage.quotaBytes }
        let streamQuota = flags.number("stream-quota-bytes")
        store.streamQuotaBytes = streamQuota == 0 ? nil : Int(clamping: streamQuota)
        let streamMemory = flags.size("stream-memory")
        store.streamMemoryBytes = streamMemory == 0 ? nil : Int(clamping: streamMemory)
        switch storage.autoCompaction {
        case .periodic(let age): store.autoCompaction = .periodic(age)
        case .revision(let count): store.autoCompaction = .revision(count)
        case nil: break
        }
        (authToken, authTokenTTL) = try Self.tokens(flags, &notices)
        store.bcryptCost = Self.bcryptCost(flags, &notices)
        let folder = flags.string("data-dir")
        dataFolder = folder.isEmpty ? store.name + ".etcd" : folder
        let logFolder = flags.string("wal-dir")
        self.logFolder = logFolder.isEmpty ? nil : logFolder
        let encrypted = listeners + streams.urls.filter(\.isEncrypted).map { Listener(url: $0, role: .http) }
        tls = try Self.tls(flags, encrypted, dataFolder: dataFolder, &notices)
        peerTLS = try PeerTLS(flags, cluster, dataFolder: dataFolder)
        advertisedURLs = flags.urls("advertise-client-urls")
        store.clientURLs = advertisedURLs.map(\.description)
        // Zero is no limit, as in gRPC for Go; taken by its word, no client could ever call.
        let streams = flags.number("max-concurrent-streams")
        maximumConcurrentStreams = Int(clamping: streams == 0 ? UInt64(UInt32.max) : min(streams, UInt64(UInt32.max)))
        sharesPorts = flags.boolean("socket-reuse-port")
        let interval = flags.duration("grpc-keepalive-interval")
        keepaliveInterval = interval == .zero ? nil : interval
        keepaliveTimeout = flags.duration("grpc-keepalive-timeout")
    }

    /// The messages that are warnings.
    package var warnings: [String] { notices.filter { $0.level == .warning }.map(\.message) }

    private static func listeners(_ flags: ServerFlags) throws(ServerFlagError) -> [Listener] {
        let separateHTTP = flags.urls("listen-client-http-urls")
        let clientRole: Role = separateHTTP.isEmpty ? .client : .grpcOnly
        let clientURLs = flags.urls("listen-client-urls")
        guard !clientURLs.isEmpty else { throw .conflict("--listen-client-urls names no URL") }
        var listeners = clientURLs.map { Listener(url: $0, role: clientRole) }
        listeners += separateHTTP.map { Listener(url: $0, role: .http) }
        listeners += flags.urls("listen-metrics-urls").map { Listener(url: $0, role: .metrics) }
        for url in listeners.map(\.url) + flags.urls("listen-peer-urls") {
            guard url.isBindable else { throw .conflict("expected IP in URL for binding (\(url))") }
        }
        for position in listeners.indices {
            listeners[position].access = HTTPAccess(flags, listeners[position])
        }
        return listeners
    }

    private static func store(_ flags: ServerFlags) throws(ServerFlagError) -> EtcdServerConfiguration {
        let (election, heartbeat) = (flags.number("election-timeout"), flags.number("heartbeat-interval"))
        guard heartbeat > 0 else { throw .conflict("--heartbeat-interval must be >0 (set to \(heartbeat)ms)") }
        guard election > 0 else { throw .conflict("--election-timeout must be >0 (set to \(election)ms)") }
        guard election / 5 >= heartbeat else {
            throw .conflict(
                "--election-timeout[\(election)ms] should be at least as 5 times as "
                    + "--heartbeat-interval[\(heartbeat)ms]")
        }
        guard election <= maximumElectionMilliseconds else {
            throw .conflict(
                "--election-timeout[\(election)ms] is too long, and should be set less than "
                    + "\(maximumElectionMilliseconds)ms")
        }
        var store = EtcdServerConfiguration()
        store.name = flags.string("name")
        store.clusterToken = flags.string("initial-cluster-token")
        store.readsByLease = flags.boolean("lease-reads")
        store.isStrictAboutMembers = flags.boolean("strict-reconfig-check")
        store.maximumTransactionOperations = Int(clamping: flags.number("max-txn-ops"))
        // More than a message can hold means no limit of its own.
        store.maximumRequestBytes = Int(clamping: min(flags.number("max-request-bytes"), UInt64(Int32.max)))
        store.watchProgressInterval = max(flags.duration("watch-progress-notify-interval"), minimumProgressInterval)
        store.electionTimeout = .milliseconds(Int64(clamping: election))
        store.heartbeatInterval = .milliseconds(Int64(clamping: heartbeat))
        // etcd takes any other word for the default.
        store.timesCalls = flags.string("metrics") == "extensive"
        store.learnersMax = Int(clamping: flags.integer("max-learners"))
        store.comparesAtStart =
            flags.boolean("initial-corrupt-check")
            || FeatureGates.isEnabled(FeatureGates.initialCorruptCheck, in: flags.string("feature-gates"))
        let corruption = flags.duration("corrupt-check-time")
        store.corruptionCheckInterval = corruption == .zero ? nil : corruption
        let compaction = flags.duration("compact-hash-check-time")
        let comparesCompacted =
            flags.boolean("compact-hash-check-enabled")
            || FeatureGates.isEnabled(FeatureGates.compactHashCheck, in: flags.string("feature-gates"))
        store.compactionCheckInterval = comparesCompacted && compaction != .zero ? compaction : nil
        return store
    }

    private static func logging(
        _ flags: ServerFlags
    ) throws(ServerFlagError) -> (LogSetting.Level, LogSetting.Format?) {
        let (level, format) = (flags.string("log-level"), flags.string("log-format"))
        guard let parsed = LogSetting.Level(rawValue: level) else {
            throw .badValue(level, "log-level", "unrecognized level: \(level.goQuoted)")
        }
        guard format.isEmpty || LogSetting.Format(rawValue: format) != nil else {
            throw .conflict("unknown log format: \(format), supported values json, console")
        }
        return (parsed, LogSetting.Format(rawValue: format))
    }
}
