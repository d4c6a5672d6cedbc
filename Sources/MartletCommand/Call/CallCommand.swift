// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Martlet
import MartletEtcd

/// `martlet call SERVICE ENDPOINT JSON`
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Call an endpoint of a service with JSON and print its answer.",
        discussion: """
            The call goes out as application/grpc+json, which every Martlet and go-micro service answers.

              martlet call go.micro.server Greeter.Hello '{"name": "John"}'
              echo '{"name": "John"}' | martlet call go.micro.server Greeter.Hello -
              martlet call go.micro.server Debug.Health --address 127.0.0.1:9090

            An error of the service is printed on standard error, and the exit code is 1.
            """)

    @Argument(help: "The service's name in the registry.")
    var service: String

    @Argument(help: "Handler.Method, or a gRPC path that starts with a slash.")
    var endpoint: String

    @Argument(help: "The request; - reads it from standard input.")
    var request = "{}"

    @OptionGroup var registry: RegistryOption

    @Option(help: "Call this host:port and don't ask the registry.")
    var address: String?

    @Option(help: ArgumentHelp("Metadata that goes along; may be given several times.", valueName: "key=value"))
    var metadata: [String] = []

    @Option(help: "How long the call may take, such as 500ms or 10s.")
    var timeout = "5s"

    @Flag(help: "Print the answer as it came, without setting it in lines.")
    var raw = false

    mutating func validate() throws {
        guard let duration = FlagValue.duration(timeout), duration > .zero else {
            throw ValidationError("--timeout \(timeout) is not a duration such as 500ms or 10s")
        }
        for pair in metadata where !pair.dropFirst().contains("=") {
            throw ValidationError("--metadata \(pair) is not key=value")
        }
        if request != Self.standardInputName { try Self.check(request) }
    }

    mutating func run() async throws {
        var json = request
        if request == Self.standardInputName {
            json = Self.standardInput()
            try Self.check(json)
        }
        let client = MicroClient(registry: registry.make()) { $0.logger = RegistryOption.logger }
        let (address, timeout) = (address, FlagValue.duration(timeout))
        let pairs = CallMetadata.parsing(metadata)
        do {
            let reply = try await client.call(service, endpoint, json: json) {
                $0.address = address
                $0.timeout = timeout
                $0.metadata = pairs
            }
            await client.close()
            StandardStream.output.writeLine(raw ? reply : PrettyJSON.text(reply))
        } catch let error as MicroError {
            await client.close()
            StandardStream.error.writeLine(Self.text(error))
            throw ExitCode.failure
        }
    }

    /// The request that stands for standard input.
    private static let standardInputName = "-"

    /// A request that is no JSON is said so before anything is connected.
    private static func check(_ json: String) throws {
        if let problem = RequestJSON.problem(in: json) { throw ValidationError("the request \(problem)") }
    }

    /// `error 404 Not Found: no name (go.micro.server)`
    static func text(_ error: MicroError) -> String {
        let status = error.status.isEmpty ? "" : " " + error.status
        let id = error.id.isEmpty ? "" : " (\(error.id))"
        return "error \(error.code.rawValue)\(status): \(error.detail)\(id)"
    }

    private static func standardInput() -> String {
        var text = ""
        while let line = readLine(strippingNewline: false) { text += line }
        return text
    }
}

extension CallMetadata {
    /// Reads `key=value` pairs; a value may hold further equals signs.
    fileprivate static func parsing(_ pairs: [String]) -> CallMetadata {
        var metadata = CallMetadata()
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            metadata.add(parts.count > 1 ? String(parts[1]) : "", for: String(parts[0]))
        }
        return metadata
    }
}
