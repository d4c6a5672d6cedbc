// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import NIOCore
import SwiftProtobuf
import Testing

/// JSON that becomes a message, or a refusal. All texts are those of etcd 3.5.1.
@Suite struct GatewayRequestTests {
    let fixture = GatewayFixture()

    @Test(arguments: [
        ("{", "unexpected EOF"),
        ("{bad", "invalid character 'b' looking for beginning of object key string"),
        ("{'a'", #"invalid character '\\'' looking for beginning of object key string"#),
        (#"{"key"}"#, "invalid character '}' after object key"),
        (#"{"key" "x"}"#, #"invalid character '\"' after object key"#),
        (#"{"key":}"#, "invalid character '}' looking for beginning of value"),
        (#"{"key":x}"#, "invalid character 'x' looking for beginning of value"),
        (#"{"key":"Zm9v",}"#, "invalid character '}' looking for beginning of object key string"),
        (#"{"key":"Zm9v""#, "unexpected EOF"),
        (#"{"key":"Zm9v" x"#, "invalid character 'x' after object key:value pair"),
        (#"{"key":"Zm9"#, "unexpected EOF"),
        ("{\"key\":\"a\nb\"}", #"invalid character '\\n' in string literal"#),
        (#"{"key":"\q"}"#, "invalid character 'q' in string escape code"),
        (#"{"key":"\u12x"}"#, #"invalid character 'x' in \\u hexadecimal character escape"#),
        (#"{"key":"Zm9v"]"#, "invalid character ']' after object key:value pair"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("[1 2]", "invalid character '2' after array element"),
        (#"{"limit":01}"#, "invalid character '1' after object key:value pair"),
        (#"{"limit":-}"#, "invalid character '}' in numeric literal"),
        (#"{"limit":1.}"#, "invalid character '}' after decimal point in numeric literal"),
        (#"{"limit":1e}"#, "invalid character '}' in exponent of numeric literal"),
        (#"{"limit":1ex}"#, "invalid character 'x' in exponent of numeric literal"),
        (#"{"limit":tru}"#, "invalid character '}' in literal true (expecting 'e')"),
        (#"{"limit":nul}"#, "invalid character '}' in literal null (expecting 'l')"),
        (#"{"limit":fals"#, "unexpected EOF"),
        ("\u{FEFF}{}", "invalid character 'ï' looking for beginning of value"),
        ("\0", #"invalid character '\\x00' looking for beginning of value"#),
        ("}", "invalid character '}' looking for beginning of value"),
        (#"{"a":1,,}"#, "invalid character ',' looking for beginning of object key string"),
        (#"{"key":[}"#, "invalid character '}' looking for beginning of value"),
        ("[]", "json: cannot unmarshal array into Go value of type map[string]json.RawMessage"),
        (#""x""#, "json: cannot unmarshal string into Go value of type map[string]json.RawMessage"),
        ("1", "json: cannot unmarshal number into Go value of type map[string]json.RawMessage"),
        ("true", "json: cannot unmarshal bool into Go value of type map[string]json.RawMessage"),
    ])
    func texts(body: String, message: String) async {
        let answer = await fixture.range(body)
        #expect(answer.status == 400)
        #expect(answer.body == failure(message))
        #expect(fixture.received.isEmpty)
    }

    @Test(arguments: [
        (#"{"key":5}"#, "json: cannot unmarshal number into Go value of type []uint8"),
        (#"{"key":true}"#, "json: cannot unmarshal bool into Go value of type []uint8"),
        (#"{"key":{}}"#, "json: cannot unmarshal object into Go value of type []uint8"),
        (#"{"key":[300]}"#, "json: cannot unmarshal number 300 into Go value of type uint8"),
        (#"{"key":"Zm9"}"#, "illegal base64 data at input byte 0"),
        (#"{"key":"Zm9vYg"}"#, "illegal base64 data at input byte 4"),
        (#"{"key":"__-_"}"#, "illegal base64 data at input byte 0"),
        (#"{"key":"Zm 9v"}"#, "illegal base64 data at input byte 2"),
        (#"{"key":"Zm=v"}"#, "illegal base64 data at input byte 2"),
        (#"{"key":"Zg=="Zg}"#, "invalid character 'Z' after object key:value pair"),
        (#"{"key":"Zg==Zg=="}"#, "illegal base64 data at input byte 4"),
        (#"{"limit":5.0}"#, "json: cannot unmarshal number 5.0 into Go value of type int64"),
        (#"{"limit":1e1}"#, "json: cannot unmarshal number 1e1 into Go value of type int64"),
        (#"{"limit":"1e1"}"#, "json: cannot unmarshal number 1e1 into Go value of type int64"),
        (#"{"limit":"abc"}"#, "invalid character 'a' looking for beginning of value"),
        (#"{"limit":""}"#, "unexpected end of JSON input"),
        (
            #"{"limit":9223372036854775808}"#,
            "json: cannot unmarshal number 9223372036854775808 into Go value of type int64"
        ),
        (#"{"limit":true}"#, "json: cannot unmarshal bool into Go value of type int64"),
        (#"{"limit":{}}"#, "json: cannot unmarshal object into Go value of type int64"),
        (#"{"limit":[]}"#, "json: cannot unmarshal array into Go value of type int64"),
        (#"{"limit":"+5"}"#, "invalid character '+' looking for beginning of value"),
        (#"{"limit":"05"}"#, "invalid character '5' after top-level value"),
        (#"{"limit":"\u0035"}"#, #"invalid character '\\\\' looking for beginning of value"#),
        (#"{"serializable":"true"}"#, "json: cannot unmarshal string into Go value of type bool"),
        (#"{"serializable":1}"#, "json: cannot unmarshal number into Go value of type bool"),
        (
            #"{"sort_order":"ascend"}"#,
            #"unknown value \"\\\"ascend\\\"\" for enum etcdserverpb.RangeRequest.SortOrder"#
        ),
        (#"{"sort_order":true}"#, "json: cannot unmarshal bool into Go value of type protoreflect.EnumNumber"),
        (#"{"sort_order":1.5}"#, "json: cannot unmarshal number 1.5 into Go value of type protoreflect.EnumNumber"),
        (
            #"{"sort_order":99999999999}"#,
            "json: cannot unmarshal number 99999999999 into Go value of type protoreflect.EnumNumber"
        ),
        // Of two faults the first field's, wherever it stands.
        (#"{"limit":true,"key":5}"#, "json: cannot unmarshal number into Go value of type []uint8"),
    ])
    func values(body: String, message: String) async {
        let answer = await fixture.range(body)
        #expect(answer.status == 400)
        #expect(answer.body == failure(message))
        #expect(fixture.received.isEmpty)
    }

    @Test(arguments: [
        (#"{"compare":{}}"#, "json: cannot unmarshal object into Go value of type []json.RawMessage"),
        (#"{"compare":[1]}"#, "json: cannot unmarshal number into Go value of type map[string]json.RawMessage"),
        (#"{"success":[{"request_put":{"key":5}}]}"#, "json: cannot unmarshal number into Go value of type []uint8"),
        (
            #"{"success":[{"request_put":[]}]}"#,
            "json: cannot unmarshal array into Go value of type map[string]json.RawMessage"
        ),
        (#"{"success":"x"}"#, "json: cannot unmarshal string into Go value of type []json.RawMessage"),
    ])
    func messagesInside(body: String, message: String) async {
        let answer = await fixture.txn(body)
        #expect(answer.status == 400)
        #expect(answer.body == failure(message))
    }

    private static let understoodTexts: [(String, Etcdserverpb_RangeRequest)] = [
        ("", .init()),
        (" \n", .init()),
        ("null", .init()),
        ("{}trailing", .init()),
        (#"{"key":"Zm9v","nosuch":{"a":[1,2,{"b":null}]}}"#, .with { $0.key = Array("foo".utf8).data }),
        (#"{"key":"Zm9vYg=="}"#, .with { $0.key = Array("foob".utf8).data }),
        (#"{"key":"Zm9v\nYg=\r="}"#, .with { $0.key = Array("foob".utf8).data }),
        (#"{"key":[102,111,null]}"#, .with { $0.key = [102, 111, 0].data }),
        (#"{"key":null,"limit":null,"limit":"null","sort_order":null,"serializable":null}"#, .init()),
        (#"{"limit":"5","revision":-9223372036854775808}"#, .with { ($0.limit, $0.revision) = (5, .min) }),
        (#"{"limit":" 5"}"#, .with { $0.limit = 5 }),
        (#"{"sort_order":1,"sortTarget":"MOD"}"#, .with { ($0.sortOrder, $0.sortTarget) = (.ascend, .mod) }),
        (#"{"sort_order":7}"#, .with { $0.sortOrder = .UNRECOGNIZED(7) }),
        (#"{"sortOrder":"ASCEND","sort_order":"DESCEND"}"#, .with { $0.sortOrder = .ascend }),
        (#"{"key":"Zm9v","key":"YmFy"}"#, .with { $0.key = Array("bar".utf8).data }),
        (#"{"Key":"Zm9v"}"#, .init()),
        (#"{"\u006bey":"\u005am9v"}"#, .with { $0.key = Array("foo".utf8).data }),
        (#"{"serializable":true,"keysOnly":false}"#, .with { $0.serializable = true }),
    ]

    @Test(arguments: understoodTexts)
    func understood(body: String, request: Etcdserverpb_RangeRequest) async throws {
        let answer = await fixture.range(body)
        #expect(answer.status == 200)
        let received = try #require(fixture.received.first)
        #expect(try Etcdserverpb_RangeRequest(serializedBytes: received) == request)
        #expect(try request.serializedBytes() == received)
    }

    /// What is set in a oneof is there, also when it is nothing.
    /// What an audit's line says of a denied call.
    @Test func servicesLearnWhereACallComesFrom() async throws {
        _ = await fixture.range("{}")
        #expect(fixture.peerText == "")
        for (host, text) in [("192.0.2.7", "192.0.2.7:4711"), ("2001:db8::7", "[2001:db8::7]:4711")] {
            let peer = try SocketAddress(ipAddress: host, port: 4711)
            _ = await fixture.call("kv/range", "/etcdserverpb.KV/Range", Array("{}".utf8), from: peer)
            #expect(fixture.peerText == text)
        }
    }

    @Test func zerosOfAOneof() async throws {
        _ = await fixture.txn(
            #"{"compare":[{"target":"VERSION","version":0},null],"success":[{"requestRange":{}},{}]}"#)
        let received = try #require(fixture.received.first)
        let request = try Etcdserverpb_TxnRequest(serializedBytes: received)
        #expect(request.compare.count == 2)
        #expect(request.compare[0].targetUnion == .version(0))
        #expect(request.success.map(\.request) == [.requestRange(.init()), nil])
    }

    @Test func packedNumbersAndText() async throws {
        let watch = Etcdserverpb_WatchCreateRequest.with { $0.filters = [.nodelete, .noput] }
        let json = Array(#"{"create_request":{"filters":["NODELETE",0]}}"#.utf8)
        // Watch streams; its request is read like any other.
        _ = await fixture.call("watch", "/etcdserverpb.Watch/Watch", json)
        let user = Array(#"{"name":"\u00e9\ud83d\ude00\ud800x\/\t"}"#.utf8)
        _ = await fixture.call("auth/user/add", "/etcdserverpb.Auth/UserAdd", user)
        let messages = fixture.received
        try #require(messages.count == 2)
        #expect(try Etcdserverpb_WatchRequest(serializedBytes: messages[0]).createRequest == watch)
        #expect(try Etcdserverpb_AuthUserAddRequest(serializedBytes: messages[1]).name == "é😀\u{FFFD}x/\t")
    }

    @Test func depthIsLimited() async {
        let depth = 1_000
        let nested = String(repeating: #"{"success":[{"request_txn":"#, count: depth) + "{}"
        let deep = await fixture.txn(nested + String(repeating: "}]}", count: depth))
        #expect(deep.body == failure("proto: messages nested too deeply"))
        let brackets = await fixture.range(#"{"x":"# + String(repeating: "[", count: 20_000))
        #expect(brackets.body == failure("exceeded max depth"))
    }

    @Test func sizeIsLimited() async {
        let key = String(repeating: "QUFB", count: 100)
        let answer = await fixture.call(
            "kv/range", "/etcdserverpb.KV/Range", Array(#"{"key":"\#(key)"}"#.utf8), maximumMessageBytes: 300)
        #expect(answer.status == 429)
        #expect(answer.body == failure("grpc: received message larger than max (303 vs. 300)", code: 8))
    }

    /// Whatever the bytes are: an answer, and no end of the process.
    @Test func noise() async {
        let seed = testSeed()
        var random = SeededRandom(seed: seed)
        let words = [
            "{", "}", "[", "]", ":", ",", "\"", "\\u", "null", "1e", "-", "\"key\"", "\"Zm9v\"", " ", "\u{E9}",
        ]
        for _ in 0..<500 {
            var body: [UInt8] = []
            for _ in 0..<random.next() % 12 {
                if random.next() % 8 == 0 {
                    body.append(UInt8(truncatingIfNeeded: random.next()))
                } else {
                    body += words[Int(random.next() % UInt64(words.count))].utf8
                }
            }
            let answer = await fixture.call("kv/txn", "/etcdserverpb.KV/Txn", body)
            #expect(answer.status == 200 || answer.status == 400, "seed \(seed): \(body)")
        }
    }
}
