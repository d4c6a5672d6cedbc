// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// `martlet stream retain STREAM`
struct StreamRetainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retain", abstract: "Say what a stream keeps of itself, or print it. Martlet alone.",
        discussion: """
            What is given goes for the whole of it: bounds that aren't given are none.

              martlet stream retain orders --age 168h --acked
              martlet stream retain orders --off
            """)

    @Argument(help: "The stream.")
    var stream: String

    @Option(help: "Entries older than this go: 90s, 24h.", transform: StreamWord.time)
    var age: Duration?

    @Option(help: "The oldest go where it holds more bytes.")
    var bytes: Int?

    @Option(help: "The oldest go where it holds more entries.")
    var length: Int?

    @Flag(help: "Entries go that all groups have acknowledged.")
    var acked = false

    @Flag(help: "Keep all that nobody removes.")
    var off = false

    @OptionGroup var server: StreamServerOption

    private var retention: RedisRetention {
        var retention = RedisRetention()
        retention.maximumAge = age
        retention.maximumBytes = bytes
        retention.maximumCount = length
        retention.removesAcknowledged = acked
        return retention
    }

    mutating func validate() throws {
        if off, retention != RedisRetention() { throw ValidationError("--off goes with no other") }
    }

    mutating func run() async throws {
        let (stream, retention, off) = (stream, retention, off)
        try await server.with { client in
            if off || retention != RedisRetention() {
                return try await client.xretain(stream, off ? nil : retention)
            }
            let found = try await client.xinfoStream(stream).retention
            StandardStream.output.writeLine(found.map { StreamText.retention($0) } ?? "off")
        }
    }
}
