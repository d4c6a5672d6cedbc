// SPDX-License-Identifier: Apache-2.0

/// Waits until a condition holds, at most `limit`.
package func eventually(
    _ limit: Duration = .seconds(30), _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return try await condition()
}
