// SPDX-License-Identifier: Apache-2.0

internal import ServiceLifecycle

/// The service is told to end, by its group or by its task's cancellation.
struct ShutdownCame: Error {}

/// Runs `operation` and waits for it, but no longer than until the service is told to end: then it is cancelled and
/// left to itself, since it may ignore that.
///
/// - Throws: What the operation throws, or ``ShutdownCame``.
func untilShutdown<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value {
    let (ends, end) = AsyncStream.makeStream(of: Result<Value, any Error>.self, bufferingPolicy: .bufferingOldest(1))
    let task = Task {
        do {
            end.yield(.success(try await operation()))
        } catch {
            end.yield(.failure(error))
        }
    }
    defer { task.cancel() }
    return try await withGracefulShutdownHandler {
        for await result in ends {
            // What is cancelled by somebody else than us has failed, as anything may.
            if case .failure(let error) = result, error is CancellationError, Task.isCancelled { break }
            return try result.get()
        }
        // Only this task's cancellation ends the waiting without a result.
        throw ShutdownCame()
    } onGracefulShutdown: {
        end.yield(.failure(ShutdownCame()))
    }
}
