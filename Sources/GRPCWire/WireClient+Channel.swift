// SPDX-License-Identifier: Apache-2.0

package import NIOCore

extension WireClient {
    /// Opens calls of `paths` on a channel that was not connected by this client, such as an embedded one. On the
    /// channel's event loop, which belongs to this client's group.
    ///
    /// Other calls of this client use the connection too, once the server's SETTINGS have come.
    package func openStreams(_ paths: [String], on channel: any Channel) throws -> [ClientStream] {
        let attempt = ConnectAttempt()
        let connection = try self.initialize(channel, attempt)
        return paths.map { path in
            let (stream, call) = self.makeStream(path, WireCallOptions(), nil, on: connection)
            connection.loop.perform { connection.start(call) }
            return stream
        }
    }
}
