// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletProcesses

/// The seed of a random test: from MARTLET_SEED, else a fixed one. Prints it.
func seed(for test: String = #function) -> UInt64 {
    let seed = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? 20_261_121
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}

/// A process that ran to its end.
struct EndedProcess {
    var exit: ChildProcess.Exit
    /// What it wrote to its standard error.
    var log: String

    /// Runs a program with exactly this environment.
    init(
        _ program: String, _ arguments: [String], environment: [String: String], errorFile: String
    ) async throws {
        let (exits, sink) = AsyncStream.makeStream(of: ChildProcess.Exit.self)
        _ = try ChildProcess.start(
            program, arguments, environment: environment, errorFile: errorFile, onLine: { _ in },
            onExit: { sink.yield($0) })
        exit = await exits.first { _ in true } ?? .code(-1)
        log = (try? String(contentsOfFile: errorFile, encoding: .utf8)) ?? ""
    }
}

/// Runs `body`, at most for `limit`.
func within<Result: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw CrashServer.Trouble(description: "\(what) takes longer than \(limit)")
        }
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}
