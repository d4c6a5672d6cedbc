// SPDX-License-Identifier: Apache-2.0

import MartletEtcdAPI
import MartletEtcdServer
import MartletGRPCWire
import MartletHTTP2Session
import NIOPosix
import SwiftProtobuf
import Testing

/// Messages that become JSON, failures, and what else a client is told.
@Suite struct GatewayResponseTests {
    let fixture = GatewayFixture()

    private func json(_ path: String, _ method: String, _ message: some Message) async throws -> String {
        let answer = await fixture.call(path, method, [], answer: .success(try message.serializedBytes()))
        #expect(answer.status == 200)
        return answer.body
    }

    @Test func numbersBytesAndNames() async throws {
        var response = Etcdserverpb_RangeResponse()
        response.header.clusterID = .max
        response.header.revision = .min
        var record = Mvccpb_KeyValue()
        record.key = [0xFB, 0xEF, 0xFF].data
        record.value = [0xFF].data
        record.lease = -1
        response.kvs = [record, .with { $0.value = [1, 2].data }, .init()]
        response.more = true
        let range = try await json("kv/range", "/etcdserverpb.KV/Range", response)
        #expect(
            range
                == #"{"header":{"cluster_id":"18446744073709551615","revision":"-9223372036854775808"},"#
                + #""kvs":[{"key":"++//","value":"/w==","lease":"-1"},{"value":"AQI="},{}],"more":true}"#)
        let hash = Etcdserverpb_HashKVResponse.with { ($0.hash, $0.compactRevision) = (.max, 7) }
        let hashed = try await json("maintenance/hashkv", "/etcdserverpb.Maintenance/HashKV", hash)
        #expect(hashed == #"{"hash":4294967295,"compact_revision":"7"}"#)
    }

    @Test func enumerationsAndOneofs() async throws {
        var alarms = Etcdserverpb_AlarmResponse()
        alarms.alarms = [.with { ($0.memberID, $0.alarm) = (5, .corrupt) }, .with { $0.alarm = .UNRECOGNIZED(9) }]
        #expect(
            try await json("maintenance/alarm", "/etcdserverpb.Maintenance/Alarm", alarms)
                == #"{"alarms":[{"memberID":"5","alarm":"CORRUPT"},{"alarm":9}]}"#)
        var txn = Etcdserverpb_TxnResponse()
        txn.responses = [.with { $0.responsePut = .init() }, .with { $0.responseTxn.succeeded = true }, .init()]
        #expect(
            try await json("kv/txn", "/etcdserverpb.KV/Txn", txn)
                == #"{"responses":[{"response_put":{}},{"response_txn":{"succeeded":true}},{}]}"#)
    }

    /// As Go writes it, who has browsers in mind.
    @Test func text() async throws {
        let users = Etcdserverpb_AuthUserListResponse.with {
            $0.users = ["<a&b>", "r\u{2028}é😀\u{7}\"\\/\u{7F}\n", "\u{8}\u{A8}\u{2029}"]
        }
        #expect(
            try await json("auth/user/list", "/etcdserverpb.Auth/UserList", users)
                == #"{"users":["\u003ca\u0026b\u003e","r\u2028é😀\u0007\"\\/"#
                + "\u{7F}" + #"\n","\u0008"# + "\u{A8}" + #"\u2029"]}"#)
    }

    /// Fields in another order, some unknown, numbers of zero.
    @Test func whateverTheBytesLookLike() async {
        // count, one kv, an unknown number, more (false), header, another kv.
        let bytes: [UInt8] = [0x20, 2, 0x12, 2, 0x20, 1, 0x98, 6, 1, 0x18, 0, 0x0A, 2, 0x18, 3, 0x12, 2, 0x20, 2]
        let answer = await fixture.call("kv/range", "/etcdserverpb.KV/Range", [], answer: .success(bytes))
        #expect(answer.body == #"{"header":{"revision":"3"},"kvs":[{"version":"1"},{"version":"2"}],"count":"2"}"#)
        for broken: [UInt8] in [[0x0A], [0x0A, 5, 1], [0x20, 0x80], [0x22, 0], [0x0D, 1, 2, 3, 4]] {
            let answer = await fixture.call("kv/range", "/etcdserverpb.KV/Range", [], answer: .success(broken))
            #expect(answer.status == 500)
            #expect(answer.body == failure("malformed response", code: 13))
        }
    }

    /// Large messages are converted elsewhere, with the same result.
    @Test func largeOnes() async throws {
        let value = [UInt8](repeating: 0, count: 300_000)
        let response = Etcdserverpb_RangeResponse.with { $0.kvs = [.with { $0.value = value.data }] }
        let text = String(repeating: "AAAA", count: 100_000)
        let request = Array(#"{"key":"\#(text)"}"#.utf8)
        let answer = await fixture.call(
            "kv/range", "/etcdserverpb.KV/Range", request, answer: .success(try response.serializedBytes()))
        #expect(answer.body == #"{"kvs":[{"value":"\#(text)"}]}"#)
        let expected = Etcdserverpb_RangeRequest.with { $0.key = value.data }
        #expect(fixture.received == [try expected.serializedBytes()])
    }

    @Test(arguments: [
        (GRPCStatusCode.cancelled, 408), (.unknown, 500), (.invalidArgument, 400), (.deadlineExceeded, 504),
        (.notFound, 404), (.alreadyExists, 409), (.permissionDenied, 403), (.resourceExhausted, 429),
        (.failedPrecondition, 400), (.aborted, 409), (.outOfRange, 400), (.unimplemented, 501),
        (.internalError, 500), (.unavailable, 503), (.dataLoss, 500), (.unauthenticated, 401),
    ])
    func statuses(code: GRPCStatusCode, http: Int) async {
        let answer = await fixture.call(
            "kv/put", "/etcdserverpb.KV/Put", [], answer: .failure(GRPCStatus(code, "no <good>")))
        #expect(answer.status == http)
        #expect(answer.body == failure(#"no \u003cgood\u003e"#, code: code.rawValue))
    }

    @Test func headersForTheService() async {
        let headers = [
            ("Authorization", "token"), ("Grpc-Metadata-HasLeader", "true"), ("token", "other"), ("Accept", "*/*"),
        ]
        _ = await fixture.call("kv/put", "/etcdserverpb.KV/Put", [], headers: headers)
        let metadata = fixture.metadata
        #expect(metadata.count == 2)
        #expect(metadata.first("authorization") == "token")
        #expect(metadata.first("hasleader") == "true")
    }

    @Test func timeouts() async {
        let wrong = await fixture.call("kv/put", "/etcdserverpb.KV/Put", [], headers: [("Grpc-Timeout", "xx")])
        #expect(wrong.status == 400)
        #expect(wrong.body == failure("invalid grpc-timeout: xx"))
        let over = await fixture.call("kv/put", "/etcdserverpb.KV/Put", [], headers: [("Grpc-Timeout", "0n")])
        #expect(over.status == 504)
        #expect(over.body == failure("context deadline exceeded", code: 4))
        #expect(fixture.received.isEmpty)
        let long = await fixture.call("kv/put", "/etcdserverpb.KV/Put", [], headers: [("Grpc-Timeout", "99999999H")])
        #expect(long.status == 200)
    }

    @Test func whatIsNotThere() async {
        let gateway = Gateway(
            methods: EtcdMethods(), eventLoop: MultiThreadedEventLoopGroup.singleton.any(), maximumMessageBytes: 1)
        func answer(_ method: String, _ path: String) async -> (Int, String) {
            let response = await gateway.respond(to: HTTP1Request(method: method, uri: path), path: path)
            return (response.status, String(decoding: response.body, as: UTF8.self))
        }
        #expect(await answer("POST", "/v3/nosuch") == (404, "Not Found\n"))
        #expect(await answer("POST", "/v3/kv/range/") == (404, "Not Found\n"))
        #expect(await answer("GET", "/v3/nosuch") == (404, "Not Found\n"))
        #expect(await answer("GET", "/v3/kv/range") == (405, "Method Not Allowed\n"))
        #expect(
            await answer("POST", "/v3/maintenance/snapshot")
                == (501, failure("unknown method Snapshot for service etcdserverpb.Maintenance", code: 12)))
    }

    /// Each method of etcd's API has a path, but for those that have none there either.
    @Test func everyMethodHasAPath() async throws {
        let paths = [
            "kv": ["range", "put", "deleterange", "txn", "compaction", "lease/revoke", "lease/timetolive"],
            "lease": ["grant", "revoke", "keepalive", "timetolive", "leases"], "kv/lease": ["leases"],
            "cluster/member": ["add", "remove", "update", "list", "promote"],
            "maintenance": [
                "alarm", "status", "defragment", "hash", "hashkv", "snapshot", "transfer-leadership", "downgrade",
            ],
            "auth": ["enable", "disable", "status", "authenticate"],
            "auth/user": ["add", "get", "list", "delete", "changepw", "grant", "revoke"],
            "auth/role": ["add", "get", "list", "delete", "grant", "revoke"], "lock": ["lock", "unlock"],
            "election": ["campaign", "proclaim", "leader", "observe", "resign"],
        ]
        let gateway = Gateway(
            methods: EtcdMethods(), eventLoop: MultiThreadedEventLoopGroup.singleton.any(), maximumMessageBytes: 1)
        var methods: Set<String> = []
        for (prefix, names) in paths {
            for name in names {
                let path = "/v3/\(prefix)/\(name)"
                let response = await gateway.respond(to: HTTP1Request(method: "POST", uri: path), path: path)
                #expect(response.status == 501, "\(path)")
                methods.insert(String(decoding: response.body, as: UTF8.self))
            }
        }
        let files = try Google_Protobuf_FileDescriptorSet(serializedBytes: EtcdDescriptors.fileDescriptorSet)
        let known = files.file.flatMap(\.service).filter { $0.name != "Watch" }
            .reduce(0) { $0 + $1.method.filter { $0.name != "RangeStream" }.count }
        #expect(methods.count == known)
    }
}
