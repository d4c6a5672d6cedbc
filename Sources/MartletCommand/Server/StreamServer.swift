// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import MartletAuth
import MartletEtcdServer
import MartletGRPCWire
import MartletRedisServer
import NIOCore

/// The side of a server that Redis's clients see: the keyspace of the same member, on the same loop.
struct StreamServer {
    private let server: RedisServer

    /// Listens where the options say.
    ///
    /// - Returns: nil where they say nowhere.
    static func start(
        _ options: ServerOptions, _ tls: WireServerTLS?, _ store: EtcdServer, _ loop: any EventLoop, _ logger: Logger
    ) async throws -> StreamServer? {
        guard !options.streams.urls.isEmpty else { return nil }
        let member = try await store.member
        var configuration = RedisServerConfiguration()
        configuration.password = try options.streams.passwordFile.map(password)
        configuration.allowsDebugging = options.streams.allowsDebugging
        configuration.limits = options.streams.limits
        configuration.clusterID = store.clusterID
        let server = try await RedisServer.start(configuration, on: loop) { _ in MemberEngine(member.value) }
        do {
            let acceptor = options.streams.areEncrypted ? try tls.map { try WireTLSAcceptor($0) } : nil
            for url in options.streams.urls {
                try await bind(url, server, acceptor, isRequired: !options.streams.areDefault, logger)
            }
        } catch {
            await server.close()
            throw error
        }
        return StreamServer(server: server)
    }

    /// The first line of a file.
    private static func password(_ path: String) throws -> [UInt8] {
        let bytes: Data
        do { bytes = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
            throw FileFailure(verb: "open", path: path)
        }
        let line = bytes.prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        guard !line.isEmpty else { throw ServerFlagError.conflict("--stream-password-file: \(path) is empty") }
        return Array(line)
    }

    private static func bind(
        _ url: ServerURL, _ server: RedisServer, _ acceptor: WireTLSAcceptor?, isRequired: Bool, _ logger: Logger
    ) async throws {
        let isEncrypted = url.isEncrypted
        let prepare: RedisServer.Preparation = { channel in
            guard isEncrypted else { return }
            try acceptor?.secure(channel, logger) {
                logger.warning("changed TLS files are unusable", metadata: ["error": "\($0)"])
            }
        }
        // By the rules of the etcd port: the same authorities, names and lists of revoked certificates.
        let identify: RedisServer.Identification = { channel in
            try acceptor?.client(of: channel, logger).map { AuthName(bytes: $0) }
        }
        let identifying = isEncrypted ? identify : nil
        do {
            let address =
                if url.isSocketFile {
                    try await server.bind(unixSocket: url.host, preparing: prepare, identifying: identifying)
                } else {
                    try await server.bind(
                        host: url.host.isEmpty ? "0.0.0.0" : url.host, port: url.port, preparing: prepare,
                        identifying: identifying)
                }
            logger.info(
                "serving streams",
                metadata: ["address": "\(address.text)", "traffic": isEncrypted ? "redis over TLS" : "redis"])
        } catch {
            guard isRequired || !ListenPorts.isInUse(error) else {
                logger.warning(
                    "no streams are served: another server has their port",
                    metadata: ["url": "\(StreamListeners.text(url))"])
                return
            }
            throw StreamListenFailure(url: StreamListeners.text(url), cause: error)
        }
    }

    func stop() async { await server.close() }
}

/// An address for Redis's clients that can't be listened on.
struct StreamListenFailure: Error, CustomStringConvertible {
    var url: String
    var cause: any Error

    var description: String { "cannot listen on \(url): \(cause)" }
}
