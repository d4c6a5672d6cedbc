// SPDX-License-Identifier: Apache-2.0

import MartletRedisClient
import Testing

/// What a user may write to name a server.
@Suite struct RedisAddressTests {
    @Test(arguments: [
        "", "host:", "host:99999", "http://host", "[::1", "redis://host:1/x", "redis://a:%zz@host", "unix:", "a b",
    ])
    func refuses(_ text: String) {
        #expect(throws: RedisError.self) { try RedisClient(text) }
    }

    @Test(arguments: [
        "host", "host:1", "[::1]:6379", "::1:6379", "unix:/a", "/a/b", "redis://host", "rediss://u:p%20@host:1/3",
        "redis://:secret@host", "unix:///a/b",
    ])
    func takes(_ text: String) async throws {
        let client = try RedisClient(text)
        await client.close()
    }

    @Test func hidesPasswords() {
        let error = #expect(throws: RedisError.self) { try RedisClient("redis://a:secret@host:1/x") }
        #expect(error?.message.contains("secret") == false)
        #expect("\(RedisCredentials(password: "secret"))".contains("secret") == false)
    }

    @Test func streamIDs() {
        #expect(RedisStreamID("5-3") == RedisStreamID(5, 3))
        #expect(RedisStreamID("5") == RedisStreamID(5, 0))
        #expect(RedisStreamID("18446744073709551615-18446744073709551615") == .max)
        for wrong in ["", "-", "5-", "-1", "a-1", "5-3-1", "+5", "18446744073709551616"] {
            #expect(RedisStreamID(wrong) == nil, "\(wrong)")
        }
        #expect(RedisStreamID(5, .max).successor == RedisStreamID(6, 0))
        #expect(RedisStreamID.max.successor == nil)
        #expect(RedisStreamID(4, 9) < RedisStreamID(5, 0))
    }
}
