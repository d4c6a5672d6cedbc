// SPDX-License-Identifier: Apache-2.0

import Configuration
import ConfigurationTesting
import Foundation
import Logging
import MartletEtcdClient
import MartletEtcdConfiguration
import MartletTestPrograms
import ServiceLifecycle
import Testing

@Suite(.serialized, .timeLimit(.minutes(30))) struct EtcdConfigProviderTests {
    static func run(
        _ kind: EtcdProcess.Kind, _ body: (EtcdClient, EtcdProcess) async throws -> Void
    ) async throws {
        try await EtcdProcess.with(kind) { server in
            var configuration = EtcdClient.Configuration(endpoints: [server.endpoint])
            configuration.timeout = patience
            let client = try EtcdClient(configuration)
            do {
                try await body(client, server)
                await client.close()
            } catch {
                await client.close()
                throw error
            }
        }
    }

    /// Runs `body` while the provider follows changes.
    static func following(_ provider: EtcdConfigProvider, _ body: () async throws -> Void) async throws {
        let upkeep = Task { try await provider.run() }
        defer { upkeep.cancel() }
        try await body()
        upkeep.cancel()
        // A cancelled run is no failed one.
        try await upkeep.value
    }

    /// The test that every provider of swift-configuration should pass.
    @Test(arguments: EtcdProcess.Kind.available)
    func isLikeOtherProviders(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, _ in
            let magic = Array("magic".utf8)
            let magic2 = Array("magic2".utf8)
            let chunks = [magic, magic2].map { Data($0).base64EncodedString() }
            let texts = [
                "string": "Hello", "other/string": "Other Hello", "int": "42", "other/int": "24", "double": "3.14",
                "other/double": "2.72", "bool": "true", "other/bool": "false", "bytes": "magic",
                "other/bytes": "magic2", "stringy/array": "Hello,World", "other/stringy/array": "Hello,Swift",
                "inty/array": "42,24", "other/inty/array": "16, 32", "doubly/array": "3.14,2.72",
                "other/doubly/array": "0.9,1.8", "booly/array": "true,false", "other/booly/array": "no,on,1",
                "byteChunky/array": chunks.joined(separator: ","),
                "other/byteChunky/array": (chunks + [chunks[0]]).joined(separator: ","),
            ]
            for (key, value) in texts { try await client.put("test/\(key)", value) }
            let provider = try await EtcdConfigProvider(client: client, prefix: "test")
            try await ProviderCompatTest(provider: provider).runTest()
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func changesAreSeenWhileItRuns(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, _ in
            try await client.put("shop/http/port", "80\n")
            try await client.put("elsewhere", "1")
            let provider = try await EtcdConfigProvider(client: client, prefix: "shop/")
            let config = ConfigReader(provider: provider)
            #expect(config.int(forKey: "http.port") == 80)
            #expect(provider.description == "EtcdConfigProvider[1 values]")
            try await client.put("shop/http/port", "81")
            // Fetched from the server, not yet followed.
            #expect(try await config.fetchInt(forKey: "http.port") == 81)
            #expect(config.int(forKey: "http.port") == 80)
            try await Self.following(provider) {
                #expect(try await eventually { config.int(forKey: "http.port") == 81 })
                try await config.watchInt(forKey: "http.port", default: -1) { updates in
                    var iterator = updates.makeAsyncIterator()
                    #expect(try await iterator.next() == 81)
                    try await client.put("shop/other", "1")
                    try await client.put("shop/http/port", "82")
                    #expect(try await iterator.next() == 82)
                    try await client.delete("shop/http/port")
                    #expect(try await iterator.next() == -1)
                    try await client.put("shop/http/port", "no number")
                    try await client.put("shop/http/port", "83")
                    while let port = try await iterator.next(), port != 83 {}
                }
                try await config.watchSnapshot { updates in
                    var iterator = updates.makeAsyncIterator()
                    let first = try await iterator.next()
                    #expect(first?.int(forKey: "http.port") == 83)
                    try await client.transaction(then: [.put("shop/http/port", "84"), .put("shop/http/host", "h")])
                    // Both at once: they were written at one revision.
                    let next = try await iterator.next()
                    #expect(next?.int(forKey: "http.port") == 84)
                    #expect(next?.string(forKey: "http.host") == "h")
                }
            }
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func whatCanNotBeReadIsSaid(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, _ in
            try await client.put("p/text", "three")
            try await client.put("p/list", "1,x")
            try await client.put(Array("p/binary".utf8), [0xFF, 0xFE])
            try await client.put("p/empty", "")
            let provider = try await EtcdConfigProvider(client: client, prefix: "p") { options in
                options.secrets = .dynamic { key, _ in key.hasSuffix("text") }
            }
            func lookup(_ key: String, _ type: ConfigType) throws -> LookupResult {
                try provider.value(forKey: AbsoluteConfigKey(key.split(separator: ".").map(String.init)), type: type)
            }
            for (key, type) in [("text", .int), ("text", .bool), ("list", .intArray), ("binary", .string)]
                as [(String, ConfigType)]
            {
                let error = #expect(throws: EtcdConfigError.self) { _ = try lookup(key, type) }
                #expect(error?.key == "p/\(key)")
                #expect(error?.description.contains("three") == false)
            }
            #expect(try lookup("binary", .bytes).value?.content == .bytes([0xFF, 0xFE]))
            #expect(try lookup("empty", .stringArray).value?.content == .stringArray([]))
            #expect(try lookup("empty", .string).value?.content == .string(""))
            #expect(try lookup("text", .string).value?.isSecret == true)
            #expect(try lookup("list", .string).value?.isSecret == false)
            #expect(try lookup("none", .string) == LookupResult(encodedKey: "p/none", value: nil))
        }
    }

    @Test(arguments: EtcdProcess.Kind.available)
    func goesOnAfterARestartAndACompaction(kind: EtcdProcess.Kind) async throws {
        try await Self.run(kind) { client, server in
            try await client.put("c/a", "1")
            let provider = try await EtcdConfigProvider(client: client, prefix: "c")
            let config = ConfigReader(provider: provider)
            // What changed before it runs is compacted away.
            try await client.delete("c/a")
            try await client.put("c/b", "2")
            let revision = try await client.put("other", "1").revision
            try await client.compact(to: revision, isPhysical: true)
            try await Self.following(provider) {
                #expect(try await eventually { config.int(forKey: "a") == nil && config.int(forKey: "b") == 2 })
                try await server.restart()
                #expect(try await eventually { (try? await client.put("c/b", "3")) != nil })
                #expect(try await eventually { config.int(forKey: "b") == 3 })
            }
        }
    }

    @Test func runsInAServiceGroup() async throws {
        try await Self.run(.martlet) { client, _ in
            try await client.put("s/a", "1")
            let provider = try await EtcdConfigProvider(client: client, prefix: "s")
            let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let group = ServiceGroup(services: [provider], logger: silent)
            let running = Task { try await group.run() }
            try await client.put("s/a", "2")
            #expect(try await eventually { ConfigReader(provider: provider).int(forKey: "a") == 2 })
            await group.triggerGracefulShutdown()
            try await running.value
        }
    }
}
