// SPDX-License-Identifier: Apache-2.0

import MartletEtcdServer
import MartletGRPCWire
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(30))) struct GatewayMemoryTests {
    private final class Nobody: ServerCallEvents {
        func received(_: [UInt8]) {}
        func receivedEnd() {}
        func becameWritable() {}
        func closed() {}
    }

    /// A RangeResponse of one key with a value of two megabytes, sent in two parts.
    private static func gateway(_ limitBytes: Int) -> Gateway {
        var methods = EtcdMethods()
        methods["/etcdserverpb.KV/Range"] = .unary { call, _ in
            let value = [UInt8](repeating: 7, count: 2 << 20)
            let head: [UInt8] = [0x12, 0x85, 0x80, 0x80, 0x01, 0x2A, 0x80, 0x80, 0x80, 0x01]
            call.beginResponse(byteCount: head.count + value.count, events: Nobody())
            call.sendPart(head)
            call.sendPart(value)
            call.finish(.ok)
        }
        return Gateway(
            methods: methods, eventLoop: MultiThreadedEventLoopGroup.singleton.any(), maximumMessageBytes: 1 << 20,
            maximumHeldBytes: limitBytes)
    }

    private static func ask(_ gateway: Gateway) async -> HTTP1Response {
        await gateway.respond(
            to: HTTP1Request(method: "POST", uri: "/v3/kv/range", body: Array("{}".utf8)), path: "/v3/kv/range")
    }

    @Test func longAnswersHaveABoundTogether() async {
        let gateway = Self.gateway(20 << 20)
        do {
            let held = [await Self.ask(gateway), await Self.ask(gateway)]
            #expect(held.map(\.status) == [200, 200])
            let refused = await Self.ask(gateway)
            withExtendedLifetime(held) {}
            // As etcd's own code for this text has it.
            #expect(refused.status == 500)
            #expect(String(decoding: refused.body, as: UTF8.self).contains("etcdserver: too many requests"))
        }
        // Their clients have gone.
        #expect(await Self.ask(gateway).status == 200)
    }

    @Test func anAnswerLargerThanAllRoomStillGoesAlone() async {
        let gateway = Self.gateway(1 << 20)
        let first = await Self.ask(gateway)
        #expect(first.status == 200)
        #expect(await Self.ask(gateway).status == 500)
        withExtendedLifetime(first) {}
    }
}
