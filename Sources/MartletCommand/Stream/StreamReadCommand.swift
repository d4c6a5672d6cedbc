// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletRedisClient

/// `martlet stream read STREAM`
struct StreamReadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Print a stream's entries, and with --follow those that come.",
        discussion: "Reading here takes nothing from groups.")

    @Argument(help: "The stream.")
    var stream: String

    @Option(help: "Behind this entry.", transform: StreamWord.id)
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
