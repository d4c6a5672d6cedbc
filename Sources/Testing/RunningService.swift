// SPDX-License-Identifier: Apache-2.0

import Martlet

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A service in a task of its own, from its start to its end.
struct RunningService {
    private let task: Task<Void, any Error>

    /// A test has no clients elsewhere that would need to notice that the service leaves.
    private static let drainDelay = Duration.milliseconds(1)
    /// A handler that hasn't ended by then is cancelled: a test must not hang on it.
    private static let drainLimit = Duration.seconds(2)

    /// Returns when the service takes calls. Cancelling the calling task ends it.
    static func start(
        _ service: MicroService, _ depth: MicroTestDepth, _ registry: InMemoryRegistry
    ) async throws -> RunningService {
        var service = service.registered(in: registry)
        service.configuration.address =
            switch depth {
            case .handler: "inprocess:\(UUID())"
            case .loopback: "127.0.0.1:0"
            }
        service.configuration.advertisedAddress = nil
        // The client is in this process, too: it must go the way that the depth stands for.
        service.configuration.answersInProcess = false
        service.configuration.drainDelay = drainDelay
        service.configuration.drainLimit = min(service.configuration.drainLimit, drainLimit)
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let own = service.configuration.afterStart
        service.configuration.afterStart = { node in
            try await own?(node)
            started.yield()
        }
        let ready = service
        let task = Task {
            defer { started.finish() }
            try await ready.run()
        }
        let hasStarted = await withTaskCancellationHandler {
            await starts.first { _ in true } != nil
        } onCancel: {
            task.cancel()
        }
        if hasStarted { return RunningService(task: task) }
        // It ended instead, or is about to.
        try await task.value
        try Task.checkCancellation()
        throw MicroError(.internalServerError, "\(ready.name) ended before it took calls")
    }

    func end() async throws {
        task.cancel()
        try await task.value
    }
}
