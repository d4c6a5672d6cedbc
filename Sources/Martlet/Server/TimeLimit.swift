// SPDX-License-Identifier: Apache-2.0

/// An operation took longer than it may.
package struct TimeLimitPassed: Error, CustomStringConvertible {
    package var limit: Duration
    package var description: String { "not done within \(self.limit)" }
}

/// Runs `operation` and waits for it, but no longer than `limit`: then it is cancelled and left to itself, since it may
/// ignore that. The waiting task's own cancellation cancels it, too.
///
/// - Throws: What the operation throws, ``TimeLimitPassed``, or `CancellationError`.
package func withTimeLimit<Value: Sendable>(
    _ limit: Duration, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let (ends, end) = AsyncStream.makeStream(of: Result<Value, any Error>.self, bufferingPolicy: .bufferingOldest(1))
    let task = Task {
        do {
            end.yield(.success(try await operation()))
        } catch {
            end.yield(.failure(error))
        }
    }
    let timer = Task {
        try await Task.sleep(for: limit.sleepable)
        end.yield(.failure(TimeLimitPassed(limit: limit)))
    }
    defer {
        timer.cancel()
        task.cancel()
    }
    for await result in ends { return try result.get() }
    throw CancellationError()
}
