// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded
import Testing

/// How those hear of it who wait for a member that can't go on.
@Suite(.timeLimit(.minutes(30))) struct MemberEndTests {
    private static func error(_ text: String) throws -> MartletStoreError {
        let error = #expect(throws: MartletStoreError.self) { try StoreAddress(text) }
        return try #require(error)
    }

    @Test func allWaitersHearOfTheFirst() async throws {
        let end = MemberEnd()
        #expect(end.failure == nil)
        let waiters = (0..<4).map { _ in Task { await end.wait() } }
        try await Task.sleep(for: .milliseconds(10))
        end.fail(try Self.error("first://"))
        end.fail(try Self.error("second://"))
        for waiter in waiters {
            let heard = await waiter.value
            #expect(heard?.message.contains("first://") == true)
        }
        // Who comes late is told at once.
        let late = await end.wait()
        #expect(late?.message.contains("first://") == true)
        #expect(end.failure?.message == late?.message)
    }

    @Test func aCancelledWaiterHearsNothing() async throws {
        let end = MemberEnd()
        let waiter = Task { await end.wait() }
        try await Task.sleep(for: .milliseconds(10))
        waiter.cancel()
        let heard = await waiter.value
        #expect(heard == nil)
        let early = Task {
            while !Task.isCancelled { await Task.yield() }
            return await end.wait()
        }
        early.cancel()
        let nothing = await early.value
        #expect(nothing == nil)
    }
}
