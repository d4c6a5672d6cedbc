// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletProcesses
import MartletStorage
import MartletTestPrograms
import Testing

let plain = TableID(7)
let other = TableID(9)

extension TemporaryFolder {
    func file() -> String { file("tables") }
}

extension Tables {
    /// All records of a table.
    func contents(of table: TableID) throws -> [TableKey: [UInt8]] {
        try read(until: nil) { reader in
            var found: [TableKey: [UInt8]] = [:]
            try reader.forEach(in: table) { key, value in
                found[key] = [UInt8](copying: value)
                return true
            }
            return found
        }
    }

    func value(of key: TableKey) throws -> [UInt8]? {
        try read(until: nil) { reader in try reader.value(of: key) }
    }
}

/// Changes bytes of a file behind LMDB's back.
///
/// - Returns: how many places were changed.
@discardableResult
func replaceBytes(of path: String, _ old: [UInt8], with new: [UInt8]) throws -> Int {
    var content = try Data(contentsOf: URL(filePath: path))
    var begin = content.startIndex
    var places = 0
    while let range = content.range(of: Data(old), in: begin..<content.endIndex) {
        content.replaceSubrange(range, with: new)
        begin = range.upperBound
        places += 1
    }
    try content.write(to: URL(filePath: path))
    return places
}

/// The program `MartletTablesChild`, built beside the tests.
final class Child: Sendable {
    private let process: ChildProcess
    private let outputPath: String
    private let ended: AsyncStream<ChildProcess.Exit>

    init(_ mode: String, _ path: String, output: String) throws {
        let own = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        let program = URL(filePath: own).deletingLastPathComponent().appending(path: "MartletTablesChild").path
        outputPath = output
        let (stream, continuation) = AsyncStream.makeStream(of: ChildProcess.Exit.self)
        ended = stream
        process = try ChildProcess.start(
            "/bin/sh", ["-c", #"output=$1; shift; exec "$@" >"$output""#, "sh", output, program, mode, path],
            environment: ProcessInfo.processInfo.environment, errorFile: "/dev/null", onLine: { _ in },
            onExit: {
                continuation.yield($0)
                continuation.finish()
            })
    }

    var lines: [String] {
        let text = (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? ""
        // What is behind the last line end is not complete.
        return text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// Ends the process as a crash would.
    func kill() { process.send(SIGKILL) }

    func end() async -> ChildProcess.Exit? {
        await ended.first { _ in true }
    }
}
