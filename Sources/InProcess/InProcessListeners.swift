// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import Synchronization

/// A server that clients of its own process reach by name.
package protocol InProcessListener: AnyObject, Sendable {
    /// The loop for the next connection.
    func nextLoop() -> any EventLoop
    /// Serves a channel that is not active yet. On the channel's event loop, which `nextLoop` has named.
    func serve(_ channel: any Channel) throws
}

/// The servers that clients of this process reach by name, without a socket.
package enum InProcessListeners {
    private static let listeners = Mutex<[String: any InProcessListener]>([:])

    /// Nobody listens under the name.
    package struct Refused: Error, CustomStringConvertible {
        package var name: String
        package var description: String { "connection refused: nothing in this process listens as \(name)" }
    }

    /// Another listens under the name.
    package struct NameTaken: Error, CustomStringConvertible {
        package var name: String
        package var description: String { "another server of this process listens as \(name)" }
    }

    package static func add(_ listener: any InProcessListener, as name: String) throws(NameTaken) {
        let isFree = self.listeners.withLock { listeners in
            guard listeners[name] == nil else { return false }
            listeners[name] = listener
            return true
        }
        guard isFree else { throw NameTaken(name: name) }
    }

    package static func remove(_ name: String) {
        // Let go outside the lock.
        let listener = self.listeners.withLock { $0.removeValue(forKey: name) }
        withExtendedLifetime(listener) {}
    }

    /// Who listens under the name now.
    package static func listener(_ name: String) -> (any InProcessListener)? {
        self.listeners.withLock { $0[name] }
    }

    /// A connection to a server, whose end is being served; the client's end is active and reads when it is told to.
    package static func connect(to name: String, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        guard let listener = self.listener(name) else {
            return loop.makeFailedFuture(Refused(name: name))
        }
        let (near, far) = PipeChannel.pair(loop, listener.nextLoop())
        return far.eventLoop.submit {
            do {
                try listener.serve(far)
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
