// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet
import MartletEtcd

/// `martlet publish TOPIC JSON`
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish",
        abstract: "Publish JSON to a topic, to subscribers of Martlet and go-micro.",
        discussion: """
            Through go-micro's HTTP broker, whose subscribers are in the registry.

              martlet publish orders '{"number": 1}'
              echo '{"number": 1}' | martlet publish orders -
            """)

    @Argument(help: "The topic.")
    var topic: String

    @Argument(help: "The message; - reads it from standard input.")
    var message = "{}"

    @OptionGroup var connection: ConnectionOptions

    mutating func validate() throws {
        if message != StandardInput.name { try Self.check(message) }
        if connection.address != nil { throw ValidationError("--address: subscribers are found in the registry") }
    }

    mutating func run() async throws {
        let start = ContinuousClock.now
        var json = message
        if message == StandardInput.name {
            json = StandardInput.text()
            try Self.check(json)
        }
        let tls = try connection.nodes.certificates
        let registry = try connection.registry.make()
        // So that a registry that can't be read is said to be one.
        _ = try await connection.registry.ask(registry) { try await $0.services(named: HTTPBroker.serviceName) }
        let client = MicroClient(registry: registry) {
            $0.logger = RegistryOption.logger
            $0.broker = HTTPBroker(registry: registry) {
                $0.logger = RegistryOption.logger
                $0.tls = tls
            }
        }
        let (topic, metadata, bytes) = (topic, connection.pairs, [UInt8](json.utf8))
        let result: Result<Void, any Error>
        do {
            let rest = max(connection.registry.limit - start.duration(to: .now), .milliseconds(1))
            result = .success(
                try await withTimeLimit(rest) {
                    try await client.publish(topic, bytes: bytes, codec: .json) { $0.metadata = metadata }
                })
        } catch {
            result = .failure(error)
        }
        await client.close()
        do {
            try result.get()
        } catch let error as MicroError {
            StandardStream.error.writeLine(CallErrorText.text(error))
            throw ExitCode.failure
        } catch is TimeLimitPassed {
            throw CommandFailure("the subscribers did not take the message within \(connection.registry.timeout)")
        }
    }

    private static func check(_ json: String) throws {
        if let problem = RequestJSON.problem(in: json) { throw ValidationError("the message \(problem)") }
    }
}
