// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdServer
import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import NIOPosix
import Synchronization

/// The gateway before services that keep what they get and answer what a test has told them to.
final class GatewayFixture: Sendable {
    private struct State {
        var received: [[UInt8]] = []
        var metadata = HeaderBlock()
        var peerText = ""
        var answer: Result<[UInt8], GRPCStatus> = .success([])
    }

    private let state = Mutex(State())

    private func gateway(_ path: String, maximumMessageBytes: Int) -> Gateway {
        var methods = EtcdMethods()
        methods[path] = .unary { call, message in
            let (metadata, peerText) = (call.metadata, call.peerText)
            let answer = self.state.withLock { state in
                state.received.append(message)
                state.metadata = metadata
                state.peerText = peerText
                return state.answer
            }
            switch answer {
            case .success(let bytes): call.respond(bytes)
            case .failure(let status): call.finish(status)
            }
        }
        return Gateway(
            methods: methods, eventLoop: MultiThreadedEventLoopGroup.singleton.any(),
            maximumMessageBytes: maximumMessageBytes)
    }

    var received: [[UInt8]] { state.withLock { $0.received } }
    var metadata: HeaderBlock { state.withLock { $0.metadata } }
    var peerText: String { state.withLock { $0.peerText } }

    /// What a client is told whose call of `method`, at `path` below `/v3/`, is answered by `answer`.
    func call(
        _ path: String, _ method: String, _ body: [UInt8], headers: [(String, String)] = [],
        answer: Result<[UInt8], GRPCStatus> = .success([]), maximumMessageBytes: Int = 1 << 20,
        from peer: SocketAddress? = nil
    ) async -> (status: Int, body: String) {
        state.withLock { $0.answer = answer }
        let request = HTTP1Request(method: "POST", uri: "/v3/\(path)", headers: headers, body: body, peer: peer)
        let response = await gateway(method, maximumMessageBytes: maximumMessageBytes)
            .respond(to: request, path: request.uri)
        return (response.status, String(decoding: response.body, as: UTF8.self))
    }

    func range(_ body: String) async -> (status: Int, body: String) {
        await call("kv/range", "/etcdserverpb.KV/Range", Array(body.utf8))
    }

    func txn(_ body: String) async -> (status: Int, body: String) {
        await call("kv/txn", "/etcdserverpb.KV/Txn", Array(body.utf8))
    }
}

/// A failure as the gateway tells it; `message` as it stands in JSON.
func failure(_ message: String, code: Int = 3) -> String {
    #"{"error":"\#(message)","code":\#(code),"message":"\#(message)"}"#
}

/// The seed of a random test: `MARTLET_SEED`, else a new one. Prints it.
func testSeed(_ test: String = #function) -> UInt64 {
    let given = ProcessInfo.processInfo.environment["MARTLET_SEED"].flatMap { UInt64($0) }
    let seed = given ?? .random(in: 0...(.max))
    print("\(test): MARTLET_SEED=\(seed)")
    return seed
}
