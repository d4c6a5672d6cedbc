// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Martlet

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
    }

    mutating func run() async throws {
        var json = message
        if message == StandardInput.name {
            json = StandardInput.text()
            try Self.check(json)
        }
        let registry = connection.registry.make()
        let client = MicroClient(registry: registry) {
            $0.logger = RegistryOption.logger
            $0.broker = HTTPBroker(registry: registry) { $0.logger = RegistryOption.logger }
        }
        let (topic, metadata) = (topic, connection.pairs)
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await client.publish(topic, bytes: [UInt8](json.utf8), codec: .json) { $0.metadata = metadata })
        } catch {
            result = .failure(error)
        }
        await client.close()
        do {
            try result.get()
        } catch let error as MicroError {
            StandardStream.error.writeLine(CallErrorText.text(error))
            throw ExitCode.failure
        }
    }

    private static func check(_ json: String) throws {
        if let problem = RequestJSON.problem(in: json) { throw ValidationError("the message \(problem)") }
    }
}
