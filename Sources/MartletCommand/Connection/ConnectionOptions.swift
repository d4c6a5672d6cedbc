// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet

/// How a command reaches a service, and what goes along with each call.
struct ConnectionOptions: ParsableArguments {
    @OptionGroup var registry: RegistryOption

    @Option(help: "Speak to this host:port and don't ask the registry.")
    var address: String?

    @Option(help: ArgumentHelp("Metadata that goes along; may be given several times.", valueName: "key=value"))
    var metadata: [String] = []

    @Option(help: "How long a call may take, such as 500ms or 10s.")
    var timeout = "5s"

    mutating func validate() throws {
        guard let duration = FlagValue.duration(timeout), duration > .zero else {
            throw ValidationError("--timeout \(timeout) is not a duration such as 500ms or 10s")
        }
        for pair in metadata where !pair.dropFirst().contains("=") {
            throw ValidationError("--metadata \(pair) is not key=value")
        }
    }

    var limit: Duration { FlagValue.duration(timeout) ?? .seconds(5) }

    /// A value may hold further equals signs.
    var pairs: CallMetadata {
        var result = CallMetadata()
        for pair in metadata {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            result.add(parts.count > 1 ? String(parts[1]) : "", for: String(parts[0]))
        }
        return result
    }

    /// The options of one call. Streams have no time limit: they last as long as there are messages.
    func options(isStream: Bool = false) -> RequestOptions {
        var options = RequestOptions()
        options.address = address
        options.timeout = isStream ? nil : limit
        options.metadata = pairs
        return options
    }
}

/// Ends a command with a sentence on standard error and exit code 1.
struct CommandFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
