// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletEtcdAPI
import MartletGRPCWire
import MartletHTTP2Session
import NIOCore
import SwiftProtobuf
import Synchronization

/// A server that says what a test wants, also what no etcd would say.
final class ScriptedEtcd: Sendable {
    typealias Unary = @Sendable ([UInt8]) throws -> [UInt8]
    /// Gets the number of the call, from 1, and its two directions.
    typealias Stream = @Sendable (Int, MessageReader, MessageWriter) async throws -> Void

    private let server: WireServer
    private let calls: Calls
    let endpoint: String

    private final class Calls: Sendable {
        let byPath = Mutex<[String: [Said]]>([:])

        func count(_ path: String, _ metadata: HeaderBlock) -> Int {
            self.byPath.withLock { calls in
                calls[path, default: []].append(
                    Said(token: metadata.first("token"), needsLeader: metadata.first("hasleader") == "true"))
                return calls[path, default: []].count
            }
        }
    }

    private init(server: WireServer, calls: Calls, endpoint: String) {
        self.server = server
        self.calls = calls
        self.endpoint = endpoint
    }

    /// Open connections.
    var connectionCount: Int { self.server.connectionCount }

    /// How often a path was called.
    func calls(_ path: String) -> Int { self.said(path).count }

    /// What each call of a path said beside its request.
    func said(_ path: String) -> [Said] { self.calls.byPath.withLock { $0[path] ?? [] } }

    struct Said: Equatable {
        var token: String?
        var needsLeader: Bool
    }

    static func with(
        unary: [String: Unary] = [:], streams: [String: Stream] = [:], _ body: (ScriptedEtcd) async throws -> Void
    ) async throws {
        let calls = Calls()
        var router = GRPCRouter()
        for (path, answer) in unary {
            router.add(
                path,
                .unary { call, bytes in
                    _ = calls.count(path, call.metadata)
                    return try answer(bytes)
                })
        }
        for (path, answer) in streams {
            router.add(
                path,
                .stream { call, reader, writer in
                    try await answer(calls.count(path, call.metadata), reader, writer)
                })
        }
        let server = try WireServer(router: router, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let address = try await server.bind(.hostPort("127.0.0.1", 0))
        let scripted = ScriptedEtcd(server: server, calls: calls, endpoint: "127.0.0.1:\(address.port ?? 0)")
        do {
            try await body(scripted)
            await server.close()
        } catch {
            await server.close()
            throw error
        }
    }
}

extension Etcdserverpb_WatchResponse {
    static var answer: Self { .with { $0.created = true } }

    static func put(_ key: String, revision: Int64) -> Self {
        .with { response in
            response.header.revision = revision
            response.events = [
                .with { event in
                    event.kv.key = .init(key.utf8)
                    event.kv.modRevision = revision
                }
            ]
        }
    }
}
