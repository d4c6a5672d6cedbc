// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Logging
import MartletRedisClient

/// `martlet stream`: streams of entries by name, and a service's streams of messages by default.
struct StreamCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream",
        abstract: "Look into streams and their groups; or open a stream of a service.",
        discussion: """
            Streams of Martlet's own server, or of any that speaks Redis's protocol:

              martlet stream add orders item=tea number=1
              martlet stream read orders --count 10
              martlet stream report

            And a stream of a service, with JSON in and out:

              martlet stream go.micro.server Greeter.Count '{"upto": 3}'
            """,
        subcommands: [
            StreamListCommand.self, StreamAddCommand.self, StreamReadCommand.self, StreamGroupsCommand.self,
            StreamPendingCommand.self, StreamClaimCommand.self, StreamTrimCommand.self, StreamReportCommand.self,
            StreamCallCommand.self,
        ],
        defaultSubcommand: StreamCallCommand.self)
}

/// Which server of streams a command asks.
struct StreamServerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The server: host:port, unix:/path or redis://user:password@host:port/database; several with commas.",
            discussion: "Without it MICRO_BROKER_ADDRESS counts, else 127.0.0.1:6379.", valueName: "address"))
    var server: String?

    /// Runs `body` with a client; an error is printed, and ends the command with code 1.
    func with(_ body: (RedisClient) async throws -> Void) async throws {
        let text = server ?? ProcessInfo.processInfo.environment["MICRO_BROKER_ADDRESS"] ?? ""
        let addresses = text.split(separator: ",").map { $0.trimmed }.filter { !$0.isEmpty }
        do {
            try await withRedisClient {
                if !addresses.isEmpty { $0.addresses = addresses }
                $0.name = "martlet"
                $0.logger = RegistryOption.logger
            } _: {
                try await body($0)
            }
        } catch let error as RedisError {
            StandardStream.error.writeLine(error.message)
            throw ExitCode.failure
        }
    }
}

/// Reads an entry's ID from the line.
@Sendable private func streamID(_ text: String) throws -> RedisStreamID {
    guard let id = RedisStreamID(text) else { throw ValidationError("\"\(text)\" is no ID of an entry") }
    return id
}

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

/// `martlet stream add STREAM FIELD=VALUE…`
struct StreamAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add an entry to a stream and print its ID.")

    @Argument(help: "The stream.")
    var stream: String

    @Argument(help: "Fields and their values.")
    var fields: [String]

    @Option(help: "The entry's ID; without it the server's clock decides.", transform: streamID)
    var id: RedisStreamID?

    @Option(help: "How urgent it is, from 0 to 9, for groups that hand over what is urgent first.")
    var priority: Int?

    @OptionGroup var server: StreamServerOption

    mutating func validate() throws {
        if let priority, !(0...9 ~= priority) { throw ValidationError("--priority is 0 to 9") }
        for field in fields where !field.contains("=") {
            throw ValidationError("\"\(field)\" is no FIELD=VALUE")
        }
    }

    mutating func run() async throws {
        let pairs = fields.map { field in
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return RedisField(String(parts[0]), String(parts[1]))
        }
        let (stream, id, priority) = (stream, id, priority)
        try await server.with { client in
            let added = try await client.xadd(stream, pairs) {
                if let id { $0.id = .exactly(id) }
                $0.priority = priority
            }
            StandardStream.output.writeLine(added.map { "\($0)" } ?? "")
        }
    }
}

/// `martlet stream read STREAM`
struct StreamReadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Print a stream's entries, and with --follow those that come.",
        discussion: "Reading here takes nothing from groups.")

    @Argument(help: "The stream.")
    var stream: String

    @Option(help: "Behind this entry.", transform: streamID)
    var after: RedisStreamID?

    @Option(help: "So many entries.")
    var count: Int?

    @Flag(help: "The newest entries first.")
    var reverse = false

    @Flag(help: "Go on with what is added, until Ctrl-C or --count; without --after from now on.")
    var follow = false

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func validate() throws {
        if let count, count < 1 { throw ValidationError("--count is 1 or more") }
        if reverse, follow { throw ValidationError("--follow knows no --reverse") }
        if reverse, after != nil { throw ValidationError("--reverse begins at the end, without --after") }
    }

    /// Entries of one read.
    private static let batch = 1000

    mutating func run() async throws {
        let command = self
        try await server.with { client in try await command.read(client) }
    }

    private func read(_ client: RedisClient) async throws {
        var position = after ?? .zero
        if follow, after == nil { position = (try? await client.xinfoStream(stream).lastID) ?? .zero }
        var left = count ?? .max
        if reverse {
            var end = RedisStreamBound.last
            while left > 0 {
                let entries = try await client.xrevrange(stream, end, count: min(left, Self.batch))
                guard let last = entries.last else { return }
                show(entries)
                left -= entries.count
                end = .excluding(last.id)
            }
            return
        }
        while left > 0 {
            let streams = try await client.xread(
                [.after(position, of: stream)], block: follow ? .seconds(5) : nil
            ) { $0.count = min(left, Self.batch) }
            let entries = streams.first?.entries ?? []
            if entries.isEmpty, !follow { return }
            show(entries)
            left -= entries.count
            position = entries.last?.id ?? position
        }
    }

    private func show(_ entries: [RedisEntry]) {
        for entry in entries { StandardStream.output.writeLine(StreamText.entry(entry, asJSON: output.isJSON)) }
    }
}

/// `martlet stream groups STREAM`
struct StreamGroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups", abstract: "List a stream's groups, how far they are and what is pending.")

    @Argument(help: "The stream.")
    var stream: String

    @OptionGroup var server: StreamServerOption
    @OptionGroup var output: OutputOption

    mutating func run() async throws {
        let (stream, output) = (stream, output)
        try await server.with { client in
            let groups = try await client.xinfoGroups(stream)
            for line in StreamText.groups(groups, asJSON: output.isJSON) { StandardStream.output.writeLine(line) }
        }
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

/// `martlet stream trim STREAM`
struct StreamTrimCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trim", abstract: "Take a stream's oldest entries away and print how many went.")

    @Argument(help: "The stream.")
    var stream: String

    @Option(help: "Leave so many of the newest.")
    var maxlen: Int?

    @Option(
        help: "Take away what is older than this ID; milliseconds of the Unix clock will do.", transform: streamID)
    var minid: RedisStreamID?

    @Flag(help: "Only what all groups have acknowledged. Martlet, and Redis from 8.2 on.")
    var acked = false

    @Flag(help: "Leave a few more where that is cheaper.")
    var approximate = false

    @OptionGroup var server: StreamServerOption

    mutating func validate() throws {
        guard (maxlen == nil) != (minid == nil) else { throw ValidationError("give --maxlen or --minid") }
        if let maxlen, maxlen < 0 { throw ValidationError("--maxlen is 0 or more") }
    }

    mutating func run() async throws {
        let command = self
        try await server.with { client in
            let trimming: RedisTrimming =
                if let id = command.minid {
                    .minimumID(id, approximately: command.approximate)
                } else {
                    .maximumLength(command.maxlen ?? 0, approximately: command.approximate)
                }
            let count = try await client.xtrim(
                command.stream, trimming, references: command.acked ? .acknowledged : nil)
            StandardStream.output.writeLine("\(count)")
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
