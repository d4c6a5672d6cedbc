// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletCommand
import Testing

@Suite struct ConfigFileTests {
    private func flags(
        _ text: String, arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> ServerFlags {
        try ServerFlags(arguments: ["--config-file=f.yml"] + arguments, environment: environment) { path in
            #expect(path == "f.yml")
            return text
        }
    }

    @Test func readsWhatPeopleWrite() throws {
        let flags = try flags(
            """
            # A member.
            name: 'it''s' # its name
            data-dir: /var/lib/etcd
            wal-dir:
            max-txn-ops: 7
            election-timeout: 0x7d0
            strict-reconfig-check: true
            listen-client-urls: https://127.0.0.1:1, https://[::1]:1
            initial-cluster: "it's=http://a:1"
            grpc-keepalive-interval: 5000000000
            grpc-keepalive-timeout: 7s
            auto-compaction-retention: "1"

            client-transport-security:
              # Below.
              cert-file: c.pem
              key-file: "k\\u0020\\x41.pem"
              client-cert-auth: yes
              trusted-ca-file:
              allowed-hostname:
              - a.example
              - 'b.example'

            cipher-suites: [
              TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, # the first
              "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
            ]
            log-outputs: [stderr]
            log-level: debug
            """)
        #expect(flags.string("name") == "it's")
        #expect(flags.string("data-dir") == "/var/lib/etcd")
        #expect(!flags.isGiven("wal-dir"))
        #expect(flags.number("max-txn-ops") == 7)
        #expect(flags.number("election-timeout") == 2000)
        #expect(flags.urls("listen-client-urls").map(\.description) == ["https://127.0.0.1:1", "https://[::1]:1"])
        #expect(flags.string("initial-cluster") == "it's=http://a:1")
        #expect(flags.duration("grpc-keepalive-interval") == .seconds(5))
        #expect(flags.duration("grpc-keepalive-timeout") == .seconds(7))
        #expect(flags.string("key-file") == "k A.pem")
        #expect(flags.boolean("client-cert-auth"))
        #expect(!flags.isGiven("trusted-ca-file"))
        #expect(flags.strings("client-cert-allowed-hostname") == ["a.example", "b.example"])
        #expect(
            flags.strings("cipher-suites") == [
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            ])
        #expect(flags.string("log-level") == "debug")
        #expect(flags.warnings.isEmpty)
    }

    @Test func readsJSON() throws {
        let flags = try flags(
            #"{"name": "j\t\ud83d\ude00", "max-txn-ops": 5, "peer-transport-security": {"auto-tls": true},"#
                + "\n \"log-outputs\":[\"stdout\",\"x\"], \"pre-vote\":false}\n")
        #expect(flags.string("name") == "j\t😀")
        #expect(flags.number("max-txn-ops") == 5)
        #expect(flags.boolean("peer-auto-tls"))
        #expect(flags.strings("log-outputs") == ["stdout", "x"])
        #expect(!flags.boolean("pre-vote"))
    }

    @Test func replacesEverythingElse() throws {
        let flags = try flags(
            "data-dir: d\n", arguments: ["--name=line"],
            environment: ["ETCD_NAME": "variable", "ETCD_MAX_TXN_OPS": "x", "ETCD_FOO": "1"])
        #expect(flags.string("name") == "default")
        #expect(flags.string("data-dir") == "d")
        #expect(flags.warnings.isEmpty)
        #expect(flags.notices.first?.fields == ["path": "f.yml"])
    }

    @Test func isNamedByItsVariable() throws {
        let flags = try ServerFlags(arguments: [], environment: ["ETCD_CONFIG_FILE": "v.yml"]) { path in
            "name: \(path)"
        }
        #expect(flags.string("name") == "v.yml")
    }

    @Test(arguments: ["", "\n\n# nothing\n", "---\n", "--- \n...\nname: x\n"])
    func mayBeEmpty(_ text: String) throws {
        #expect(try flags(text).string("name") == "default")
    }

    @Test func lastFieldCounts() throws {
        #expect(try flags("---\nname: a\nname: b\n---\nname: c\n").string("name") == "b")
    }

    @Test func namesUnknownFields() throws {
        let flags = try flags(
            "nope: 1\ndiscovery-fallback: 'proxy'\nclient-transport-security:\n  nope: x\n  auto-tls: true\n")
        #expect(
            flags.notices.dropFirst().map(\.fields) == [
                ["field": "nope"], ["field": "discovery-fallback"], ["field": "client-transport-security.nope"],
            ])
        #expect(flags.boolean("auto-tls"))
    }

    /// As etcd 3.5.1 has it.
    @Test(arguments: [
        ("name: 5", "number into Go struct field configYAML.name of type string"),
        ("max-txn-ops: abc", "string into Go struct field configYAML.max-txn-ops of type uint"),
        ("max-txn-ops: '5'", "string into Go struct field configYAML.max-txn-ops of type uint"),
        ("strict-reconfig-check: maybe", "string into Go struct field configYAML.strict-reconfig-check of type bool"),
        ("pre-vote: 'true'", "string into Go struct field configYAML.pre-vote of type bool"),
        (
            "auto-compaction-retention: 5",
            "number into Go struct field configYAML.auto-compaction-retention of type string"
        ),
        (
            "client-transport-security: foo",
            "string into Go struct field configYAML.client-transport-security of type embed.securityConfig"
        ),
    ])
    func refusesTypes(_ text: String, _ reason: String) {
        let error = ServerFlagError.conflict(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal \(reason)")
        #expect(throws: error) { try flags(text) }
        #expect(error.exitCode == 1)
    }

    @Test(arguments: [
        ("initial-cluster-state: old", "unexpected clusterState \"old\""),
        (
            "listen-client-urls: abc",
            "unexpected error setting up listen-client-urls: URL scheme must be http, https, unix, or unixs: abc"
        ),
    ])
    func refusesValues(_ text: String, _ reason: String) {
        #expect(throws: ServerFlagError.conflict(reason)) { try flags(text) }
    }

    @Test(arguments: [
        ("\tname: a", "line 1: found character that cannot start any token"),
        ("name: a\n  data-dir: b", "line 2: mapping values are not allowed in this context"),
        ("name: a: b", "line 1: mapping values are not allowed in this context"),
        ("name: a\nword", "line 2: could not find expected ':'"),
        ("name: a\n- b", "line 2: did not find expected key"),
        ("name: 'a", "line 1: found unexpected end of stream"),
        ("\nname: \"a\n\n", "line 2: found unexpected end of stream"),
        ("name: 'a' b", "line 1: did not find expected key"),
        ("log-outputs: [a, b", "line 1: did not find expected ',' or ']'"),
        ("name: |\n  text", "line 1: a value that begins with '|' is not read here"),
        ("name: &a b", "line 1: a value that begins with '&' is not read here"),
        (#"name: "\q""#, "line 1: found unknown escape character"),
        (#"name: "\ud800""#, "line 1: found invalid Unicode character escape code"),
        (#"{"name": "a""#, "line 1: did not find expected ',' or '}'"),
        (#"{"name": "a"} x"#, "line 1: did not find expected <document start>"),
    ])
    func refusesWhatIsNoYAML(_ text: String, _ reason: String) {
        #expect(throws: ServerFlagError.conflict("error converting YAML to JSON: yaml: \(reason)")) {
            try flags(text)
        }
    }

    @Test func boundsItsDepth() {
        #expect(throws: ServerFlagError.self) { try flags(String(repeating: "[", count: 100_000)) }
        let deep = (0..<1_000).map { String(repeating: " ", count: $0) + "a:" }.joined(separator: "\n")
        #expect(throws: ServerFlagError.self) { try flags(deep) }
    }

    /// Any text is read or refused.
    @Test func endsOnEveryText() {
        let seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? 20_261_121
        print("endsOnEveryText: MARTLET_SEED=\(seed)")
        var random = SeededRandom(seed: seed)
        let words = [
            "name", ":", " ", "\n", "  ", "- ", "'", "\"", "[", "]", "{", "}", ",", "#", "\\", "a", "5", "---", "\t",
            "|", "\r\n", "é", "...", "client-transport-security",
        ]
        for _ in 0..<5_000 {
            let text = (0..<20).map { _ in words.randomElement(using: &random) ?? "" }.joined()
            do {
                _ = try flags(text)
            } catch {
                #expect(error is ServerFlagError)
            }
        }
    }
}
