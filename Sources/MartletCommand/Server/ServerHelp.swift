// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer

/// What the server says about itself.
package enum ServerHelp {
    package static let versionLines = """
        etcd Version: \(EtcdVersion.server)
        Martlet Version: \(MartletVersion.current)
        """

    /// What follows a complaint about the command line.
    package static let usage = """
        Usage:

          martlet server [flags]
            Start a server; called as etcd, the binary needs no "server".

          martlet server --version
            Show the version.

          martlet server --help
            Show what the flags do.

          martlet server --config-file
            Take all settings from a file; other flags and environment variables then count for nothing.
        """

    package static let introduction = """
        Starts a key-value server that speaks etcd's version 3 protocol, for etcdctl, any etcd client, and as the \
        registry of Martlet and go-micro services. It takes etcd's own flags, so that scripts written for etcd drive it.
        Beside it, on the same log, it serves streams to redis-cli and any client of Redis: see --listen-stream-urls.

        Every write is on disk before it is acknowledged.

        Try it:
          martlet server
        and in another terminal:
          etcdctl put greeting hello
          etcdctl get greeting
          redis-cli xadd events '*' text hello
          martlet services
        """

    /// All flags that do something, and the names of those that don't yet.
    package static var flags: String {
        let used = ServerFlag.table.filter { $0.effect == .used }
        var text = "Flags (each also as an ETCD_ variable, --listen-client-urls as ETCD_LISTEN_CLIENT_URLS):\n"
        for flag in used {
            let value = flag.kind.placeholder.isEmpty ? "" : " <\(flag.kind.placeholder)>"
            text += "  --\(flag.name)\(value)\n        \(flag.help)"
            let isPlain = flag.defaultValue.isEmpty || flag.defaultValue == "false"
            text += isPlain ? "\n" : " (default: \(flag.defaultValue))\n"
        }
        let ignored = ServerFlag.table.filter { $0.effect == .ignored }.map { "--\($0.name)" }
        text += "\nFlags of etcd that are accepted and have no effect yet:\n" + wrapped(ignored, width: 100)
        return text
    }

    package static var text: String { introduction + "\n\n" + flags }

    /// Words in lines of at most `width` characters, indented by two.
    private static func wrapped(_ words: [String], width: Int) -> String {
        var lines: [String] = []
        var line = ""
        for word in words {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? "  \(word)" : " \(word)"
        }
        return (lines + [line]).joined(separator: "\n")
    }
}

extension ServerFlag.Kind {
    var placeholder: String {
        switch self {
        case .string: "text"
        case .boolean: ""
        case .number, .integer: "number"
        case .size: "size"
        case .duration: "duration"
        case .urls: "URLs"
        case .origins: "origins"
        case .choice(let words): words.joined(separator: "|")
        case .features: "features"
        }
    }
}

/// The version of this package.
package enum MartletVersion {
    package static let current = "0.1.0"
}
