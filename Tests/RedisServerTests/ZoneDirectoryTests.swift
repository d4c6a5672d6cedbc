// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletKeyspace
import MartletRESPCodec
import MartletRedisServer
import Testing

@Suite struct ZoneDirectoryTests {
    /// Rights are asked for once more where it is carried out: of the one who sent it.
    @Test func aTransactionStaysItsUsers() throws {
        let words = Arguments("XCRON", "SET", "s", "daily", "@daily", "TZ", "Nowhere/Land", "*", "f", "v")
        let entry = try #require(CommandTable.shared.named(words))
        var transaction = Transaction()
        transaction.user = AuthName("ann")
        transaction.append(words, entry, database: 3)
        let resolved = ZoneDirectory().resolved(transaction, now: 1_790_000_000_000)
        #expect(resolved.user == AuthName("ann"))
        #expect(resolved.items.map(\.database) == [3])
        #expect(resolved.byteCount == transaction.byteCount)
    }
}
