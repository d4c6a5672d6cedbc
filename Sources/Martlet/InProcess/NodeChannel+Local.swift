// SPDX-License-Identifier: Apache-2.0

internal import MartletGRPCWire
internal import MartletHTTP2Session
internal import Synchronization

/// Calls go inside the process where the node runs there, else over the wire.
extension NodeChannel {
    /// Makes a call of one message each way.
    func unary(_ path: String, _ message: [UInt8], _ options: WireCallOptions) async throws -> WireReply {
        guard let node = self.localNode else { return try await self.wire().unary(path, message, options: options) }
        guard node.canAnswer(path) else {
            return try await self.local.wire(to: node, self.settings).unary(path, message, options: options)
        }
        let sent = self.settings.wire.maximumSentMessageBytes
        guard message.count <= sent else { throw LocalService.tooLargeToSend(message.count, sent) }
        // What the wire says of itself, and handlers see.
        var metadata: HeaderBlock = ["user-agent": self.settings.wire.userAgent]
        metadata.append(contentsOf: options.metadata)
        let reply = try await node.unary(
            LocalRequest(
                path: path, message: message, metadata: metadata, contentSubtype: options.contentSubtype,
                deadline: options.deadline))
        let maximum = options.maximumMessageBytes ?? self.settings.wire.maximumMessageBytes
        guard reply.message.count <= maximum else {
            throw LocalService.tooLargeToReceive(reply.message.count, maximum)
        }
        return reply
    }

    /// Opens a stream.
    func openStream(_ path: String, _ options: WireCallOptions) async throws -> ClientStream {
        let wire = try self.localNode.map { try self.local.wire(to: $0, self.settings) } ?? self.wire()
        return try await wire.openStream(path, options: options)
    }

    private var localNode: LocalNode? {
        self.settings.callsInProcess ? self.local.lookup.node(self.node) : nil
    }
}

/// One channel's way to its node inside the process.
final class LocalPath: Sendable {
    let lookup = LocalNodes.Lookup()
    private let made = Mutex<WireClient?>(nil)

    deinit {
        guard let wire = self.made.withLock({ $0 }) else { return }
        Task { await wire.close() }
    }

    /// The connections through the node's pipe.
    func wire(to node: LocalNode, _ settings: NodeChannel.Settings) throws -> WireClient {
        let (wire, old) = try self.made.withLock { made in
            if let known = made, known.target == node.pipe { return (known, WireClient?.none) }
            let old = made
            let new = try WireClient(node.pipe, configuration: settings.wire, logger: settings.logger)
            made = new
            return (new, old)
        }
        // An earlier service with the same id and address, which has ended.
        if let old { Task { await old.close() } }
        return wire
    }

    func close() async { await self.made.withLock { $0 }?.close() }
}
