// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletNode
import MartletProcesses
import Synchronization

/// Has a folder examined by a child: one that faults over a damaged file leaves what it has told until then.
enum CheckWorker {
    static let commandName = "check-data"

    #if canImport(Darwin)
    static let coreLimit = RLIMIT_CORE
    #else
    static let coreLimit = __rlimit_resource_t(RLIMIT_CORE.rawValue)
    #endif

    static func examine(_ folder: String, logFolder: String?) async throws -> CheckReport {
        let shared = Shared(CheckReport(folder: folder))
        var environment = ProcessInfo.processInfo.environment
        // A fault is an answer here: nobody reads how it came about.
        environment["SWIFT_BACKTRACE"] = "enable=no"
        let arguments = [commandName, folder] + (logFolder.map { ["--wal-dir", $0] } ?? [])
        let ended = AsyncStream.makeStream(of: ChildProcess.Exit.self)
        _ = try ChildProcess.start(
            SpawnRequest.ownExecutable(), arguments, environment: environment, errorFile: "/dev/null",
            onLine: { line in
                guard let news = try? JSONDecoder().decode(CheckNews.self, from: Data(line.utf8)) else { return }
                shared.report.withLock { $0.add(news) }
            },
            onExit: { exit in
                ended.continuation.yield(exit)
                ended.continuation.finish()
            })
        for await exit in ended.stream { shared.report.withLock { $0.end(exit) } }
        return shared.report.withLock { $0 }
    }

    private final class Shared: Sendable {
        let report: Mutex<CheckReport>

        init(_ report: CheckReport) { self.report = Mutex(report) }
    }
}
