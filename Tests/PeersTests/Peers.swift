// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The real programs that tests run Martlet against; `scripts/peers` says in the environment where they are.
enum Peers {
    /// The program named by `variable`, or `nil` where there is none.
    ///
    /// Where nothing may be left out (`MARTLET_REQUIRE_PEERS=1`, as in CI), a missing one fails the test.
    static func find(_ variable: String) -> String? {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment[variable], !path.isEmpty { return path }
        if environment["MARTLET_REQUIRE_PEERS"] == "1" {
            Issue.record("\(variable) is not set: scripts/setup test installs the peers, scripts/test names them")
        } else {
            print("skipped: \(variable) is not set; `make test` installs the peers and sets it")
        }
        return nil
    }

    /// The package's root folder.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path(percentEncoded: false)
}

/// What a finished program left.
struct Finished {
    var status: Int32
    var output: String
}

/// Runs a program to its end, both outputs in one, or ends it by SIGKILL after `limit`.
func run(_ program: String, _ arguments: [String], limit: Duration) async throws -> Finished {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = Pipe()
    try process.run()
    let killer = Task {
        try await Task.sleep(for: limit)
        kill(process.processIdentifier, SIGKILL)
    }
    defer { killer.cancel() }
    // Off the pool's threads: reading blocks until the program has closed its output.
    let text = await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            let data = output.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            continuation.resume(returning: String(decoding: data, as: UTF8.self))
        }
    }
    return Finished(status: process.terminationStatus, output: text)
}
