// SPDX-License-Identifier: Apache-2.0

import Foundation
import MartletEtcdServer
import NIOCore
import NIOPosix

/// Replaces port 0 in URLs before the store starts: clients are told URLs by the store, so that it must know the ports.
///
/// The kernel chooses a port for a socket that is closed again at once. Somebody else may take the port before it is
/// bound for good; then the whole start is tried again with other ports.
enum ListenPorts {
    /// Losing that race this often isn't chance.
    static let maximumAttempts = 5

    /// - Returns: Whether a port was chosen.
    static func choose(_ options: inout ServerOptions, _ group: any EventLoopGroup) async throws -> Bool {
        var chosen: [ServerURL: Int] = [:]
        for position in options.listeners.indices {
            let url = options.listeners[position].url
            guard !url.isSocketFile, url.port == 0 else { continue }
            let port = try await freePort(on: url, group)
            options.listeners[position].url.port = port
            chosen[url] = chosen[url] ?? port
        }
        let client = options.listeners.filter { $0.role.servesCalls }.map(\.url)
        if options.advertisedURLs.isEmpty {
            options.advertisedURLs = client
        } else {
            for position in options.advertisedURLs.indices where !options.advertisedURLs[position].isSocketFile {
                let url = options.advertisedURLs[position]
                guard url.port == 0, let port = chosen[url] ?? client.first(where: { !$0.isSocketFile })?.port else {
                    continue
                }
                options.advertisedURLs[position].port = port
            }
        }
        options.store.clientURLs = options.advertisedURLs.map(\.description)
        return !chosen.isEmpty
    }

    private static func freePort(on url: ServerURL, _ group: any EventLoopGroup) async throws -> Int {
        let host =
            switch url.host {
            case "localhost": "127.0.0.1"
            case "": "0.0.0.0"
            default: url.host
            }
        do {
            let channel = try await ServerBootstrap(group: group).bind(host: host, port: 0).get()
            let port = channel.localAddress?.port
            try await channel.close()
            guard let port else { throw ChannelError.unknownLocalAddress }
            return port
        } catch {
            throw ListenFailure(url: url, cause: error)
        }
    }

    static func isInUse(_ error: any Error) -> Bool {
        if let failure = error as? ListenFailure { return isInUse(failure.cause) }
        return (error as? IOError)?.errnoCode == EADDRINUSE
    }
}
