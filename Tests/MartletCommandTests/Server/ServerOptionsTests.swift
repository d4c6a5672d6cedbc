// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletCommand
import MartletEtcdServer
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

    @Test func givesPlainHTTPItsOwnPlace() throws {
        let options = try options(
            "--listen-client-urls=http://127.0.0.1:1,http://127.0.0.1:2",
            "--listen-client-http-urls=http://127.0.0.1:3",
            "--listen-metrics-urls=http://127.0.0.1:4")
        #expect(options.listeners.map(\.role) == [.grpcOnly, .grpcOnly, .http, .http])
    }

    @Test func readsTLS() throws {
        let options = try options(
            "--listen-client-urls=https://127.0.0.1:1", "--cert-file=c", "--key-file=k", "--trusted-ca-file=a")
        #expect(
            options.tls
                == .init(certificateFile: "c", keyFile: "k", trustedAuthorityFile: "a", requiresClientCertificate: true)
        )
    }

    @Test func warnsOfUnusedCertificates() throws {
        let options = try options("--cert-file=c", "--key-file=k")
        #expect(options.warnings == ["--cert-file and --key-file are not used: no client URL is https or unixs"])
    }

    @Test(arguments: [
        (
            ["--election-timeout=100"],
            "--election-timeout[100ms] should be at least as 5 times as --heartbeat-interval[100ms]"
        ),
        (["--election-timeout=50001"], "--election-timeout[50001ms] is too long, and should be set less than 50000ms"),
        (["--heartbeat-interval=0"], "--heartbeat-interval must be >0 (set to 0ms)"),
        (["--listen-client-urls=http://a.example:1"], "expected IP in URL for binding (http://a.example:1)"),
        (["--listen-peer-urls=http://a.example:1"], "expected IP in URL for binding (http://a.example:1)"),
        (["--listen-client-urls="], "--listen-client-urls names no URL"),
        (["--listen-client-urls=https://127.0.0.1:1"], "https://127.0.0.1:1 needs --cert-file and --key-file"),
        (["--listen-client-urls=unixs://x"], "unixs://x needs --cert-file and --key-file"),
        (["--cert-file=c"], "--cert-file and --key-file go together"),
        (["--cert-file=c", "--key-file=k", "--client-cert-auth"], "--client-cert-auth needs --trusted-ca-file"),
        (
            ["--initial-cluster=default=http://a:1,b=http://b:1"],
            "--initial-cluster names the member b beside --name=default: "
                + "a cluster of several members is not supported yet"
        ),
        (
            ["--initial-cluster=default=http://a:1", "--initial-advertise-peer-urls=http://b:1"],
            "--initial-cluster has default=http://a:1 but --initial-advertise-peer-urls is http://b:1"
        ),
    ])
    func refusesWhatDoesNotFit(_ arguments: [String], _ text: String) throws {
        let flags = try ServerFlags(arguments: arguments)
        #expect(throws: ServerFlagError.conflict(text)) { try ServerOptions(flags) }
    }

    @Test(arguments: [
        ["--log-level=loud"], ["--log-format=xml"], ["--initial-cluster-state=old"], ["--initial-cluster=nonsense"],
    ])
    func refusesWords(_ arguments: [String]) throws {
        let flags = try ServerFlags(arguments: arguments)
        #expect {
            _ = try ServerOptions(flags)
        } throws: { error in
            if case .badValue = error as? ServerFlagError { true } else { false }
        }
    }
}
