// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// `martlet stream delayed STREAM`
struct StreamDelayedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delayed",
        abstract: "List a stream's entries that come later, the next one first, or take some back. Martlet alone.",
        discussion: """
            Each stands behind its handle, which begins with the moment at which it comes, in milliseconds of the Unix
            clock.
            """)

    @Argument(help: "The stream.")
    var stream: String

    @Option(help: "So many entries.")
    var count = 100

    @Option(
        help: "Take back the entries of these handles, and print how many there were.", transform: StreamWord.id)
    var cancel: [RedisStreamID] = []

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func validate() throws {
        guard count > 0 else { throw ValidationError("--count is 1 or more") }
    }

    mutating func run() async throws {
        let command = self
        try await server.with { client in
            if !command.cancel.isEmpty {
                let count = try await client.xcancel(command.stream, command.cancel)
                return StandardStream.output.writeLine("\(count)")
            }
            for entry in try await client.xdelayed(command.stream, count: command.count) {
                StandardStream.output.writeLine(StreamText.entry(entry, asJSON: command.output.isJSON))
            }
        }
    }
}
