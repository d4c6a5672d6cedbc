// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// Which pending entries a command is about.
struct StreamPendingOptions: ParsableArguments {
    @Option(help: "Only what has been pending for so many seconds.")
    var idle: Double?

    @Option(help: "So many entries.")
    var count = 100

    mutating func validate() throws {
        if let idle, !(0..<1e9).contains(idle) { throw ValidationError("--idle is seconds") }
        guard count > 0 else { throw ValidationError("--count is 1 or more") }
    }
}

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

    @OptionGroup var entries: StreamPendingOptions
    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func run() async throws {
        let command = self
        try await server.with { client in
            let pending = try await client.xpending(
                command.stream, command.group, count: command.entries.count,
                minimumIdle: command.entries.idle.map { .seconds($0) }, consumer: command.consumer)
            for line in StreamText.pending(pending, asJSON: command.output.isJSON) {
                StandardStream.output.writeLine(line)
            }
        }
    }
}

/// `martlet stream claim STREAM GROUP CONSUMER`
struct StreamClaimCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "claim", abstract: "Make what others left pending a consumer's, and print it.",
        discussion: "Without --idle: what has been pending for a minute.")

    @Argument(help: "The stream.")
    var stream: String

    @Argument(help: "The group.")
    var group: String

    @Argument(help: "The consumer that is to have it.")
    var consumer: String

    @OptionGroup var entries: StreamPendingOptions
    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func run() async throws {
        let command = self
        let idle = Duration.seconds(entries.idle ?? 60)
        try await server.with { client in
            var position = RedisStreamID.zero
            var left = command.entries.count
            repeat {
                let claim = try await client.xautoclaim(
                    command.stream, command.group, command.consumer, minimumIdle: idle, start: position, count: left)
                for entry in claim.claimed {
                    StandardStream.output.writeLine(StreamText.entry(entry, asJSON: command.output.isJSON))
                }
                left -= claim.claimed.count
                position = claim.next
            } while position != .zero && left > 0
        }
    }
}
