// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MartletNode

/// `martlet check`
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Examine the data folder of a server that doesn't run.",
        discussion: """
            Reads all of the log and all of the checkpoint against their checksums, and says what is there, what is
            damaged and what to do about it. Changes nothing.

            Exit code 0: sound. 1: damaged. 2: could not be examined.
            """)

    @Argument(help: ArgumentHelp("The folder: the server's --data-dir.", valueName: "data-dir"))
    var folder: String

    @Option(name: .customLong("wal-dir"), help: "Where the log lies, if not in the folder: the server's --wal-dir.")
    var logFolder: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    mutating func run() async throws {
        let report = try await CheckWorker.examine(folder, logFolder: logFolder)
        if json {
            StandardStream.output.writeLine(try report.json())
        } else {
            for line in CheckText(report).lines { StandardStream.output.writeLine(line) }
        }
        if report.verdict != .sound { throw ExitCode(report.verdict.exitCode) }
    }
}

/// The process that really looks; `CheckCommand` is its parent.
struct CheckWorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: CheckWorker.commandName, abstract: "Examine a data folder, in lines for the parent.",
        shouldDisplay: false)

    @Argument var folder: String
    @Option(name: .customLong("wal-dir")) var logFolder: String?

    mutating func run() throws {
        // A fault is expected here, and its image no use.
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(CheckWorker.coreLimit, &none)
        let encoder = JSONEncoder()
        DataFolder(path: folder, logPath: logFolder).check { news in
            guard let line = try? encoder.encode(news) else { preconditionFailure("\(news) has no JSON") }
            StandardStream.output.writeLine(String(decoding: line, as: UTF8.self))
        }
    }
}
