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
        (["--max-txn-ops=many"], .badValue("many", "flag -max-txn-ops", "not a whole number"), 2),
        (["--max-txn-ops=-1"], .badValue("-1", "flag -max-txn-ops", "not a whole number"), 2),
        (["--client-cert-auth=maybe"], .badValue("maybe", "flag -client-cert-auth", "not a boolean"), 2),
        (["--auto-tls"], .refused("auto-tls", "certificates are not made here; give --cert-file and --key-file"), 1),
    ])
    func refuses(_ arguments: [String], _ error: ServerFlagError, _ code: Int32) {
        #expect(throws: error) { try ServerFlags(arguments: arguments) }
        #expect(error.exitCode == code)
    }

    @Test func unknownFlagIsNamed() {
        #expect(ServerFlagError.unknown("nope").description == "flag provided but not defined: -nope")
    }

    @Test func readsTheEnvironment() throws {
        let flags = try ServerFlags(
            arguments: ["--name=line"],
            environment: [
                "ETCD_NAME": "variable", "ETCD_INITIAL_CLUSTER_TOKEN": "t", "ETCD_MAX_TXN_OPS": "",
                "ETCD_EXPERIMENTAL_WATCH_PROGRESS_NOTIFY_INTERVAL": "1s", "HOME": "/x",
            ])
        #expect(flags.string("name") == "line")
        #expect(flags.string("initial-cluster-token") == "t")
        #expect(flags.number("max-txn-ops") == 128)
        #expect(flags.duration("watch-progress-notify-interval") == .seconds(1))
        #expect(flags.warnings == ["ETCD_NAME is shadowed by --name on the command line"])
    }

    @Test func toleratesForeignVariables() throws {
        let environment = ["ETCD_VERIFY": "all", "ETCD_UNSUPPORTED_ARCH": "arm", "ETCD_VERSION": "3.6.1"]
        #expect(try ServerFlags(arguments: [], environment: environment).warnings.isEmpty)
        let unknown = try ServerFlags(arguments: [], environment: ["ETCD_SERVICE_HOST": "h", "ETCD_B": "1"])
        #expect(unknown.warnings == ["unrecognized environment variables: ETCD_B, ETCD_SERVICE_HOST"])
    }

    @Test func refusesABadVariable() {
        #expect(throws: ServerFlagError.badValue("x", "ETCD_SNAPSHOT_COUNT", "not a whole number")) {
            try ServerFlags(arguments: [], environment: ["ETCD_SNAPSHOT_COUNT": "x"])
        }
    }

    @Test func namesFlagsWithoutEffect() throws {
        let flags = try ServerFlags(arguments: [
            "--snapshot-count=5", "--peer-auto-tls", "--strict-reconfig-check=false", "--auto-compaction-retention=1",
        ])
        #expect(
            flags.warnings == [
                "without effect yet: --snapshot-count, --auto-compaction-retention, --strict-reconfig-check, "
                    + "--peer-auto-tls"
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

    @Test func everyDefaultIsAValue() {
        for flag in ServerFlag.table {
            switch flag.kind {
            case .boolean: #expect(FlagValue.boolean(flag.defaultValue) != nil, "\(flag.name)")
            case .number: #expect(FlagValue.number(flag.defaultValue) != nil, "\(flag.name)")
            case .duration:
                #expect(flag.defaultValue.isEmpty || FlagValue.duration(flag.defaultValue) != nil, "\(flag.name)")
            case .urls:
                let urls = try? ServerURL.list(flag.defaultValue)
                #expect(flag.defaultValue.isEmpty || urls != nil, "\(flag.name)")
            case .string: break
            }
        }
    }
}
