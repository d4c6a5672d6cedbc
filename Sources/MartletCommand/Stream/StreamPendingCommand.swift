// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// `martlet stream pending STREAM GROUP`
struct StreamPendingCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pending", abstract: "List what a group was given and hasn't acknowledged.")

    @Argument(help: "The stream.")
    var stream: String

    @Argument(help: "The group.")
    var group: String

    @Option(help: "Of this consumer only.")
    var consumer: String?

    @Option(help: "Only what has been pending for so many seconds.")
    var idle = 0.0

    @Option(help: "So many entries.")
    var count = 100

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func validate() throws {
        guard idle >= 0, idle < 1e9 else { throw ValidationError("--idle is seconds") }
        guard count > 0 else { throw ValidationError("--count is 1 or more") }
    }

    mutating func run() async throws {
        let command = self
        try await server.with { client in
            let entries = try await client.xpending(
                command.stream, command.group, count: command.count,
                minimumIdle: command.idle > 0 ? .seconds(command.idle) : nil, consumer: command.consumer)
            for line in StreamText.pending(entries, asJSON: command.output.isJSON) {
                StandardStream.output.writeLine(line)
            }
        }
    }
}

/// `martlet stream claim STREAM GROUP CONSUMER`
struct StreamClaimCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "claim", abstract: "Make what others left pending a consumer's, and print it.")

    @Argument(help: "The stream.")
    var stream: String

    @Argument(help: "The group.")
    var group: String

    @Argument(help: "The consumer that is to have it.")
    var consumer: String

    @Option(help: "Only what has been pending for so many seconds.")
    var idle = 60.0

    @Option(help: "So many entries.")
    var count = 100

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func validate() throws {
        guard idle >= 0, idle < 1e9 else { throw ValidationError("--idle is seconds") }
        guard count > 0 else { throw ValidationError("--count is 1 or more") }
    }

    mutating func run() async throws {
        let command = self
        try await server.with { client in
            var position = RedisStreamID.zero
            var left = command.count
            repeat {
                let claim = try await client.xautoclaim(
                    command.stream, command.group, command.consumer, minimumIdle: .seconds(command.idle),
                    start: position, count: left)
                for entry in claim.claimed {
                    StandardStream.output.writeLine(StreamText.entry(entry, asJSON: command.output.isJSON))
                }
                left -= claim.claimed.count
                position = claim.next
            } while position != .zero && left > 0
        }
    }
}
