// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Martlet

/// Whether and how calls to nodes are encrypted; the registry has flags of its own.
struct NodeTLSOption: ParsableArguments {
    @Flag(
        help: ArgumentHelp(
            "Speak TLS with the nodes that are called.",
            discussion: """
                Each of the flags below says so, too. Nodes whose record says `secure` are called so anyway. In place of
                the flags there are MICRO_CLIENT_TLS_CA, _CERT, _KEY, _SERVER_NAME and _SKIP_VERIFY, as for services.
                """))
    var tls = false

    @Option(help: ArgumentHelp("Authorities whose certificates of nodes are accepted.", valueName: "file"))
    var tlsCacert: String?

    @Option(help: ArgumentHelp("The own certificate, for nodes that want one.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("The key of that certificate.", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("The name in the nodes' certificates, where it isn't their host.", valueName: "name"))
    var tlsServerName: String?

    @Flag(help: "Accept any certificate of nodes. For tests only.")
    var tlsSkipVerify = false

    /// `nil` where nothing is said of TLS.
    var certificates: MicroTLS? {
        get throws {
            var result = MicroTLS()
            result.trustRootsFile = Self.value(tlsCacert, "CA")
            result.certificateChainFile = Self.value(tlsCert, "CERT")
            result.privateKeyFile = Self.value(tlsKey, "KEY")
            result.serverName = Self.value(tlsServerName, "SERVER_NAME")
            let variable = Self.value(nil, "SKIP_VERIFY").map { GoFlags.truths.contains($0) } ?? false
            result.skipsVerification = tlsSkipVerify || variable
            guard (result.certificateChainFile == nil) == (result.privateKeyFile == nil) else {
                throw CommandFailure(
                    "--tls-cert and --tls-key need each other, and so do MICRO_CLIENT_TLS_CERT and _KEY")
            }
            try PEMFiles.check([result.trustRootsFile, result.certificateChainFile, result.privateKeyFile])
            return tls || result != MicroTLS() ? result : nil
        }
    }

    /// The flag's value or its variable's; nothing is as good as none.
    private static func value(_ flag: String?, _ variable: String) -> String? {
        let text = flag ?? ProcessInfo.processInfo.environment["MICRO_CLIENT_TLS_" + variable] ?? ""
        return text.isEmpty ? nil : text
    }
}
