// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// `martlet stream add STREAM FIELD=VALUE…`
struct StreamAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add an entry to a stream and print its ID.",
        discussion: """
            Entries that come later, end or are urgent are Martlet's alone:

              martlet stream add orders item=tea --delay 1h30m
              martlet stream add orders item=tea --at 2026-12-24T08:00:00Z --ttl 24h

            What is printed for one that comes later names it for martlet stream delayed --cancel. Which entries are
            handled in their order is said by a field of theirs and the group's policy: martlet stream policy
            --order-by.
            """)

    @Argument(help: "The stream.")
    var stream: String

    @Argument(help: "Fields and their values.", transform: StreamWord.field)
    var fields: [RedisField]

    @Option(help: "The entry's ID; without it the server's clock decides.", transform: StreamWord.id)
    var id: RedisStreamID?

    @Option(help: "The entry comes so much later: 90s, 1h30m.", transform: StreamWord.time)
    var delay: Duration?

    @Option(
        help: "The entry comes then: milliseconds of the Unix clock, or 2026-12-24T08:00:00Z.",
        transform: StreamWord.moment)
    var at: Int64?

    @Option(help: "The entry ends so long after it came: 90s, 1h30m.", transform: StreamWord.time)
    var ttl: Duration?

    @Option(
        help: "How urgent it is, from 0 to 9, for groups that hand over what is urgent first.",
        transform: StreamWord.priority)
    var priority: Int?

    @OptionGroup var server: StreamServerOption

    mutating func validate() throws {
        if [id != nil, delay != nil, at != nil].count(where: { $0 }) > 1 {
            throw ValidationError("give one of --id, --delay and --at")
        }
    }

    mutating func run() async throws {
        let command = self
        try await server.with { client in
            let added = try await client.xadd(command.stream, command.fields) {
                if let id = command.id { $0.id = .exactly(id) }
                if let delay = command.delay { $0.moment = .after(delay) }
                if let moment = command.at { $0.moment = .at(moment) }
                $0.timeToLive = command.ttl
                $0.priority = command.priority
            }
            StandardStream.output.writeLine(added.map { "\($0)" } ?? "")
        }
    }
}
