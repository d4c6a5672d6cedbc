// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// `martlet stream trim STREAM`
struct StreamTrimCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trim", abstract: "Take a stream's oldest entries away and print how many went.")

    @Argument(help: "The stream.")
    var stream: String

    @Option(help: "Leave so many of the newest.")
    var maxlen: Int?

    @Option(
        help: "Take away what is older than this ID; milliseconds of the Unix clock will do.", transform: StreamWord.id)
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
