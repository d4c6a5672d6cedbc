// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletEtcd
import MartletEtcdClient
import MartletGreeterFixture
import MartletProcesses
import MartletTestPrograms
import SwiftProtobuf
import Testing

/// The commands, and a service, at a registry that encrypts and asks who they are; and nodes that encrypt.
@Suite(.needsOpenSSLAndCurl, .serialized, .timeLimit(.minutes(30))) struct SecureRegistryTests {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    /// A registry whose only user beside `root` is `app`, for go-micro's keys alone.
    private static func withRegistry(
        _ kind: EtcdProcess.Kind, _ body: (String, TestCertificates) async throws -> Void
    ) async throws {
        guard let etcdctl = Etcdctl.all.last else { return }
        let certificates = try await TestCertificates()
        let arguments = [
            "--cert-file", certificates.certificate("server"), "--key-file", certificates.key("server"),
        ]
        try await EtcdProcess.with(kind, scheme: "https", arguments: arguments) { server in
            let control = [
                "ETCDCTL_API=3", etcdctl, "--endpoints", "https://\(server.endpoint)", "--cacert",
                certificates.certificate("ca"),
            ]
            for words in [
                ["user", "add", "root:pw"], ["user", "grant-role", "root", "root"], ["user", "add", "app:a:pw"],
                ["role", "add", "registry"],
                ["role", "grant-permission", "registry", "readwrite", "--prefix=true", "/micro/registry/"],
                ["user", "grant-role", "app", "registry"], ["auth", "enable"],
            ] {
                // etcdctl takes all behind the first colon for the password, as we do.
                try await output(of: "/usr/bin/env", control + words)
            }
            try await body(server.endpoint, certificates)
        }
    }

    /// Runs a service while `body` runs.
    private static func withGreeter(
        _ registry: any ServiceRegistry, _ tls: MicroTLS? = nil, _ body: (NodeRecord) async throws -> Void
    ) async throws {
        let (nodes, started) = AsyncStream.makeStream(of: NodeRecord.self)
        var service = MicroService("go.micro.server", version: "7", registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
            $0.tls = tls
            $0.afterStart = { started.yield($0) }
            $0.logger = Self.silent
        }
        service.handle("Greeter.Hello") { (request: HelloRequest, context) in
            HelloResponse.with { $0.greeting = "Hello \(request.name)" }
        }
        service.describe(fileDescriptorSet: GreeterDescriptors.fileDescriptorSet)
        let running = service
        let task = Task {
            defer { started.finish() }
            try await running.run()
        }
        guard let node = await nodes.first(where: { _ in true }) else { return try await task.value }
        let result: Result<Void, any Error>
        do { result = .success(try await body(node)) } catch { result = .failure(error) }
        task.cancel()
        _ = await task.result
        try result.get()
    }

    private static func martlet(_ words: [String], _ variables: [String] = []) async throws -> FinishedProgram {
        try await run("/usr/bin/env", variables + [BuiltBinary.path] + words)
    }

    @Test(arguments: EtcdProcess.Kind.available) func commandsAndServicesGetIn(_ kind: EtcdProcess.Kind) async throws {
        try await Self.withRegistry(kind) { endpoint, certificates in
            // As MICRO_REGISTRY=etcd and its variables make it.
            var tls = MicroTLS()
            tls.trustRootsFile = certificates.certificate("ca")
            let plugins = MicroPlugins([.etcd])
            func registry(_ password: String) throws -> any ServiceRegistry {
                try plugins.registry(
                    "etcd",
                    MicroPlugin.Settings(
                        addresses: [endpoint], tls: tls, credentials: MicroCredentials(user: "app", password: password),
                        logger: Self.silent))
            }
            await #expect(throws: (any Error).self) { try await registry("guess").services().count }
            try await Self.withGreeter(try registry("a:pw")) { _ in
                let at = ["--registry", "https://\(endpoint)"]
                let access = ["--cacert", certificates.certificate("ca"), "--user", "app:a:pw"]
                for words in [
                    ["services"], ["services", "go.micro.server"], ["describe", "go.micro.server"],
                    ["health", "go.micro.server"],
                    ["call", "go.micro.server", "Greeter.Hello", #"{"name":"John"}"#],
                    ["stream", "go.micro.server", "Greeter.Hello", #"{"name":"John"}"#, "--count", "1"],
                ] {
                    let done = try await Self.martlet(words + at + access)
                    #expect(done.isSuccess, "\(words): \(done.output)")
                    let hidden = try await Self.martlet(words + at + ["--cacert", certificates.certificate("ca")])
                    #expect(
                        !hidden.isSuccess && hidden.output.contains("Say who asks: --user name:password"),
                        "\(words): \(hidden.output)")
                    #expect(hidden.output.contains("the registry https://\(endpoint) can't be read"))
                }
                // Nobody subscribes, but the registry has let it in.
                let published = try await Self.martlet(["publish", "topic"] + at + access)
                #expect(published.isSuccess, "\(published.output)")

                let call = ["call", "go.micro.server", "Greeter.Hello", #"{"name":"Ann"}"#, "-o", "json"]
                let variables = [
                    "MICRO_REGISTRY_ADDRESS=\(endpoint)", "MICRO_REGISTRY_TLS_CA=\(certificates.certificate("ca"))",
                    "MICRO_REGISTRY_USER=app", "MICRO_REGISTRY_PASSWORD=a:pw",
                ]
                #expect(try await Self.martlet(call, variables).output == #"{"greeting":"Hello Ann"}"#)
                // A flag counts for more than its variable.
                let wrong = try await Self.martlet(call + ["--user", "app:guess", "--password", "guess"], variables)
                #expect(!wrong.isSuccess && wrong.output.contains("invalid user ID or password"), "\(wrong.output)")
                let stranger = try await Self.martlet(call + ["--user=app:a:pw"] + at)
                #expect(!stranger.isSuccess && stranger.output.contains("can't be read"), "\(stranger.output)")
                let lax = try await Self.martlet(
                    call + ["--user=app:a:pw", "--insecure-skip-tls-verify=true"] + at)
                #expect(lax.isSuccess, "\(lax.output)")

                // A shell isn't held up: what takes longer completes nothing.
                let words = ["---completion", "call", "--", "positional@0", "2", "2", "martlet", "call", "go"]
                var completed = ""
                _ = try await eventually {
                    completed = try await Self.martlet(words + at + access).output
                    return completed.contains("go.micro.server")
                }
                #expect(completed.contains("go.micro.server"), "\(completed)")
            }
        }
    }

    @Test func nodesMayEncryptToo() async throws {
        let certificates = try await TestCertificates()
        try await certificates.make("client")
        try await RunningServer.with(["server", "--listen-client-urls", "http://127.0.0.1:0"]) { server in
            var tls = MicroTLS(
                certificateChainFile: certificates.certificate("server"), privateKeyFile: certificates.key("server"),
                trustRootsFile: certificates.certificate("ca"))
            tls.requiresClientCertificate = true
            let registry = EtcdRegistry(endpoints: [server.address]) { $0.logger = Self.silent }
            try await Self.withGreeter(registry, tls) { node in
                let own = [
                    "--tls-cacert", certificates.certificate("ca"), "--tls-cert", certificates.certificate("client"),
                    "--tls-key", certificates.key("client"),
                ]
                let hello = #"{"name":"Ann"}"#
                for way in [["--registry", server.address], ["--address", node.address]] {
                    for words in [
                        ["call", "go.micro.server", "Greeter.Hello", hello],
                        ["stream", "go.micro.server", "Greeter.Hello", hello], ["health", "go.micro.server"],
                        ["describe", "Greeter"],
                    ] where way[0] == "--address" || words[0] != "describe" {
                        // By its address a node is asked for gRPC's own names.
                        let named = words[0] == "health" && way[0] == "--address" ? ["health"] : words
                        let done = try await Self.martlet(named + way + own + ["--timeout", "300s"])
                        #expect(done.isSuccess, "\(named) \(way): \(done.output)")
                        let plain = try await Self.martlet(named + way + ["--timeout", "3s"])
                        #expect(!plain.isSuccess, "\(named) \(way): \(plain.output)")
                    }
                }
                let variables = [
                    "MICRO_CLIENT_TLS_CA=\(certificates.certificate("ca"))",
                    "MICRO_CLIENT_TLS_CERT=\(certificates.certificate("client"))",
                    "MICRO_CLIENT_TLS_KEY=\(certificates.key("client"))",
                ]
                let words = ["call", "go.micro.server", "Greeter.Hello", hello, "-o", "json"]
                let done = try await Self.martlet(words + ["--registry", server.address], variables)
                #expect(done.output == #"{"greeting":"Hello Ann"}"#)
            }
        }
    }

    @Test func flagsThatMakeNoSenseAreSaidSo() async throws {
        let lone = try await Self.martlet(["services", "--cert", "x.pem"])
        #expect(!lone.isSuccess && lone.output.contains("--cert and --key need each other"), "\(lone.output)")
        let node = try await Self.martlet(["call", "x", "Y.Z", "--tls-key", "x.pem"])
        #expect(!node.isSuccess && node.output.contains("--tls-cert and --tls-key need each other"), "\(node.output)")
        for flag in ["--cacert", "--tls-cacert"] {
            let absent = try await Self.martlet(["call", "x", "Y.Z", flag, "/nowhere/ca.pem"])
            #expect(!absent.isSuccess && absent.output == "Error: the file /nowhere/ca.pem can't be read")
        }
        let aside = try await Self.martlet(["call", "x", "Y.Z", "--address", "127.0.0.1:1", "--cacert", "x.pem"])
        #expect(!aside.isSuccess && aside.output.contains("--cacert is about the registry"), "\(aside.output)")
        let nowhere = try await Self.martlet(["publish", "x", "--address", "127.0.0.1:1"])
        #expect(!nowhere.isSuccess && nowhere.output.contains("subscribers are found in the registry"))
    }
}
