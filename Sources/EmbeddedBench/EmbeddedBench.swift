// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// What a store in this process takes, beside the same clients over a socket; `Benchmarks/run --only embedded` runs it.
///
/// Each command prints its figures in one line, names and values by turns.
@main
struct EmbeddedBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "MartletEmbeddedBench", abstract: "Stores in a process: how soon they are there, how fast.",
        subcommands: [StartCommand.self, WritesCommand.self])
}

/// Prints a line of figures.
func say(_ figures: [(name: String, value: Double)]) {
    let line = figures.map { "\($0.name) \($0.value)" }.joined(separator: " ")
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

/// Something that can't be measured.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
