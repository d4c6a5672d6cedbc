// SPDX-License-Identifier: Apache-2.0

import MartletCommand
import Testing

@Suite struct ServerURLTests {
    @Test(arguments: [
        ("http://127.0.0.1:2379", ServerURL(scheme: .http, host: "127.0.0.1", port: 2379)),
        ("https://localhost:0", ServerURL(scheme: .https, host: "localhost", port: 0)),
        ("http://[::1]:80", ServerURL(scheme: .http, host: "::1", port: 80)),
        ("http://:2379", ServerURL(scheme: .http, host: "", port: 2379)),
        ("http://a.example:1/", ServerURL(scheme: .http, host: "a.example", port: 1)),
        ("unix://localhost:123", ServerURL(scheme: .unix, host: "localhost:123", port: 0)),
        ("unixs:///tmp/x.sock", ServerURL(scheme: .unixs, host: "/tmp/x.sock", port: 0)),
    ])
    func reads(_ text: String, _ expected: ServerURL) throws {
        #expect(try ServerURL(text) == expected)
    }

    @Test(arguments: [
        "127.0.0.1:2379", "ftp://127.0.0.1:1", "http://127.0.0.1", "http://127.0.0.1:x", "http://127.0.0.1:65536",
        "http://::1:80", "http://127.0.0.1:1/path", "unix://", "", "http://",
    ])
    func refuses(_ text: String) {
        #expect(throws: ServerURL.Malformed.self) { try ServerURL(text) }
    }

    @Test func writesWhatItRead() throws {
        for text in ["http://127.0.0.1:2379", "https://[::1]:1", "unix://localhost:5", "unixs:///a/b"] {
            #expect(try ServerURL(text).description == text)
        }
    }

    @Test func readsLists() throws {
        let urls = try ServerURL.list("http://127.0.0.1:1, https://localhost:2")
        #expect(urls.map(\.port) == [1, 2])
        #expect(throws: ServerURL.Malformed.self) { try ServerURL.list("http://127.0.0.1:1,") }
    }

    @Test func knowsWhereOneCanListen() throws {
        for text in ["http://0.0.0.0:1", "http://localhost:1", "http://[::]:1", "unix://a.example"] {
            #expect(try ServerURL(text).isBindable)
        }
        for text in ["http://a.example:1", "http://1.2.3:1", "http://1.2.3.256:1"] {
            #expect(try !ServerURL(text).isBindable)
        }
    }
}
