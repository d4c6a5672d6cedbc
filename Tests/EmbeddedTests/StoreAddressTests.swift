// SPDX-License-Identifier: Apache-2.0

import MartletEmbedded
import Testing

@Suite struct StoreAddressTests {
    @Test(arguments: [
        ("", "embedded"),
        ("  ", "embedded"),
        ("embedded", "embedded"),
        (" embedded\n", "embedded"),
        ("embedded:data", "embedded:data"),
        ("embedded:/var/lib/shop", "embedded:/var/lib/shop"),
        ("embedded:///var/lib/shop", "embedded:/var/lib/shop"),
        ("embedded:my data, all of it ", "embedded:my data, all of it"),
        ("etcd://a:1", "etcd://a:1"),
        ("etcd://a", "etcd://a:2379"),
        ("etcd://a:1,b:2,c", "etcd://a:1 etcd://b:2 etcd://c:2379"),
        ("etcds://a:1,b:2/", "etcds://a:1 etcds://b:2"),
        ("etcd://[::1]:1,[::1]", "etcd://[::1]:1 etcd://[::1]:2379"),
        ("redis://c", "redis://c:6379"),
        ("etcd://a:1, redis://c:3", "etcd://a:1 redis://c:3"),
        ("redis://c:3 etcd://a:1", "etcd://a:1 redis://c:3"),
        ("etcd://a:1,b:2 rediss://c:3/7,d:4", "etcd://a:1 etcd://b:2 rediss://c:3/7 rediss://d:4/7"),
        ("valkeys://c", "valkeys://c:6379"),
        ("martlet://a,b", "etcd://a:2379 etcd://b:2379 redis://a:6379 redis://b:6379"),
        ("martlets://a", "etcds://a:2379 rediss://a:6379"),
        ("etcd://me:secret@a:1 redis://:pass@c,d", "etcd://a:1 redis://c:6379 redis://d:6379"),
    ])
    func reads(_ text: String, _ shown: String) throws {
        let address = try StoreAddress(text)
        #expect("\(address)" == shown)
        #expect(address.isEmbedded == shown.hasPrefix("embedded"))
    }

    /// What is shown is read as the same address, where it hides no password.
    @Test(arguments: ["embedded:x y", "etcds://a:1,b etcd://c:3 redis://c/3", "martlet://a"])
    func shownIsReadAgain(_ text: String) throws {
        let address = try StoreAddress(text)
        let again = try StoreAddress("\(address)")
        #expect("\(again)" == "\(address)")
    }

    @Test(arguments: [
        ("a:1", "\"a:1\" has no scheme: it is embedded, embedded:PATH, or begins with etcd://, redis:// or martlet://"),
        ("embedded etcd://a", "\"embedded\" has no scheme"),
        ("http://a:1", "\"http://a:1\" doesn't say what is there: begin it with etcd://"),
        ("https://a:1", "begin it with etcds://"),
        ("zookeeper://a", "\"zookeeper://a\" has the scheme zookeeper: known are embedded, etcd,"),
        ("etcd://", "\"etcd://\" has no host"),
        ("etcd://a::", "\"etcd://a::\" has no host"),
        ("etcd://a:0", "ports are 1 to 65535"),
        ("etcd://a:65536", "ports are 1 to 65535"),
        ("redis://c:x", "ports are 1 to 65535"),
        ("etcd://a:1/0", "\"etcd://a:1/0\" has a path, which servers of keys don't have"),
        ("martlet://a:1", "\"martlet://a:1\" has a port, but keys and streams have one each"),
        ("etcd://me@a", "before the @ of \"etcd://…@a\" there must be a name, a colon and a password"),
        ("etcd://me:50%@a", "there must be a name, a colon and a password"),
        ("etcd://me:x@a etcd://you:x@b", "servers of keys are one cluster, and have one name and password"),
    ])
    func complains(_ text: String, _ words: String) {
        let error = #expect(throws: MartletStoreError.self) { try StoreAddress(text) }
        #expect(error?.code == .invalidAddress)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func embeddedNeedsItsFolderNamed() {
        let error = #expect(throws: MartletStoreError.self) { try StoreAddress("embedded:") }
        #expect(error?.message == "embedded: needs a folder behind it; in memory it is embedded alone")
    }

    @Test(arguments: ["etcd://me:secret@a:x", "http://me:secret@a", "martlet://me:secret@a:7", "etcd://me:secret@a/1"])
    func passwordsAreNotShown(_ text: String) {
        let error = #expect(throws: MartletStoreError.self) { try StoreAddress(text) }
        #expect(error?.message.contains("secret") == false)
    }

    @Test func theVariableNamesIt() throws {
        let named = try StoreAddress(environment: ["MARTLET_STORE": "embedded:here"])
        #expect(named == .embedded(path: "here"))
        let unnamed = try StoreAddress(environment: [:])
        #expect(unnamed == .embedded)
        let error = #expect(throws: MartletStoreError.self) { try StoreAddress(environment: ["MARTLET_STORE": "a:1"]) }
        #expect(
            error?.message.hasPrefix("MARTLET_STORE: the store's address can't be read: \"a:1\" has no scheme") == true)
    }

    @Test func addressesInCodeAreThoseInText() throws {
        let text = try StoreAddress("etcd://a:1,b:2 redis://c:3")
        #expect(text == .servers(keys: ["a:1", "b:2"], streams: ["redis://c:3"]))
    }
}
