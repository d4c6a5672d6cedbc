// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet

/// How a command reaches a service, and what goes along with each call.
struct ConnectionOptions: ParsableArguments {
    @OptionGroup var registry: RegistryOption

    @Option(help: "Speak to this host:port and don't ask the registry.")
    var address: String?

    @OptionGroup var nodes: NodeTLSOption

    @Option(help: ArgumentHelp("Metadata that goes along; may be given several times.", valueName: "key=value"))
    var metadata: [String] = []

    mutating func validate() throws {
        for pair in metadata where !pair.dropFirst().contains("=") {
            throw ValidationError("--metadata \(pair) is not key=value")
        }
        if address != nil, let flag = registry.access.given.first {
            throw ValidationError(
                "\(flag) is about the registry, which --address leaves out; about the node are --tls-cacert, …")
        }
    }

    /// A value may hold further equals signs.
    var pairs: CallMetadata {
        var result = CallMetadata()
        for pair in metadata {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result.add(parts.count > 1 ? String(parts[1]) : "", for: String(parts[0]))
        }
        return result
    }
}

/// Ends a command with a sentence on standard error and exit code 1. What others said in it is made harmless.
struct CommandFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = PeerText.line(description) }
}
