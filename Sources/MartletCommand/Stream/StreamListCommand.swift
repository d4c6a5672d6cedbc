// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// `martlet stream ls [PATTERN]`
struct StreamListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "List streams, with how much they hold.")

    @Argument(help: "Of these names only, such as 'orders.*'.")
    var pattern = "*"

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func run() async throws {
        let (pattern, output) = (pattern, output)
        try await server.with { client in
            let keys = try await StreamSurvey.keys(client, matching: pattern)
            var infos: [(String, RedisStreamInfo)] = []
            for key in keys { infos.append((key, try await client.xinfoStream(key))) }
            for line in StreamText.list(infos, asJSON: output.isJSON) { StandardStream.output.writeLine(line) }
        }
    }
}

/// `martlet stream groups STREAM`
struct StreamGroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups",
        abstract: "List a stream's groups: how far they are, what is pending, what they do of themselves.")

    @Argument(help: "The stream.")
    var stream: String

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func run() async throws {
        let (stream, output) = (stream, output)
        try await server.with { client in
            let groups = try await client.xinfoGroups(stream)
            let deadLetters = try await StreamSurvey.deadLetters(client, of: groups)
            for line in StreamText.groups(groups, deadLetters: deadLetters, asJSON: output.isJSON) {
                StandardStream.output.writeLine(line)
            }
        }
    }
}

/// `martlet stream report`
struct StreamReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "All streams and groups in one table: what they hold, how far behind they are, what is stuck.")

    @Argument(help: "Of these names only, such as 'orders.*'.")
    var pattern = "*"

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func run() async throws {
        let (pattern, output) = (pattern, output)
        try await server.with { client in
            let rows = try await StreamSurvey.rows(client, matching: pattern)
            for line in StreamText.report(rows, asJSON: output.isJSON) { StandardStream.output.writeLine(line) }
        }
    }
}
