// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletTestPrograms
import Testing

/// The real binary with settings from all the places they may come from.
@Suite(.needsOpenSSLAndCurl, .timeLimit(.minutes(30))) struct ServerSettingsTests {
    private static let listen = "--listen-client-urls=http://127.0.0.1:0"

    /// Status, headers and body as curl prints them.
    private func curl(_ arguments: String...) async throws -> String {
        try await run("curl", ["-sS", "-i", "--max-time", "10"] + arguments).output
    }

    @Test func guardsPlainHTTP() async throws {
        let arguments = [Self.listen, "--host-whitelist=good.example,127.0.0.1", "--cors=http://a.example:80"]
        try await RunningServer.with(arguments) { server in
            let url = "http://\(server.address)/version"
            let answer1 = try await curl(url)
            #expect(answer1.hasPrefix("HTTP/1.1 200"))
            let answer2 = try await curl(url, "-H", "Host: bad.example")
            #expect(answer2.hasPrefix("HTTP/1.1 421"))
            let page = try await curl(url, "-H", "Host: good.example:1", "-H", "Origin: http://a.example:80")
            #expect(page.lowercased().contains("access-control-allow-origin: http://a.example:80"))
            let preflight = try await curl("-X", "OPTIONS", url, "-H", "Origin: http://a.example:80")
            #expect(preflight.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func showsMetricsApart() async throws {
        let port = try freePort()
        let arguments = [Self.listen, "--listen-metrics-urls=http://127.0.0.1:\(port)"]
        try await RunningServer.with(arguments) { server in
            let answer3 = try await curl("http://127.0.0.1:\(port)/metrics")
            #expect(answer3.contains("etcd_server_has_leader 1"))
            let answer4 = try await curl("http://127.0.0.1:\(port)/health")
            #expect(answer4.hasPrefix("HTTP/1.1 200"))
            let answer5 = try await curl("http://127.0.0.1:\(port)/version")
            #expect(answer5.hasPrefix("HTTP/1.1 404"))
            let answer6 = try await curl("http://\(server.address)/metrics")
            #expect(answer6.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test func readsAFile() async throws {
        let folder = try TemporaryFolder()
        try "name: from-file\nlisten-client-urls: http://127.0.0.1:0\nlog-outputs: [stdout]\nnope: 1\n"
            .write(toFile: folder.file("etcd.yml"), atomically: true, encoding: .utf8)
        let environment = ["ETCD_CONFIG_FILE": "etcd.yml", "ETCD_LISTEN_CLIENT_URLS": "http://example.com:1"]
        try await RunningServer.with([], in: folder, environment: environment, calledAs: "etcd") { server in
            #expect(server.log.contains("loaded server configuration, other configuration command line flags"))
            #expect(server.log.contains("\"msg\":\"unknown field in the configuration file\",\"field\":\"nope\""))
            #expect(server.log.contains("\"msg\":\"Running: \",\"args\":["))
        }
    }

    @Test func hasAsManyFilesOpenAsItIsAllowed() async throws {
        try await RunningServer.with([Self.listen], openFiles: 256) { server in
            let metrics = try await curl("http://\(server.address)/metrics")
            #expect(metrics.contains("etcd_server_has_leader 1") && !metrics.contains("process_max_fds 256\n"))
        }
    }

    @Test func readsVariables() async throws {
        let environment = ["ETCD_LISTEN_CLIENT_URLS": "http://127.0.0.1:0", "ETCD_AUTO_TLS": "true", "ETCD_FOO": "1"]
        try await RunningServer.with([], environment: environment, calledAs: "etcd") { server in
            #expect(
                server.log.contains(
                    "\"msg\":\"unrecognized environment variable\",\"environment-variable\":\"ETCD_FOO=1\""))
            #expect(server.log.contains("\"msg\":\"recognized and used environment variable\""))
        }
    }

    @Test func refusesFlagAndVariable() async throws {
        await #expect {
            try await RunningServer.with([Self.listen], environment: ["ETCD_LISTEN_CLIENT_URLS": "http://a:1"]) { _ in }
        } throws: { error in
            guard let log = (error as? RunningServer.NotStarted)?.log else { return false }
            return log.contains("{\"level\":\"fatal\"")
                && log.contains("\"environment-variable\":\"ETCD_LISTEN_CLIENT_URLS\"")
        }
    }

    @Test func logsToFiles() async throws {
        let folder = try TemporaryFolder()
        let arguments = [
            Self.listen, "--log-outputs=server.log,stderr", "--enable-log-rotation",
            #"--log-rotation-config-json={"maxsize": 1, "maxbackups": 2}"#,
        ]
        try await RunningServer.with(arguments, in: folder) { server in
            let text = try String(contentsOfFile: folder.file("server.log"), encoding: .utf8)
            #expect(text.contains("ready to serve client requests"))
            #expect(server.log.hasPrefix(text))
        }
    }
}
