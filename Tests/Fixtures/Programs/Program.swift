// SPDX-License-Identifier: Apache-2.0

package import MartletProcesses

import Foundation
import Synchronization

/// What a finished program left: how it ended, and both its outputs as one text.
package struct FinishedProgram: Sendable {
    package var exit: ChildProcess.Exit
    package var output: String

    package var isSuccess: Bool { self.exit == .code(0) }
}

/// A program did not end with code 0.
package struct ProgramFailure: Error, CustomStringConvertible {
    package var description: String

    package init(description: String) { self.description = description }
}

/// Runs a program to its end, with an empty input; ends it by SIGKILL after `limit`.
///
/// Nothing waits on a thread of Swift's pool: with two of them, two waiting tests would hold up all others.
package func run(
    _ program: String, _ arguments: [String], limit: Duration = .seconds(600)
) async throws -> FinishedProgram {
    let lines = Mutex<[String]>([])
    let (exits, sink) = AsyncStream.makeStream(of: ChildProcess.Exit.self)
    // The shell joins the two outputs, finds the program and becomes it.
    let child = try ChildProcess.start(
        "/bin/sh", ["-c", #"exec "$0" "$@" 2>&1 </dev/null"#, program] + arguments,
        environment: ProcessInfo.processInfo.environment, errorFile: "/dev/null",
        onLine: { line in lines.withLock { $0.append(line) } }, onExit: { sink.yield($0) })
    let killer = Task {
        try await Task.sleep(for: limit)
        child.send(SIGKILL)
    }
    defer { killer.cancel() }
    var exit: ChildProcess.Exit?
    for await next in exits {
        exit = next
        break
    }
    guard let exit else {
        child.send(SIGKILL)
        throw CancellationError()
    }
    return FinishedProgram(exit: exit, output: lines.withLock { $0.joined(separator: "\n") })
}

/// The output of a program that must succeed.
@discardableResult
package func output(of program: String, _ arguments: [String]) async throws -> String {
    let finished = try await run(program, arguments)
    guard finished.isSuccess else {
        throw ProgramFailure(description: "\(program) \(arguments): \(finished.exit): \(finished.output)")
    }
    return finished.output
}

/// What a program makes of `input`: its standard output, byte for byte.
package func output(
    of program: String, _ arguments: [String], input: [UInt8], environment: [String: String]
) async throws -> [UInt8] {
    let folder = try TemporaryFolder()
    try Data(input).write(to: URL(filePath: folder.file("input")))
    let script = #"folder=$1; shift; exec "$@" <"$folder/input" >"$folder/output""#
    let finished = try await run("/usr/bin/env", environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        + ["/bin/sh", "-c", script, "sh", folder.path, program] + arguments)
    let output = try Data(contentsOf: URL(filePath: folder.file("output")))
    guard finished.isSuccess else {
        let words = String(decoding: output.suffix(2_000), as: UTF8.self)
        throw ProgramFailure(
            description: "\(program) \(arguments.prefix(6)): \(finished.exit): \(finished.output) \(words)")
    }
    return [UInt8](output)
}
