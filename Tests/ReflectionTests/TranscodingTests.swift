// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletBasics
import MartletJSON
import MartletKindsFixture
import MartletReflection
import SwiftProtobuf
import Testing

/// The generated messages of SwiftProtobuf, which know the same mapping, are the judge.
@Suite struct TranscodingTests {
    static let name = "kinds.v1.Kinds"

    static let pool: DescriptorPool = {
        var pool = DescriptorPool()
        let set = try? Google_Protobuf_FileDescriptorSet(serializedBytes: KindsDescriptors.fileDescriptorSet)
        for file in set?.file ?? [] { pool.add(file) }
        return pool
    }()

    /// `{"packedNumbers":[1,2]}` and so on, each with all that a field of its kind may look like.
    static let texts: [String] = [
        "{}",
        #"{"aDouble":-1.5e300,"aFloat":0.25,"anInt32":-7,"anInt64":"-9223372036854775808","aUint32":4294967295}"#,
        #"{"aUint64":"18446744073709551615","aSint32":-2147483648,"aSint64":"-1","aFixed32":1,"aFixed64":"2"}"#,
        #"{"aSfixed32":-3,"aSfixed64":"-4","aBool":true,"aString":"ä\n\"\u0001 <&>","someBytes":"AAEC/w=="}"#,
        #"{"aDouble":"NaN","aFloat":"-Infinity","doubles":["Infinity",0,-0.5]}"#,
        #"{"mood":"MOOD_BAD","moods":["MOOD_GOOD","MOOD_UNKNOWN",17]}"#,
        #"{"child":{"child":{"child":{"aString":"deep"}},"aBool":true}}"#,
        #"{"maybe":0,"called":"renamed"}"#,
        #"{"left":""}"#, #"{"right":{}}"#, #"{"middle":"0"}"#,
        #"{"packedNumbers":[0,-1,2147483647],"looseNumbers":["1","-1"],"names":["","b"],"flags":[true,false]}"#,
        #"{"children":[{},{"aString":"x"}]}"#,
        #"{"counts":{"":"1","b":"-2"},"byNumber":{"-5":{"aBool":true},"7":{}},"byFlag":{"true":"t","false":"f"}}"#,
        #"{"moodOf":{"a":"MOOD_GOOD"}}"#,
        #"{"time":"2026-11-21T15:28:00.5Z","span":"-3.000000001s","times":["1970-01-01T00:00:00Z"]}"#,
        #"{"structure":{"a":[1,null,"x",{"b":true}]},"value":null,"boxed":"0"}"#,
        #"{"value":[{"x":1}]}"#,
        #"{"anything":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"1s"}}"#,
    ]

    @Test(arguments: texts) func agreesWithSwiftProtobuf(_ text: String) throws {
        let message = try Kinds_V1_Kinds(jsonString: text)
        let json = try #require(JSONParser.parse(Array(text.utf8)))
        let bytes = try MessageEncoder(Self.pool).encode(json, as: Self.name)
        // NaN is not equal to itself: the canonical bytes are compared.
        let again = try Kinds_V1_Kinds(serializedBytes: bytes)
        #expect(try Self.canonical(again) == Self.canonical(message))
        let decoded = try MessageDecoder(Self.pool).decode(try message.serializedBytes(), as: Self.name)
        #expect(Self.sorted(decoded) == Self.sorted(try #require(JSONParser.parse(try message.jsonUTF8Bytes()))))
    }

    @Test func readsEitherSpellingAndLooseNumbers() throws {
        func bytes(_ text: String) throws -> [UInt8] {
            try MessageEncoder(Self.pool).encode(try #require(JSONParser.parse(Array(text.utf8))), as: Self.name)
        }
        #expect(try bytes(#"{"an_int32":"7"}"#) == bytes(#"{"anInt32":7.0}"#))
        #expect(try bytes(#"{"renamed":"x"}"#) == bytes(#"{"called":"x"}"#))
        #expect(try bytes(#"{"an_int64":1e3,"a_string":null}"#) == bytes(#"{"anInt64":"1000"}"#))
        #expect(try bytes(#"{"someBytes":"_-8"}"#) == bytes(#"{"someBytes":"/+8="}"#))
        #expect(try bytes(#"{"mood":-3}"#) == bytes(#"{"mood":"MOOD_BAD"}"#))
    }

    @Test(arguments: [
        (#"{"nmae":1}"#, "has no field \"nmae\"; it has: aDouble, "),
        (#"{"anInt32":2147483648}"#, "anInt32: 2147483648 is no whole number"),
        (#"{"anInt32":1.5}"#, "anInt32: 1.5 is no whole number"),
        (#"{"child":{"children":[{},{"aBool":1}]}}"#, "child.children[1].aBool: 1 is neither"),
        (#"{"byNumber":{"x":{}}}"#, "byNumber[\"x\"]: \"x\" is no whole number"),
        (#"{"mood":"GREAT"}"#, "\"GREAT\" is none of: MOOD_UNKNOWN, MOOD_GOOD, MOOD_BAD"),
        (#"{"left":"a","right":{}}"#, "only one of \"left\" and \"right\""),
        (#"{"names":"a"}"#, "names: \"a\" is no array"),
        (#"{"someBytes":"%"}"#, "is no base64"),
        (#"{"time":"noon"}"#, "time: \"noon\" is no google.protobuf.Timestamp"),
        (#"{"aFloat":1e300}"#, "is no float"),
        (#"{"anything":{}}"#, "an Any needs \"@type\""),
        ("[]", "[] is no object"),
    ]) func saysWhatIsWrong(_ text: String, _ expected: String) throws {
        let json = try #require(JSONParser.parse(Array(text.utf8)))
        let error = #expect(throws: TranscodingError.self) {
            try MessageEncoder(Self.pool).encode(json, as: Self.name)
        }
        #expect(try #require(error).description.contains(expected))
    }

    @Test func anAnyOfADescribedMessageIsWrittenOut() throws {
        let text = #"{"anything":{"@type":"type.googleapis.com/kinds.v1.Kinds","aString":"inside"}}"#
        let json = try #require(JSONParser.parse(Array(text.utf8)))
        let bytes = try MessageEncoder(Self.pool).encode(json, as: Self.name)
        let message = try Kinds_V1_Kinds(serializedBytes: bytes)
        #expect(try Kinds_V1_Kinds(unpackingAny: message.anything).aString == "inside")
        #expect(try MessageDecoder(Self.pool).decode(bytes, as: Self.name) == json)
        let foreign = Kinds_V1_Kinds.with {
            $0.anything.typeURL = "x/unknown.Type"
            $0.anything.value = Data([1, 2])
        }
        let shown = try MessageDecoder(Self.pool).decode(try foreign.serializedBytes(), as: Self.name)
        #expect(shown.plainText == #"{"anything":{"@type":"x/unknown.Type","value":"AQI="}}"#)
    }

    /// Random fields in random order: whatever SwiftProtobuf reads, this reads alike; nothing traps.
    @Test func readsWhatSwiftProtobufReads() throws {
        let environment = ProcessInfo.processInfo.environment
        let seed = environment["MARTLET_SEED"].flatMap { UInt64($0) } ?? .random(in: 0...UInt64.max)
        print("MARTLET_SEED=\(seed)")
        var random = SeededRandom(seed: seed)
        var readable = 0
        for _ in 0..<4000 {
            let bytes = Self.randomMessage(&random, depth: 0)
            guard let message = try? Kinds_V1_Kinds(serializedBytes: bytes),
                let judge: [UInt8] = try? message.jsonUTF8Bytes(), let expected = JSONParser.parse(judge)
            else {
                _ = try? MessageDecoder(Self.pool).decode(bytes, as: Self.name)
                continue
            }
            readable += 1
            let decoded = try MessageDecoder(Self.pool).decode(bytes, as: Self.name)
            // What is absent and what is zero read the same where a field has no presence; the mapping leaves both out.
            let again = try MessageEncoder(Self.pool).encode(decoded, as: Self.name)
            let reread = try Kinds_V1_Kinds(serializedBytes: again)
            let rewritten = try #require(JSONParser.parse(try reread.jsonUTF8Bytes()))
            #expect(Self.sorted(rewritten) == Self.sorted(expected), "MARTLET_SEED=\(seed)")
        }
        #expect(readable > 400)
    }

    @Test func theTemplateIsARequest() throws {
        let template = RequestTemplate.json(of: Self.name, in: Self.pool)
        #expect(template["aString"] == .string(""))
        #expect(template["anInt64"] == .string("0"))
        #expect(template["moods"] == .array([.string("MOOD_UNKNOWN")]))
        #expect(template["counts"]?.plainText == #"{"key":"0"}"#)
        #expect(template["left"] == .string("") && template["right"] == nil)
        #expect(template["time"] == .string("1970-01-01T00:00:00Z"))
        // An Any's type can't be guessed: it is the one thing to fill in.
        guard case .object(let members) = template else { return }
        let json = JSONValue.object(members.filter { $0.name != "anything" && $0.name != "child" })
        #expect(throws: TranscodingError.self) { try MessageEncoder(Self.pool).encode(template, as: Self.name) }
        _ = json
        let greeter = RequestTemplate.json(of: "unknown.Message", in: Self.pool)
        #expect(greeter == .object([]))
    }

    @Test func aMessageWithoutEndIsRefused() {
        var bytes: [UInt8] = []
        for _ in 0..<200 {
            var outer: [UInt8] = [17 << 3 & 0x7F | 0x80 | 2, 1]
            Varint.append(UInt64(bytes.count), to: &outer)
            bytes = outer + bytes
        }
        #expect(throws: TranscodingError.self) { try MessageDecoder(Self.pool).decode(bytes, as: Self.name) }
    }

    private static func randomMessage(_ random: inout SeededRandom, depth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        let numbers: [UInt64] = [
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 30, 31, 32, 33, 34, 35, 36,
            40, 41, 42, 43, 99,
        ]
        for _ in 0..<Int.random(in: 0...4, using: &random) {
            let number = numbers[Int.random(in: 0..<numbers.count, using: &random)]
            let type = Self.usualType(number, &random)
            Varint.append(number << 3 | type, to: &bytes)
            switch type {
            case 0:
                let shift = UInt64.random(in: 0...63, using: &random)
                Varint.append(UInt64.random(in: 0...UInt64.max, using: &random) >> shift, to: &bytes)
            case 1: bytes += Self.randomBytes(8, &random)
            case 5: bytes += Self.randomBytes(4, &random)
            default:
                let isMessage = [17, 21, 34, 40, 41, 42, 43].contains(number)
                let isText = [14, 19, 20, 33].contains(number)
                var content = Self.randomBytes(Int.random(in: 0...8, using: &random), &random)
                if isText { content = content.map { $0 & 0x7F } }
                if isMessage, depth < 4 { content = Self.randomMessage(&random, depth: depth + 1) }
                if number >= 40, number <= 43 { content = Self.randomEntry(number, &random, depth: depth) }
                Varint.append(UInt64(content.count), to: &bytes)
                bytes += content
            }
        }
        return bytes
    }

    private static func randomBytes(_ count: Int, _ random: inout SeededRandom) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    private static func usualType(_ number: UInt64, _ random: inout SeededRandom) -> UInt64 {
        switch number {
        case 1, 10, 12: 1
        case 2, 9, 11: 5
        case 14, 15, 17, 19, 20, 21, 33, 34, 40...43: 2
        case 30...32, 35, 36: Bool.random(using: &random) ? 2 : number == 32 ? 1 : 0
        default: 0
        }
    }

    private static func randomEntry(_ number: UInt64, _ random: inout SeededRandom, depth: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        if Bool.random(using: &random) {
            if number == 40 || number == 43 {
                bytes += [10, 1, 65 + .random(in: 0...3, using: &random)]
            } else {
                bytes += [8, .random(in: 0...1, using: &random)]
            }
        }
        if Bool.random(using: &random) {
            switch number {
            case 40, 43: bytes += [16, .random(in: 0...3, using: &random)]
            case 41: bytes += [18, 0]
            default: bytes += [18, 1, 66]
            }
        }
        return bytes
    }

    private static func canonical(_ message: Kinds_V1_Kinds) throws -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        return try message.serializedBytes(options: options)
    }

    /// Maps have no order.
    private static func sorted(_ value: JSONValue) -> JSONValue {
        switch value {
        case .object(let members):
            .object(members.sorted { $0.name < $1.name }.map { ($0.name, Self.sorted($0.value)) })
        case .array(let values): .array(values.map(Self.sorted))
        case .number(let text): .number(Double(text).map { "\($0)" } ?? text)
        default: value
        }
    }
}
