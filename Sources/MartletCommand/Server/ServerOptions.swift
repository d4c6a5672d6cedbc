// SPDX-License-Identifier: Apache-2.0

package import MartletEtcdServer

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
    }

    package struct Listener: Sendable, Equatable {
        package var url: ServerURL
        package var role: Role

        package init(url: ServerURL, role: Role) {
            self.url = url
            self.role = role
        }
    }

    package struct TLS: Sendable, Equatable {
        package var certificateFile: String
        package var keyFile: String
        package var trustedAuthorityFile: String?
        package var requiresClientCertificate: Bool

        package init(
            certificateFile: String, keyFile: String, trustedAuthorityFile: String?, requiresClientCertificate: Bool
        ) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.trustedAuthorityFile = trustedAuthorityFile
            self.requiresClientCertificate = requiresClientCertificate
        }
    }

    package var listeners: [Listener]
    /// Empty: clients are told where is listened.
    package var advertisedURLs: [ServerURL]
    package var tls: TLS?
    package var store: EtcdServerConfiguration
    package var dataFolder: String
    /// Nil: in the data folder.
    package var logFolder: String?
    package var maximumConcurrentStreams: Int
    package var keepaliveInterval: Duration
    package var keepaliveTimeout: Duration
    package var logLevel: LogSetting.Level
    /// Nil: by whether the log goes to a terminal.
    package var logFormat: LogSetting.Format?
    package var warnings: [String]

    /// The longest election time-out, in milliseconds. Source: etcd embed.
    static let maximumElectionMilliseconds: UInt64 = 50_000
    /// Progress can't be told more often, in etcd's watchable store as here.
    static let minimumProgressInterval = Duration.milliseconds(100)

    package init(_ flags: ServerFlags) throws(ServerFlagError) {
        warnings = flags.warnings
        tls = try Self.tls(flags)
        listeners = try Self.listeners(flags, hasTLS: tls != nil)
        advertisedURLs = flags.urls("advertise-client-urls")
        store = try Self.store(flags)
        store.clientURLs = advertisedURLs.map(\.description)
        let folder = flags.string("data-dir")
        dataFolder = folder.isEmpty ? store.name + ".etcd" : folder
        let logFolder = flags.string("wal-dir")
        self.logFolder = logFolder.isEmpty ? nil : logFolder
        // Zero is no limit, as in gRPC for Go; taken by its word, no client could ever call.
        let streams = flags.number("max-concurrent-streams")
        maximumConcurrentStreams = Int(clamping: streams == 0 ? UInt64(UInt32.max) : min(streams, UInt64(UInt32.max)))
        keepaliveInterval = flags.duration("grpc-keepalive-interval")
        keepaliveTimeout = flags.duration("grpc-keepalive-timeout")
        (logLevel, logFormat) = try Self.logging(flags)
        if tls != nil, !listeners.contains(where: { $0.url.isEncrypted }) {
            warnings.append("--cert-file and --key-file are not used: no client URL is https or unixs")
        }
    }

    private static func listeners(_ flags: ServerFlags, hasTLS: Bool) throws(ServerFlagError) -> [Listener] {
        let separateHTTP = flags.urls("listen-client-http-urls")
        let clientRole: Role = separateHTTP.isEmpty ? .client : .grpcOnly
        let clientURLs = flags.urls("listen-client-urls")
        guard !clientURLs.isEmpty else { throw .conflict("--listen-client-urls names no URL") }
        var listeners = clientURLs.map { Listener(url: $0, role: clientRole) }
        listeners += (separateHTTP + flags.urls("listen-metrics-urls")).map { Listener(url: $0, role: .http) }
        for url in listeners.map(\.url) + flags.urls("listen-peer-urls") {
            guard url.isBindable else { throw .conflict("expected IP in URL for binding (\(url))") }
        }
        if let url = listeners.map(\.url).first(where: { $0.isEncrypted }), !hasTLS {
            throw .conflict("\(url) needs --cert-file and --key-file")
        }
        return listeners
    }

    private static func tls(_ flags: ServerFlags) throws(ServerFlagError) -> TLS? {
        let (certificate, key) = (flags.string("cert-file"), flags.string("key-file"))
        guard certificate.isEmpty == key.isEmpty else { throw .conflict("--cert-file and --key-file go together") }
        guard !certificate.isEmpty else { return nil }
        let authority = flags.string("trusted-ca-file")
        // As in etcd, naming authorities asks for certificates of theirs.
        let requires = flags.boolean("client-cert-auth") || !authority.isEmpty
        if requires, authority.isEmpty { throw .conflict("--client-cert-auth needs --trusted-ca-file") }
        return TLS(
            certificateFile: certificate, keyFile: key, trustedAuthorityFile: authority.isEmpty ? nil : authority,
            requiresClientCertificate: requires)
    }

    private static func store(_ flags: ServerFlags) throws(ServerFlagError) -> EtcdServerConfiguration {
        let (election, heartbeat) = (flags.number("election-timeout"), flags.number("heartbeat-interval"))
        guard heartbeat > 0 else { throw .conflict("--heartbeat-interval must be >0 (set to \(heartbeat)ms)") }
        guard election <= maximumElectionMilliseconds else {
            throw .conflict(
                "--election-timeout[\(election)ms] is too long, and should be set less than "
                    + "\(maximumElectionMilliseconds)ms")
        }
        guard election / 5 >= heartbeat else {
            throw .conflict(
                "--election-timeout[\(election)ms] should be at least as 5 times as "
                    + "--heartbeat-interval[\(heartbeat)ms]")
        }
        var store = EtcdServerConfiguration()
        store.name = flags.string("name")
        store.peerURLs = try peerURLs(flags)
        store.clusterToken = flags.string("initial-cluster-token")
        store.maximumTransactionOperations = Int(clamping: flags.number("max-txn-ops"))
        // More than a message can hold means no limit of its own.
        store.maximumRequestBytes = Int(clamping: min(flags.number("max-request-bytes"), UInt64(Int32.max)))
        store.watchProgressInterval = max(flags.duration("watch-progress-notify-interval"), minimumProgressInterval)
        store.electionTimeout = .milliseconds(Int64(clamping: election))
        store.heartbeatInterval = .milliseconds(Int64(clamping: heartbeat))
        return store
    }

    /// This member's peer URLs, once it is sure that it is the only member.
    private static func peerURLs(_ flags: ServerFlags) throws(ServerFlagError) -> [String] {
        let state = flags.string("initial-cluster-state")
        guard state == "new" || state == "existing" else {
            throw .badValue(state, "flag -initial-cluster-state", "new or existing")
        }
        let advertised = flags.string("initial-advertise-peer-urls").split(separator: ",").map { $0.trimmed }
        let cluster = flags.string("initial-cluster").split(separator: ",").map { $0.trimmed }
        guard !cluster.isEmpty else { return advertised }
        let name = flags.string("name")
        var own: [String] = []
        for member in cluster {
            let parts = member.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { throw .badValue(member, "flag -initial-cluster", "a member is name=URL") }
            guard parts[0] == name else {
                throw .conflict(
                    "--initial-cluster names the member \(parts[0]) beside --name=\(name): "
                        + "a cluster of several members is not supported yet")
            }
            own.append(String(parts[1]))
        }
        guard Set(own) == Set(advertised) || !flags.isGiven("initial-advertise-peer-urls") else {
            throw .conflict(
                "--initial-cluster has \(name)=\(own.joined(separator: ",")) but --initial-advertise-peer-urls is "
                    + advertised.joined(separator: ","))
        }
        return own
    }

    private static func logging(
        _ flags: ServerFlags
    ) throws(ServerFlagError) -> (LogSetting.Level, LogSetting.Format?) {
        let (level, format) = (flags.string("log-level"), flags.string("log-format"))
        guard let parsed = LogSetting.Level(rawValue: level) else {
            throw .badValue(level, "flag -log-level", "debug, info, warn, error, panic or fatal")
        }
        guard format.isEmpty || LogSetting.Format(rawValue: format) != nil else {
            throw .badValue(format, "flag -log-format", "json or console")
        }
        return (parsed, LogSetting.Format(rawValue: format))
    }
}
