// SPDX-License-Identifier: Apache-2.0

import Martlet
import Testing

@Suite struct ServiceRecordTests {
    /// A record as a go-micro 1.18 server stores it.
    static let stored =
        #"{"name":"go.micro.server","version":"myVersion","metadata":null,"endpoints":["#
        + #"{"name":"Greeter.Chat","request":{"name":"Context","type":"Context","values":null},"#
        + #""response":{"name":"Stream","type":"Stream","values":null},"metadata":{"stream":"true"}},"#
        + #"{"name":"Greeter.Hello","request":{"name":"HelloRequest","type":"HelloRequest","values":["#
        + #"{"name":"name","type":"string","values":null}]},"response":{"name":"HelloResponse","#
        + #""type":"HelloResponse","values":[{"name":"greeting","type":"string","values":null},"#
        + #"{"name":"metadata","type":"","values":null}]},"metadata":{}},"#
        + #"{"name":"Events.Note","request":null,"response":null,"#
        + #""metadata":{"subscriber":"true","topic":"go.micro.topic"}}],"#
        + #""nodes":[{"id":"go.micro.server-e723c3ed-db23-469d-90d4-4e144c0d206b","address":"127.0.0.1:9101","#
        + #""metadata":{"broker":"http","protocol":"grpc","registry":"etcd","server":"grpc","transport":"grpc"}}]}"#

    @Test func roundTripIsByteForByte() throws {
        let record = try #require(ServiceRecord(jsonBytes: Self.stored.utf8))
        #expect(record.name == "go.micro.server")
        #expect(record.endpoints?.count == 3)
        #expect(record.endpoints?[1].request?.values?.first?.type == "string")
        #expect(record.endpoints?[2].request == nil)
        #expect(record.nodes[0].metadata?["protocol"] == "grpc")
        #expect(String(decoding: record.jsonBytes, as: UTF8.self) == Self.stored)
    }

    @Test(arguments: [
        #"{"nodes":[{"metadata":{},"address":"h:1","id":"s-1"}],"version":"1","extra":[1,{"a":2}],"name":"s"}"#,
        #"{"name":"s","version":"1","metadata":null,"endpoints":null,"#
            + #""nodes":[{"id":"s-1","address":"h:1","metadata":null}]}"#,
        #"{"name":"s","version":"1","metadata":{},"endpoints":{},"nodes":[{"id":"s-1","address":"h:1","port":9}]}"#,
        #"{"name":"s","version":"1","metadata":[],"endpoints":[],"#
            + #""nodes":[{"id":"s-1","address":"h:1"},{"id":"","address":"x"},null,{}]}"#,
    ])
    func readingIsLenient(_ text: String) throws {
        let record = try #require(ServiceRecord(jsonBytes: text.utf8))
        #expect(record.name == "s")
        #expect(record.version == "1")
        #expect(record.nodes.map(\.id) == ["s-1"])
        #expect(record.nodes.map(\.address) == ["h:1"])
        #expect((record.endpoints ?? []).isEmpty)
        #expect((record.metadata ?? [:]).isEmpty)
    }

    @Test(arguments: ["", "null", "[]", "{}", #"{"name":""}"#, #"{"name":3}"#, #"{"name":"s""#, "\u{0}"])
    func otherTextIsNoRecord(_ text: String) {
        #expect(ServiceRecord(jsonBytes: text.utf8) == nil)
    }

    @Test func everyPrefixOfARecordIsRefused() {
        let bytes = [UInt8](Self.stored.utf8)
        for length in 0..<bytes.count { #expect(ServiceRecord(jsonBytes: bytes[..<length]) == nil) }
    }

    @Test func hugeRecordsAreRefused() {
        let padding = String(repeating: " ", count: ServiceRecord.maximumBytes)
        #expect(ServiceRecord(jsonBytes: (padding + #"{"name":"s"}"#).utf8) == nil)
    }

    @Test func keysReplaceSlashes() {
        #expect(RegistryKey.node(service: "a/b", id: "a/b-1") == "/micro/registry/a-b/a-b-1")
        #expect(RegistryKey.service("a/b") == "/micro/registry/a-b/")
        let parts = RegistryKey.parts(of: "/micro/registry/go.micro.server/go.micro.server-1")
        #expect(parts?.service == "go.micro.server")
        #expect(parts?.id == "go.micro.server-1")
        for key in ["", "/micro/registry/", "/micro/registry/a", "/micro/registry/a/", "/micro/registry//b", "/x/a/b"] {
            #expect(RegistryKey.parts(of: key) == nil, "\(key)")
        }
        #expect(RegistryKey.parts(of: "/micro/registry/a/b/c") == nil)
    }
}
