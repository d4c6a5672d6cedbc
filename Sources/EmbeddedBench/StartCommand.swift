// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MartletEmbedded

/// From nothing to the first put that is acknowledged: `cold` is the first of the process, `warm` the median of those
/// behind it, both in milliseconds; `end` is the median of their ends.
struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start stores, one after the other.")

    @Option(help: "A folder for the stores' folders; without it they are in memory.") var path: String?
    @Option(help: "How many behind the first.") var count = 20

    func run() async throws {
        guard count > 0 else { throw Failure("--count must be at least 1") }
        var starts: [Duration] = []
        var ends: [Duration] = []
        let clock = ContinuousClock()
        for number in 0...count {
            let begin = clock.now
            let store = try await MartletStore.open(path.map { .embedded(path: "\($0)/\(number)") } ?? .embedded)
            try await store.keys.put("key", "value")
            starts.append(clock.now - begin)
            ends.append(await clock.measure { await store.close() })
        }
        let warm = starts.dropFirst().sorted()
        say([
            ("cold", starts[0] / .milliseconds(1)), ("warm", warm[warm.count / 2] / .milliseconds(1)),
            ("end", ends.sorted()[ends.count / 2] / .milliseconds(1)),
        ])
    }
}
