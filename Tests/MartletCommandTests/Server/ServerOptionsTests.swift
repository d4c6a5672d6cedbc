// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletAuthTokens
import MartletCommand
import MartletEtcdServer
import MartletRedisServer
import Testing

@Suite struct ServerOptionsTests {
    private func options(_ arguments: String...) throws -> ServerOptions {
        try ServerOptions(try ServerFlags(arguments: arguments))
    }

    @Test func startsPlainly() throws {
        let options = try options()
        #expect(options.listeners == [.init(url: try ServerURL("http://127.0.0.1:2379"), role: .client)])
        #expect(options.advertisedURLs.isEmpty)
        #expect(options.tls == nil)
        #expect(options.dataFolder == "default.etcd")
        #expect(options.store.name == "default")
        #expect(options.store.peerURLs == ["http://localhost:2380"])
        #expect(options.store.clusterToken == "etcd-cluster")
        #expect(options.warnings.isEmpty)
    }

    @Test func carriesSettingsToTheStore() throws {
        let options = try options(
            "--name=m1", "--max-txn-ops=7", "--max-request-bytes=1000", "--watch-progress-notify-interval=1ms",
            "--election-timeout=3000", "--initial-cluster-token=t", "--initial-cluster=m1=http://10.0.0.1:2380",
            "--initial-advertise-peer-urls=http://10.0.0.1:2380", "--log-level=warn", "--log-format=json")
        #expect(options.store.maximumTransactionOperations == 7)
        #expect(options.store.maximumRequestBytes == 1000)
        #expect(options.store.watchProgressInterval == .milliseconds(100))
        #expect(options.store.electionTimeout == .seconds(3))
        #expect(options.store.peerURLs == ["http://10.0.0.1:2380"])
        #expect(options.dataFolder == "m1.etcd")
        #expect(options.logLevel.level == .warning)
        #expect(options.logFormat == .json)
    }

    @Test(arguments: [("0", 4_294_967_295), ("7", 7), ("18446744073709551615", 4_294_967_295)])
    func noLimitOfStreamsIsZero(text: String, expected: Int) throws {
        #expect(try options("--max-concurrent-streams=\(text)").maximumConcurrentStreams == expected)
    }

    @Test func streamsTakeTheMemoryTheyAreGiven() throws {
        #expect(try options("--stream-memory=128MiB").store.streamMemoryBytes == 128 << 20)
        #expect(try options("--stream-memory=0").store.streamMemoryBytes == nil)
        #expect(try options().store.streamMemoryBytes == nil)
        #expect(throws: ServerFlagError.self) { try options("--stream-memory=much") }
    }

    @Test func readsGoByLeaseWhereThatIsWanted() throws {
        #expect(try !options().store.readsByLease)
        #expect(try options("--lease-reads").store.readsByLease)
    }

    @Test func clientsOfStreamsAreLimited() throws {
        var limits = try options().streams.limits
        #expect(limits == ClientLimits())
        limits = try options(
            "--stream-max-clients=7", "--stream-idle-timeout=1500ms", "--stream-tcp-keepalive=0",
            "--stream-query-buffer-limit=2MiB", "--stream-output-buffer-limit=normal 1mb 512kb 5 PubSub 0 0 0"
        ).streams.limits
        #expect(limits.clients == 7)
        #expect(limits.idleSeconds == 2)
        #expect(limits.keepaliveSeconds == 0)
        #expect(limits.queryBytes == 2 << 20)
        #expect(limits.output.normal == OutputLimit(hardBytes: 1 << 20, softBytes: 512 << 10, softSeconds: 5))
        #expect(limits.output.pubsub == OutputLimit())
        for wrong in [
            "--stream-max-clients=0", "--stream-idle-timeout=-1s", "--stream-query-buffer-limit=1023KiB",
            "--stream-output-buffer-limit=normal 1mb", "--stream-output-buffer-limit=others 0 0 0",
        ] {
            #expect(throws: ServerFlagError.self, "\(wrong)") { try options(wrong) }
        }
    }

    @Test func givesPlainHTTPItsOwnPlace() throws {
        let options = try options(
            "--listen-client-urls=http://127.0.0.1:1,http://127.0.0.1:2",
            "--listen-client-http-urls=http://127.0.0.1:3",
            "--listen-metrics-urls=http://127.0.0.1:4")
        #expect(options.listeners.map(\.role) == [.grpcOnly, .grpcOnly, .http, .metrics])
    }

    @Test func listensOnceAtEachURL() throws {
        let options = try options("--listen-client-urls=http://127.0.0.1:1,http://127.0.0.1:2,http://127.0.0.1:1")
        #expect(options.listeners.map(\.url.port) == [1, 2])
    }

    @Test func readsTokens() throws {
        let plain = try options()
        #expect(plain.authToken.kind == .simple && plain.authTokenTTL == .seconds(300))
        #expect(plain.store.bcryptCost == 10)
        let options = try options(
            "--auth-token=jwt,sign-method=HS256,priv-key=k,color=red", "--auth-token-ttl=7", "--bcrypt-cost=4")
        #expect(options.authToken.kind == .jwt && options.authTokenTTL == .seconds(7))
        #expect(options.store.bcryptCost == 4)
        #expect(options.warnings == ["unknown token option"])
        #expect(throws: Never.self) { try options.tokenProvider { _ in [1, 2, 3] } }
        let missing = #expect(throws: AuthTokenFailure.self) {
            try options.tokenProvider { _ in throw CancellationError() }
        }
        #expect(missing?.description == "auth: invalid auth options")
    }

    @Test(arguments: ["3", "32", "0"])
    func costsThatBcryptLacksAreItsDefault(cost: String) throws {
        let options = try options("--bcrypt-cost=\(cost)")
        #expect(options.store.bcryptCost == 10)
        #expect(options.warnings == ["use default bcrypt cost instead of the invalid given cost"])
    }

    @Test func refusesTokensOfNoKind() {
        let error = #expect(throws: ServerFlagError.self) { try options("--auth-token=sometimes") }
        #expect(error.map { "\($0)" } == "auth: invalid auth options")
    }

    @Test func readsStorage() throws {
        let options = try options(
            "--quota-backend-bytes=-1", "--snapshot-count=7", "--snapshot-catchup-entries=9", "--wal-dir=w",
            "--heartbeat-interval=10")
        #expect(options.storage.quotaBytes == -1)
        #expect(options.storage.snapshotCount == 7)
        #expect(options.storage.catchUpEntries == 9)
        #expect(options.logFolder == "w")
        #expect(options.storage.heartbeatInterval == .milliseconds(10))
    }

    @Test(arguments: [
        ("periodic", "0", nil), ("periodic", "5", AutoCompaction.periodic(.seconds(18_000))),
        ("periodic", "5m", .periodic(.seconds(300))), ("revision", "0", nil), ("revision", "1000", .revision(1000)),
        ("revision", "1us", .revision(1000)),
    ])
    func readsAutoCompaction(_ mode: String, _ retention: String, _ expected: AutoCompaction?) throws {
        let options = try options("--auto-compaction-mode=\(mode)", "--auto-compaction-retention=\(retention)")
        #expect(options.storage.autoCompaction == expected)
    }

    @Test func neverPingsWhereTheIntervalIsZero() throws {
        #expect(try options("--grpc-keepalive-interval=0").keepaliveInterval == nil)
        #expect(try options("--grpc-keepalive-interval=3s").keepaliveInterval == .seconds(3))
    }

    /// What leases have left is kept whatever is said, so only who wants it lost is told that he can't have that.
    @Test(arguments: [
        (["--feature-gates=LeaseCheckpoint=true,LeaseCheckpointPersist=true"], []),
        (["--experimental-enable-lease-checkpoint", "--experimental-enable-lease-checkpoint-persist=true"], []),
        (["--feature-gates=LeaseCheckpoint=true", "--experimental-enable-lease-checkpoint-persist"], []),
        (["--feature-gates=TxnModeWriteWithSharedBuffer=false,CompactHashCheck=false"], []),
        (["--feature-gates=LeaseCheckpoint=false"], ["without effect: --feature-gates=LeaseCheckpoint=false"]),
        (
            ["--feature-gates=CompactHashCheck=true,LeaseCheckpoint=1,SetMemberLocalAddr=t"],
            ["without effect: --feature-gates=SetMemberLocalAddr=t"]
        ),
    ])
    func saysWhichFeaturesItLacks(_ arguments: [String], _ expected: [String]) throws {
        let options = try ServerOptions(try ServerFlags(arguments: arguments))
        #expect(options.warnings.filter { $0.hasPrefix("without effect") } == expected)
    }

    @Test func comparesMembers() throws {
        let quiet = try options().store
        #expect(!quiet.comparesAtStart)
        #expect(quiet.corruptionCheckInterval == nil && quiet.compactionCheckInterval == nil)
        let flags = try options("--experimental-initial-corrupt-check", "--corrupt-check-time=1h").store
        #expect(flags.comparesAtStart && flags.corruptionCheckInterval == .seconds(3600))
        let gates = try options("--feature-gates=InitialCorruptCheck=true,CompactHashCheck=true").store
        #expect(gates.comparesAtStart && gates.compactionCheckInterval == .seconds(60))
        let often = try options("--compact-hash-check-enabled", "--compact-hash-check-time=5s").store
        #expect(often.compactionCheckInterval == .seconds(5))
    }

    @Test func forcesANewCluster() throws {
        let cluster = "--initial-cluster=default=http://a:1,b=http://b:1"
        let options = try options("--force-new-cluster", cluster)
        #expect(options.storage.forcesNewCluster && options.store.peerURLs == ["http://a:1"])
        #expect(try !self.options().storage.forcesNewCluster)
    }

    @Test func comparesWhatNamesStandFor() throws {
        let options = try options(
            "--name=m", "--initial-cluster=m=http://localhost:1", "--initial-advertise-peer-urls=http://127.0.0.1:1")
        #expect(options.store.peerURLs == ["http://localhost:1"])
    }

    @Test(arguments: [
        (
            ["--election-timeout=100"],
            "--election-timeout[100ms] should be at least as 5 times as --heartbeat-interval[100ms]"
        ),
        (["--election-timeout=50001"], "--election-timeout[50001ms] is too long, and should be set less than 50000ms"),
        (["--heartbeat-interval=0"], "--heartbeat-interval must be >0 (set to 0ms)"),
        (["--election-timeout=0"], "--election-timeout must be >0 (set to 0ms)"),
        (["--compact-hash-check-time=0"], "--compact-hash-check-time must be >0 (set to 0s)"),
        (["--listen-client-urls=http://a.example:1"], "expected IP in URL for binding (http://a.example:1)"),
        (["--listen-peer-urls=http://a.example:1"], "expected IP in URL for binding (http://a.example:1)"),
        (["--listen-client-urls="], "--listen-client-urls names no URL"),
        (["--auto-compaction-mode=foo"], "unknown auto-compaction-mode \"foo\""),
        (["--auto-compaction-mode="], "undefined auto-compaction-mode"),
        (
            ["--auto-compaction-retention=9223372036854775807"],
            "error parsing CompactionRetention: time: invalid duration \"9223372036854775807\""
        ),
        (
            ["--auto-compaction-retention=abc"],
            "error parsing CompactionRetention: time: invalid duration \"abc\""
        ),
        (["--logger=capnslog"], "--logger=capnslog is removed in v3.5"),
        (["--logger=x"], "unknown logger option \"x\""),
        (["--log-outputs=a,default"], "multi logoutput for \"default\" is not supported yet"),
        (
            ["--enable-log-rotation"],
            "--log-outputs requires a single file path when --log-rotate-config-json is defined"
        ),
        (["--log-format=xml"], "unknown log format: xml, supported values json, console"),
        (
            ["--feature-gates=LeaseCheckpointPersist=true"],
            "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint"
        ),
        (
            ["--experimental-enable-lease-checkpoint-persist"],
            "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint"
        ),
        (["--initial-cluster=nonsense"], "--initial-cluster: a member is name=URL, not \"nonsense\""),
        (
            ["--listen-peer-urls=https://127.0.0.1:1"],
            "TLS key/cert (--peer-cert-file, --peer-key-file) must be provided for peer url https://127.0.0.1:1 "
                + "with HTTPS scheme"
        ),
    ])
    func refusesWhatDoesNotFit(_ arguments: [String], _ text: String) throws {
        let flags = try ServerFlags(arguments: arguments)
        #expect(throws: ServerFlagError.conflict(text)) { try ServerOptions(flags) }
    }

    /// The texts are etcd's. Members that have begun don't mind.
    @Test(arguments: [
        ("a=http://a:1,b=http://b:1", nil, "couldn't find local name \"default\" in the initial cluster configuration"),
        (
            "default=http://a:1", "http://b:1",
            "--initial-cluster has default=http://a:1 but missing from --initial-advertise-peer-urls=http://b:1 "
                + "(resolved urls: \"http://b:1\" != \"http://a:1\")"
        ),
        (
            "default=http://a:1,default=http://a:2", "http://a:1",
            "--initial-cluster has default=http://a:2 but missing from --initial-advertise-peer-urls=http://a:1 "
                + "(len([\"http://a:1\"]) != len([\"http://a:1\" \"http://a:2\"]))"
        ),
        (
            "default=http://a:1", "http://a:2,http://a:1",
            "--initial-advertise-peer-urls has http://a:2 but missing from "
                + "--initial-cluster=default=http://a:1,default=http://a:2"
        ),
        (
            "default=http://a:1,b=http://a:1", "http://a:1",
            "initial cluster b=http://a:1,default=http://a:1 has duplicate url"
        ),
        ("default=http://localhost:1", "http://127.0.0.1:1", nil), ("default=http://a:1", nil, nil),
    ])
    func newMembersAreWhoTheyAreSaidToBe(_ cluster: String, _ advertised: String?, _ mistake: String?) throws {
        let more = advertised.map { ["--initial-advertise-peer-urls=\($0)"] } ?? []
        let options = try ServerOptions(try ServerFlags(arguments: ["--initial-cluster=\(cluster)"] + more))
        #expect(options.cluster.mistake == mistake)
    }

    @Test func refusesALevel() throws {
        let flags = try ServerFlags(arguments: ["--log-level=loud"])
        #expect(throws: ServerFlagError.badValue("loud", "log-level", "unrecognized level: \"loud\"")) {
            try ServerOptions(flags)
        }
    }
}
