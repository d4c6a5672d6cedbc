// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct StreamListenersTests {
    private func listeners(_ arguments: String...) throws -> StreamListeners {
        try ServerOptions(try ServerFlags(arguments: arguments)).streams
    }

    @Test func aPlainStartListensForRedis() throws {
        let plain = try listeners("--data-dir", "d")
        #expect(plain.urls == [ServerURL(scheme: .http, host: "127.0.0.1", port: 6379)] && plain.areDefault)
        #expect(try listeners("--listen-client-urls", "http://127.0.0.1:1").urls.isEmpty)
        #expect(try listeners("--initial-cluster-token", "t").urls.isEmpty)
        #expect(try listeners("--listen-stream-urls", "").urls.isEmpty)
    }

    @Test func urlsAreReadAsRedisWritesThem() throws {
        let all = try listeners(
            "--auto-tls", "--listen-stream-urls",
            "redis://127.0.0.1, rediss://[::1]:7000/,unix:///tmp/r.sock,redis://:0")
        #expect(all.urls.map(\.port) == [6379, 7000, 0, 0] && !all.areDefault && all.areEncrypted)
        #expect(all.urls.map(\.host) == ["127.0.0.1", "::1", "/tmp/r.sock", ""])
        #expect(all.urls.map(\.isEncrypted) == [false, true, false, false])
    }

    @Test(arguments: ["http://127.0.0.1:1", "redis://example.com:1", "6379", "redis://127.0.0.1:x"])
    func whatIsNoPlaceIsRefused(url: String) {
        #expect(throws: ServerFlagError.self) { try listeners("--listen-stream-urls", url) }
    }

    @Test func certificatesAreNeeded() {
        #expect(throws: ServerFlagError.self) { try listeners("--listen-stream-urls", "rediss://127.0.0.1:1") }
    }
}
