// SPDX-License-Identifier: Apache-2.0

/// What the binary is asked to be, by the name and the arguments it was called with.
package enum Invocation: Equatable, Sendable {
    /// The server, with flags in etcd's spelling.
    case server([String])
    /// Everything else, for the argument parser.
    case commands([String])

    /// - Parameters:
    ///   - name: How the binary was called, a path perhaps.
    ///   - arguments: What follows.
    package init(name: String, arguments: [String]) {
        let isEtcd = name.split(separator: "/").last == "etcd"
        if isEtcd {
            self = .server(arguments)
        } else if arguments.first == "server" {
            self = .server(Array(arguments.dropFirst()))
        } else if let first = arguments.first, first.hasPrefix("-"), !Self.isCommon(first) {
            self = .server(arguments)
        } else {
            self = .commands(arguments)
        }
    }

    /// Flags that are about all commands; any other flag in first place is one of the server's, `--version` too.
    private static func isCommon(_ flag: String) -> Bool {
        let name = flag.split(separator: "=", maxSplits: 1).first.map(String.init) ?? flag
        return commonFlags.contains(name) || name.hasPrefix(completionFlag)
    }

    /// What a shell's completion script asks by.
    private static let completionFlag = "---completion"

    private static let commonFlags: Set<String> = [
        "-h", "-help", "--help", "--help-hidden", "--generate-completion-script", "--experimental-dump-help",
    ]
}
