// SPDX-License-Identifier: Apache-2.0

extension ServerFlag {
    /// Every flag that etcd 3.4 to 3.6 knows, with what it does here. Source: etcd server/etcdmain.
    package static let table: [ServerFlag] = member + clustering + security + limits + operation + withoutEffect

    /// A flag by its name. etcd 3.4 and 3.5 write many of them behind `experimental-`.
    package static func named(_ name: String) -> ServerFlag? {
        if let flag = byName[name] { return flag }
        guard name.hasPrefix(experimentalPrefix) else { return nil }
        return byName[String(name.dropFirst(experimentalPrefix.count))]
    }

    private static let byName = Dictionary(uniqueKeysWithValues: table.map { ($0.name, $0) })

    private static let member: [ServerFlag] = [
        .used("name", .string, "default", "this member's name, as `etcdctl member list` shows it"),
        .used("data-dir", .string, "", "where data lies; without it, the name and .etcd in the working folder"),
        .used("wal-dir", .string, "", "where the log lies, if not in the data folder"),
        .used(
            "listen-client-urls", .urls, "http://127.0.0.1:2379",
            "where clients connect: http, https, unix or unixs; port 0 lets the kernel choose"),
        .used(
            "advertise-client-urls", .urls, "",
            "the URLs that clients are told to use; without it, those that are listened on"),
        .used("listen-client-http-urls", .urls, "", "where plain HTTP is answered, if not on the client URLs"),
        .used(
            "listen-stream-urls", .string, "",
            "where Redis's clients connect: redis, rediss, unix or unixs; without it, and without a flag that says "
                + "where to listen, redis://127.0.0.1:6379 if that is free"),
        .used("listen-metrics-urls", .urls, "", "more places for /metrics, /health, /livez and /readyz"),
        .used(
            "config-file", .string, "",
            "all settings in one file (YAML or JSON, etcd's names); other flags and variables then count for nothing"),
    ]

    private static let clustering: [ServerFlag] = [
        .used(
            "listen-peer-urls", .urls, "http://localhost:2380",
            "where the other members connect; without --peer-client-cert-auth whoever can is taken for one"),
        .used(
            "initial-advertise-peer-urls", .urls, "http://localhost:2380",
            "this member's peer URLs; its identity is made of them and the token"),
        .used(
            "initial-cluster", .string, "",
            "the members, each name=URL, this one among them; without it this one alone"),
        .used("initial-cluster-state", .choice(["new", "existing"]), "new", "new, or existing"),
        .used("initial-cluster-token", .string, "etcd-cluster", "tells clusters apart"),
        .used(
            "strict-reconfig-check", .boolean, "true",
            "refuse changes of the members that could leave too few that are there"),
        .used(
            "lease-reads", .boolean, "false",
            "a leader answers reads without asking the others, while they have promised to elect nobody else; by their "
                + "monotonic clocks, which must not differ by more than a fifth nor stand still. At all members alike"),
        .used(
            "discovery-token", .string, "",
            "instead of --initial-cluster: the new cluster's name where its members find each other"),
        .used("discovery-endpoints", .string, "", "where that is: servers of another etcd or Martlet"),
        .used("discovery-dial-timeout", .duration, "2s", "how long connecting to them may take"),
        .used("discovery-request-timeout", .duration, "5s", "how long a request to them may take"),
        .used("discovery-user", .string, "", "who asks them: user, or user:password"),
        .used("discovery-password", .string, "", "the password"),
        .used("discovery-cacert", .string, "", "who vouches for them, where they are https:// (PEM)"),
        .used("discovery-cert", .string, "", "the certificate shown to them (PEM)"),
        .used("discovery-key", .string, "", "its private key (PEM)"),
        .used("discovery-insecure-skip-tls-verify", .boolean, "false", "take whatever certificate they show"),
        .used("max-learners", .integer, "1", "most members that only learn"),
        .used(
            "initial-corrupt-check", .boolean, "false",
            "before serving, compare what this member holds with what the others do"),
        .used("corrupt-check-time", .duration, "0s", "how often the leader compares what the members hold; 0 never"),
        .used(
            "compact-hash-check-enabled", .boolean, "false",
            "have the leader compare what the members held at the last compaction"),
        .used("compact-hash-check-time", .duration, "1m0s", "how often it looks whether there was one"),
        .used(
            "force-new-cluster", .boolean, "false",
            "make this member, with its data, a cluster of one: the others of its cluster no longer belong to it"),
    ]

    private static let security: [ServerFlag] = [
        .used("cert-file", .string, "", "certificate chain (PEM) for https and unixs; read again when it changes"),
        .used("key-file", .string, "", "its private key (PEM)"),
        .used(
            "auto-tls", .boolean, "false", "without them: a certificate of its own, kept in DATA-DIR/fixtures/client"),
        .used("self-signed-cert-validity", .number, "1", "years that a certificate of --auto-tls is valid"),
        .used("trusted-ca-file", .string, "", "authorities (PEM) whose client certificates are accepted"),
        .used("client-cert-auth", .boolean, "false", "require a client certificate"),
        .used("client-crl-file", .string, "", "revoked client certificates (PEM or DER); read again when it changes"),
        .used(
            "client-cert-allowed-hostname", .string, "",
            "host names or addresses, one of which a client's certificate must bear"),
        .used("client-cert-allowed-cn", .string, "", "common names, one of which a client's certificate must bear"),
        .used("cipher-suites", .string, "", "the cipher suites of TLS 1.2, by name, separated by commas"),
        .used("tls-min-version", .string, "TLS1.2", "TLS1.2 or TLS1.3"),
        .used("tls-max-version", .string, "", "TLS1.2 or TLS1.3; without it the newest"),
        .used(
            "auth-token", .string, "simple",
            "tokens of who logs in: simple, or jwt,pub-key=FILE,priv-key=FILE,sign-method=METHOD,ttl=DURATION"),
        .used("auth-token-ttl", .number, "300", "seconds that a simple token is good for after its last use"),
        .used("bcrypt-cost", .number, "10", "how dear the hash of a password is: 4 to 31"),
        .used("stream-password-file", .string, "", "a file whose first line Redis's clients have to AUTH with"),
        .used("stream-enable-debug-command", .boolean, "false", "let Redis's clients use DEBUG: for tests"),
        .used("peer-cert-file", .string, "", "certificate chain (PEM) for https between members"),
        .used("peer-key-file", .string, "", "its private key (PEM)"),
        .used("peer-client-cert-file", .string, "", "what is shown to other members, if not the same certificate"),
        .used("peer-client-key-file", .string, "", "its private key (PEM)"),
        .used("peer-trusted-ca-file", .string, "", "authorities (PEM) whose certificates members accept of members"),
        .used("peer-client-cert-auth", .boolean, "false", "require a certificate of members that connect"),
        .used(
            "peer-auto-tls", .boolean, "false",
            "without them: a certificate of its own, kept in DATA-DIR/fixtures/peer"),
        .used("peer-crl-file", .string, "", "revoked certificates of members (PEM or DER)"),
        .used(
            "peer-cert-allowed-hostname", .string, "",
            "host names or addresses, one of which a member's certificate must bear"),
        .used("peer-cert-allowed-cn", .string, "", "common names, one of which a member's certificate must bear"),
        .used(
            "peer-skip-client-san-verification", .boolean, "false",
            "let members connect from elsewhere than the addresses and hosts that their certificates name"),
        .used("host-whitelist", .string, "*", "host names that plain HTTP requests without TLS may name"),
        .used("cors", .origins, "*", "origins whose pages may read answers"),
    ]

    private static let limits: [ServerFlag] = [
        .used(
            "quota-backend-bytes", .integer, "0",
            "what keys and kept versions may take; 0 is 2 GiB, less is as much as there is room for"),
        .used(
            "stream-quota-bytes", .number, "0",
            "what Redis's databases may take in memory before commands that need more are refused; 0 is no limit"),
        .used(
            "stream-memory", .size, "0",
            "what entries of streams may take in memory, such as 128MiB; more lie on disk alone. 0: all are in memory"),
        .used("stream-max-clients", .number, "10000", "connections of Redis's clients; who comes then is turned away"),
        .used(
            "stream-idle-timeout", .duration, "0s",
            "how long one may send nothing before it is closed, in whole seconds; 0 is for ever"),
        .used(
            "stream-tcp-keepalive", .duration, "5m0s",
            "after how much silence the kernel asks whether the other side is there; 0 never"),
        .used(
            "stream-query-buffer-limit", .size, "32MiB",
            "what one may send of a request before it is closed; 1MiB or more"),
        .used(
            "stream-output-buffer-limit", .string, "",
            "what one may leave unread before it is closed, as in redis.conf: class hard soft seconds; without it "
                + "pubsub 32mb 8mb 60"),
        .used("auto-compaction-mode", .string, "periodic", "periodic, or revision"),
        .used(
            "auto-compaction-retention", .string, "0",
            "what stays: a duration or hours, or a number of revisions; 0 compacts nothing"),
        .used("max-txn-ops", .number, "128", "most operations of one transaction"),
        .used("max-request-bytes", .number, "1572864", "largest request"),
        .used("max-concurrent-streams", .number, "65536", "calls that one connection may have open"),
        .used(
            "grpc-keepalive-interval", .duration, "2h",
            "how long a silent client is left alone before a ping; 0 for ever"),
        .used("grpc-keepalive-timeout", .duration, "20s", "how long the answer to that ping may take"),
        .used(
            "watch-progress-notify-interval", .duration, "10m",
            "how long a watcher hears nothing before progress is told"),
        .used("socket-reuse-port", .boolean, "false", "let other servers listen on the same ports"),
        .used("socket-reuse-address", .boolean, "false", "listen where a server has just ended; always done here"),
        .used("election-timeout", .number, "1000", "milliseconds; the least time to live of a lease follows from it"),
        .used("heartbeat-interval", .number, "100", "milliseconds; at most a fifth of the election time-out"),
    ]

    private static let operation: [ServerFlag] = [
        .used("log-level", .string, "info", "debug, info, warn, error, panic or fatal"),
        .used("log-format", .string, "", "json or console; without it console on a terminal, json elsewhere"),
        .used("log-outputs", .string, "default", "stderr, stdout or files, separated by commas"),
        .used("enable-log-rotation", .boolean, "false", "begin a log file anew when it has grown"),
        .used(
            "log-rotation-config-json", .string, #"{"maxsize": 100, "maxage": 0, "maxbackups": 0}"#,
            "when it does: size in MB; days and number of the files kept, 0 for all"),
        .used("logger", .string, "zap", "etcd's choice of one"),
        .used("enable-grpc-gateway", .boolean, "true", "answer JSON under /v3"),
        .used("feature-gates", .features, "", "etcd's features by name; what leases have left is kept in any case"),
        .used(
            "enable-lease-checkpoint", .boolean, "false",
            "keep what long leases have left, so that a restart doesn't begin them anew; always done here"),
        .used("enable-lease-checkpoint-persist", .boolean, "false", "and keep it in snapshots; always done here"),
        .used("metrics", .string, "basic", "basic; or extensive, which times calls, too"),
        .used("version", .boolean, "false", "print the version and end"),
        .used("help", .boolean, "false", "print this and end"),
    ]
}
