// SPDX-License-Identifier: Apache-2.0

import MartletTestPrograms
import Testing

/// The demonstration of clusters, as short as it can be. On a machine that has much else to do leaders are killed more
/// seldom, and a disk that lies is found out later: then it gets more time.
@Suite("martlet demo cluster", .serialized, .timeLimit(.minutes(30)))
struct DemoClusterTests {
    private static func demonstrate(_ seconds: Int, _ flags: String...) async throws -> FinishedProgram {
        try await run(BuiltBinary.path, ["demo", "cluster", "--seconds", "\(seconds)"] + flags)
    }

    @Test("holds all its claims, and says so")
    func holds() async throws {
        var result = try await Self.demonstrate(12)
        for seconds in [60, 300] where !result.isSuccess { result = try await Self.demonstrate(seconds) }
        let hasHeld = result.isSuccess && result.output.contains("7 of 7 claims held.")
        #expect(hasHeld, "\(result.output.suffix(4_000))")
        #expect(result.output.contains("held  nothing is lost, nothing done twice"))
    }

    @Test("finds out members that answer before their bytes are safe")
    func findsLoss() async throws {
        var result = try await Self.demonstrate(12, "--break-ack")
        for seconds in [60, 300] where !Self.isLossReported(result) {
            result = try await Self.demonstrate(seconds, "--break-ack")
        }
        #expect(Self.isLossReported(result), "\(result.output.suffix(4_000))")
    }

    private static func isLossReported(_ result: FinishedProgram) -> Bool {
        !result.isSuccess && result.output.contains("FAILED  nothing is lost, nothing done twice")
    }
}
