// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct ServerFlagsTests {
    struct Form: Sendable, CustomTestStringConvertible {
        var arguments: [String]
        var flag: String
        var value: String

        init(_ arguments: [String], _ flag: String, _ value: String) {
            (self.arguments, self.flag, self.value) = (arguments, flag, value)
        }

        var testDescription: String { arguments.joined(separator: " ") }
    }

    @Test(arguments: [
        Form(["--name=a"], "name", "a"),
        Form(["--name", "a"], "name", "a"),
        Form(["-name=a"], "name", "a"),
        Form(["-name", "a"], "name", "a"),
        Form(["--name="], "name", ""),
        Form(["--name=a=b"], "name", "a=b"),
        Form(["--name", "--data-dir"], "name", "--data-dir"),
        Form(["--name", "a", "--name=b"], "name", "b"),
        Form(["--snapshot-count=1", "--snapshot-count", "2"], "snapshot-count", "2"),
        Form(["--client-cert-auth"], "client-cert-auth", "true"),
        Form(["-client-cert-auth"], "client-cert-auth", "true"),
        Form(["--client-cert-auth=F"], "client-cert-auth", "F"),
        Form(["--client-cert-auth", "--name=x"], "name", "x"),
        Form(["--experimental-watch-progress-notify-interval=100ms"], "watch-progress-notify-interval", "100ms"),
        Form(["--max-txn-ops=0x10"], "max-txn-ops", "0x10"),
        Form(["--name=a", "--"], "name", "a"),
        Form([], "name", "default"),
        Form([], "listen-client-urls", "http://127.0.0.1:2379"),
    ])
    func readsEveryForm(_ form: Form) throws {
        #expect(try ServerFlags(arguments: form.arguments).string(form.flag) == form.value)
    }

    @Test(arguments: [
        (["--nope"], ServerFlagError.unknown("nope"), Int32(2)),
        (["-nope=1"], .unknown("nope"), 2),
        (["--experimental-nope"], .unknown("experimental-nope"), 2),
        (["extra"], .notAFlag("extra"), 1),
        (["--name", "a", "extra"], .notAFlag("extra"), 1),
        (["--client-cert-auth", "false"], .notAFlag("false"), 1),
        (["--", "--name"], .notAFlag("--name"), 1),
        (["-"], .notAFlag("-"), 1),
        (["---name"], .badSyntax("---name"), 2),
        (["--=a"], .badSyntax("--=a"), 2),
        (["--name"], .missingValue("name"), 2),
        (["--max-txn-ops=many"], .badValue("many", "max-txn-ops", "parse error"), 2),
        (["--max-txn-ops=-1"], .badValue("-1", "max-txn-ops", "parse error"), 2),
        (["--client-cert-auth=maybe"], .badValue("maybe", "client-cert-auth", "parse error"), 2),
        (["--initial-cluster-state=old"], .badValue("old", "initial-cluster-state", "invalid value"), 2),
        (["--discovery-fallback=foo"], .badValue("foo", "discovery-fallback", "invalid value"), 2),
        (
            ["--listen-metrics-urls=abc"],
            .badValue("abc", "listen-metrics-urls", "URL scheme must be http, https, unix, or unixs: abc"), 2
        ),
        (
            ["--cors=http://a.example"],
            .badValue(
                "http://a.example", "cors", "URL address does not have the form \"host:port\": http://a.example"), 2
        ),
        (
            ["--feature-gates=Nope=true"],
            .badValue("Nope=true", "feature-gates", "unrecognized feature gate: Nope"), 2
        ),
        (
            ["--feature-gates=LeaseCheckpoint"],
            .badValue("LeaseCheckpoint", "feature-gates", "missing bool value for LeaseCheckpoint"), 2
        ),
        (
            ["--discovery=http://127.0.0.1:1/token"],
            .refused("discovery", "members are found by --initial-cluster or --discovery-endpoints"), 1
        ),
    ])
    func refuses(_ arguments: [String], _ error: ServerFlagError, _ code: Int32) {
        #expect(throws: error) { try ServerFlags(arguments: arguments) }
        #expect(error.exitCode == code)
    }

    /// Compared with etcd 3.5.1's own.
    @Test(arguments: [
        (ServerFlagError.unknown("nope"), "flag provided but not defined: -nope"),
        (.missingValue("heartbeat-interval"), "flag needs an argument: -heartbeat-interval"),
        (.badSyntax("--=3"), "bad flag syntax: --=3"),
        (.notAFlag("extra"), "'extra' is not a valid flag"),
        (.badValue("abc", "max-txn-ops", "parse error"), "invalid value \"abc\" for flag -max-txn-ops: parse error"),
        (
            .badValue("maybe", "client-cert-auth", "parse error"),
            "invalid boolean value \"maybe\" for -client-cert-auth: parse error"
        ),
        (
            .badVariable("abc", "ETCD_MAX_TXN_OPS", "parse error"),
            "invalid value \"abc\" for ETCD_MAX_TXN_OPS: parse error"
        ),
    ])
    func saysItAsEtcdDoes(_ error: ServerFlagError, _ text: String) {
        #expect(error.description == text)
    }

    @Test func readsTheEnvironment() throws {
        let flags = try ServerFlags(
            arguments: ["--name=line"],
            environment: [
                "ETCD_INITIAL_CLUSTER_TOKEN": "t", "ETCD_MAX_TXN_OPS": "",
                "ETCD_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL": "1s", "HOME": "/x",
            ])
        #expect(flags.string("name") == "line")
        #expect(flags.string("initial-cluster-token") == "t")
        #expect(flags.number("max-txn-ops") == 128)
        #expect(flags.duration("watch-progress-notify-interval") == .seconds(1))
        #expect(
            flags.notices.contains(
                ServerNotice(
                    .info, "recognized and used environment variable",
                    ["variable-name": "ETCD_INITIAL_CLUSTER_TOKEN", "variable-value": "t"])))
        #expect(
            flags.warnings == [
                "--experimental-watch-progress-notify-interval is deprecated in v3.6 and will be decommissioned "
                    + "in v3.7. Use '--watch-progress-notify-interval' instead."
            ])
    }

    @Test func refusesFlagAndVariable() {
        #expect(throws: ServerFlagError.shadowed("ETCD_NAME")) {
            try ServerFlags(arguments: ["--name=same"], environment: ["ETCD_NAME": "same"])
        }
        #expect(ServerFlagError.shadowed("ETCD_NAME").exitCode == 1)
    }

    @Test func everyFlagHasAVariable() throws {
        for flag in ServerFlag.table where !["help", "version", "config-file"].contains(flag.name) {
            if case .refused = flag.effect { continue }
            let value = flag.defaultValue.isEmpty ? nil : flag.defaultValue
            guard let value else { continue }
            let flags = try ServerFlags(arguments: [], environment: [flag.variable: value])
            #expect(flags.isGiven(flag.name), "\(flag.variable)")
        }
    }

    @Test func toleratesForeignVariables() throws {
        let environment = ["ETCD_VERIFY": "all", "ETCD_UNSUPPORTED_ARCH": "arm"]
        #expect(try ServerFlags(arguments: [], environment: environment).notices.isEmpty)
        let version = try ServerFlags(arguments: [], environment: ["ETCD_VERSION": "3.6.1"])
        #expect(version.warnings == ["cannot set special environment variable"])
        let unknown = try ServerFlags(arguments: [], environment: ["ETCD_SERVICE_HOST": "h", "ETCD_B": "1"])
        #expect(
            unknown.notices == [
                ServerNotice(.warning, "unrecognized environment variable", ["environment-variable": "ETCD_B=1"]),
                ServerNotice(
                    .warning, "unrecognized environment variable", ["environment-variable": "ETCD_SERVICE_HOST=h"]),
            ])
    }

    @Test func refusesABadVariable() {
        #expect(throws: ServerFlagError.badVariable("x", "ETCD_SNAPSHOT_COUNT", "parse error")) {
            try ServerFlags(arguments: [], environment: ["ETCD_SNAPSHOT_COUNT": "x"])
        }
    }

    @Test func acceptsWhatEtcdForgot() throws {
        let flags = try ServerFlags(arguments: ["-v", "--force", "--name=a"])
        #expect(flags.string("name") == "a")
    }

    @Test func namesFlagsWithoutEffect() throws {
        let flags = try ServerFlags(arguments: [
            "--snapshot-count=5", "--pre-vote=false", "--max-wals=3",
        ])
        #expect(
            flags.warnings == [
                "without effect yet: --snapshot-count, --max-wals, --pre-vote"
            ])
    }

    @Test func saysNothingOfDefaults() throws {
        let flags = try ServerFlags(arguments: [
            "--auto-tls=0", "--metrics=basic", "--strict-reconfig-check", "--discovery=", "--snapshot-count=10000",
        ])
        #expect(flags.warnings.isEmpty)
    }

    @Test func helpAndVersionNeedNothingElse() throws {
        #expect(try ServerFlags(arguments: ["-h", "--config-file=x"]).wantsHelp)
        #expect(try ServerFlags(arguments: ["--help"]).wantsHelp)
        #expect(try ServerFlags(arguments: ["--version"]).wantsVersion)
        #expect(try !ServerFlags(arguments: ["--version=false"]).wantsVersion)
        #expect(ServerHelp.versionLines.hasPrefix("etcd Version: 3.6."))
    }

    @Test func helpHasEveryFlag() {
        for flag in ServerFlag.table {
            if case .refused = flag.effect { continue }
            #expect(ServerHelp.text.contains("--\(flag.name)"))
        }
    }

    @Test(
        arguments: [
            ("0", 0), ("4096", 4096), ("1KiB", 1024), ("128MiB", 128 << 20), ("2GiB", 2 << 30), ("0x10KiB", 16 << 10),
        ] as [(String, UInt64)])
    func sizesAreBytes(text: String, bytes: UInt64) {
        #expect(FlagValue.size(text) == bytes)
    }

    @Test(arguments: ["", "MiB", "1MB", "-1KiB", "1.5GiB", "1 MiB", "20000000000GiB", "1mib"])
    func otherTextsAreNoSizes(text: String) {
        #expect(FlagValue.size(text) == nil)
    }

    @Test func everyDefaultIsAValue() {
        for flag in ServerFlag.table {
            switch flag.kind {
            case .boolean: #expect(FlagValue.boolean(flag.defaultValue) != nil, "\(flag.name)")
            case .number: #expect(FlagValue.number(flag.defaultValue) != nil, "\(flag.name)")
            case .size: #expect(FlagValue.size(flag.defaultValue) != nil, "\(flag.name)")
            case .duration:
                #expect(flag.defaultValue.isEmpty || FlagValue.duration(flag.defaultValue) != nil, "\(flag.name)")
            case .integer: #expect(FlagValue.integer(flag.defaultValue) != nil, "\(flag.name)")
            case .origins, .choice, .features: #expect(flag.kind.fault(flag.defaultValue) == nil, "\(flag.name)")
            case .urls:
                let urls = try? ServerURL.list(flag.defaultValue)
                #expect(flag.defaultValue.isEmpty || urls != nil, "\(flag.name)")
            case .string: break
            }
        }
    }
}
