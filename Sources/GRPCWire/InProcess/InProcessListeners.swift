// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// The servers that clients of this process reach by name, without a socket.
enum InProcessListeners {
    private static let servers = Mutex<[String: WireServer]>([:])

    /// Nobody listens under the name.
    struct Refused: Error, CustomStringConvertible {
        var name: String
        var description: String { "connection refused: nothing in this process listens as \(name)" }
    }

    /// - Throws: status 6 when the name is taken.
    static func add(_ server: WireServer, as name: String) throws(GRPCStatus) {
        let isFree = self.servers.withLock { servers in
            guard servers[name] == nil else { return false }
            servers[name] = server
            return true
        }
        guard isFree else { throw GRPCStatus(.alreadyExists, "another server of this process listens as \(name)") }
    }

    static func remove(_ name: String) {
        // Let go outside the lock.
        let server = self.servers.withLock { $0.removeValue(forKey: name) }
        withExtendedLifetime(server) {}
    }

    /// A connection to a server, whose end is being served; the client's end is active and reads when it is told to.
    static func connect(to name: String, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        guard let server = self.servers.withLock({ $0[name] }) else {
            return loop.makeFailedFuture(Refused(name: name))
        }
        let (near, far) = PipeChannel.pair(loop, server.nextLoop())
        return far.eventLoop.submit {
            do {
                try server.serve(far)
            } catch {
                far.close(promise: nil)
                throw error
            }
            far.activate()
        }.hop(to: loop).map {
            near.activate()
            return near
        }
    }
}
