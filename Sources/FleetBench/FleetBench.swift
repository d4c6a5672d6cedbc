// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// What many nodes of a service do to their callers; `Benchmarks/run --only fleet` runs it, and tests its nodes.
///
/// Each command prints its figures in one line, names and values by turns.
@main
struct FleetBench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "MartletFleetBench", abstract: "Nodes that come, go and are called.",
        subcommands: [
            NodeCommand.self, ClientCommand.self, DiscoveryCommand.self, KillCommand.self, RegistryCommand.self,
            NodesCommand.self,
        ])
}

/// A line of figures.
struct Figures {
    private var words: [String] = []

    mutating func add(_ name: String, _ value: Int) { self.words.append("\(name) \(value)") }
    mutating func add(_ name: String, _ value: Double) { self.words.append("\(name) \(value)") }

    func print() { say(self.words.joined(separator: " ")) }
}

/// Writes a line at once: whoever reads it through a pipe is waiting for it.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

/// A measurement that can't be made.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
