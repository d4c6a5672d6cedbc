// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletBoltFile
import MartletEtcdSnapshot
import Testing

/// The backend's JSON, as it reaches the library: in member entries.
@Suite struct JSONTests {
    @Test(arguments: [
        #"{"id":18446744073709551615,"peerURLs":["http:\/\/a:1"],"name":"n"}"#,
        " { \"name\" : \"n\" ,\n\t\"peerURLs\":[ \"http://a:1\" ] , \"id\" : 18446744073709551615 } ",
        #"{"more":{"x":[1,-2.5e3,null,true,{}]},"id":18446744073709551615,"name":"n","peerURLs":["http://a:1"]}"#,
        #"{"id":1,"id":18446744073709551615,"peerURLs":["\u0068ttp://a:1"],"name":"\u006e","clientURLs":null}"#,
    ]) func isUnderstood(_ json: String) throws {
        let member = try #require(try members(json).first)
        #expect(member == BackendMember(id: .max, name: "n", peerURLs: ["http://a:1"], clientURLs: []))
    }

    @Test(arguments: [
        "", "{", "{}", "nul", "[1]", #"{"id":18446744073709551616}"#, #"{"id":18446744073709551615} x"#,
        #"{"id":18446744073709551615,}"#, #"{"id":18446744073709551615 "name":1}"#,
        #"{"id":18446744073709551615,"name":"\x"}"#, #"{"id":18446744073709551615,"name":"\u12"}"#,
        "{\"id\":18446744073709551615,\"name\":\"a\nb\"}", #"{"id":1e3}"#, #"{"id":"1"}"#, #"{"id":--1}"#,
        #"{"id":18446744073709551615,"x":"# + String(repeating: "[", count: 100_000),
        #"{"id":18446744073709551615,"x":"# + String(repeating: #"{"a":"#, count: 100_000),
    ]) func isRefused(_ json: String) throws {
        #expect(throws: EtcdSnapshotError.self) { try members(json) }
    }

    @Test func surrogates() throws {
        let member = try members(#"{"id":18446744073709551615,"name":"\ud83d\ude00 \ud83d \ude00 \ud83dx"}"#)
        #expect(member.first?.name == "\u{1F600} \u{FFFD} \u{FFFD} \u{FFFD}x")
    }

    @Test func randomTextNeverTraps() throws {
        var random = SeededRandom(seed: testSeed("randomTextNeverTraps"))
        let alphabet = Array(#"{}[]":,\u0d8tfn1-+.e truefalsenull"#.utf8) + [0, 200, 255]
        for _ in 0..<5000 {
            let count = Int.random(in: 0...40, using: &random)
            let text = (0..<count).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
            _ = try? members(bytes: text)
        }
    }

    private func members(_ json: String) throws -> [BackendMember] { try members(bytes: bytes(json)) }

    private func members(bytes value: [UInt8]) throws -> [BackendMember] {
        let key = bytes("ffffffffffffffff")
        let names = ["members", "meta"]
        var plan = BoltPlan()
        try plan.beginBucket(bytes(names[0]))
        try plan.add(keyLength: key.count, valueLength: value.count)
        try plan.beginBucket(bytes(names[1]))
        var writer = BoltWriter(layout: try plan.finish())
        try writer.beginBucket(bytes(names[0]))
        try writer.add(key: key, value: value)
        try writer.beginBucket(bytes(names[1]))
        try writer.finish()
        return try Reader(BoltMemoryImage(writer.takeOutput())).contents().members
    }
}
