// SPDX-License-Identifier: Apache-2.0

/// How long tests wait for what a process or the network does: long enough for a machine that has much else to do.
package let patience = Duration.seconds(300)

/// Waits until a condition holds, at most `limit`.
package func eventually(
    _ limit: Duration = patience, _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(20))
    }
    return try await condition()
}
