// SPDX-License-Identifier: Apache-2.0

package import MartletGRPCWire
package import MartletRaft
package import NIOCore

/// Whom peers speak to. Confined to its loop.
package protocol PeerHost: AnyObject {
    var clusterID: UInt64 { get }
    var memberID: MemberID { get }
    /// Whether a member was removed: its id never comes back.
    func isRemoved(_ member: MemberID) -> Bool
    /// A peer's stream isn't taken, or not any more: the operators of both must hear of it.
    func refused(_ hello: PeerHello, _ status: GRPCStatus)
    /// Messages of one peer, in their order.
    func receive(_ messages: [Message])
}

/// Takes the streams of other members: `/martlet.v1.Peer/Control` and `…/Entries`, each a `PeerHello` and then
/// batches of messages; see `MessageCoding`. Nothing is answered on them but the status that ends them.
package struct PeerService: Sendable {
    private let host: NIOLoopBound<any PeerHost>

    /// - Parameter loop: that of the server's connections, too.
    package init(_ host: any PeerHost, on loop: any EventLoop) {
        self.host = NIOLoopBound(host, eventLoop: loop)
    }

    static func path(of purpose: PeerLane.Purpose) -> String { "/martlet.v1.Peer/\(purpose.rawValue)" }

    package func addRoutes(to router: inout GRPCRouter) {
        let host = host
        for purpose in PeerLane.Purpose.allCases {
            router.add(
                Self.path(of: purpose), .streamEvent { call in PeerInbox(call, host: host.value) })
        }
    }

    /// Why `hello` isn't answered, if it isn't. The texts are etcd's.
    package static func refusal(_ hello: PeerHello, by host: any PeerHost) -> GRPCStatus? {
        if hello.version != PeerFormat.version {
            return GRPCStatus(
                .failedPrecondition,
                "rafthttp: incompatible stream format: local \(PeerFormat.version), remote \(hello.version)")
        }
        if hello.cluster != host.clusterID {
            return GRPCStatus(
                .failedPrecondition,
                "rafthttp: request cluster ID mismatch: local \(hex(host.clusterID)), remote \(hex(hello.cluster))")
        }
        if host.isRemoved(hello.from) { return removed }
        if hello.to != host.memberID {
            return GRPCStatus(
                .failedPrecondition,
                "rafthttp: request target member ID mismatch: local \(host.memberID), remote \(hello.to)")
        }
        return nil
    }

    /// What a member is told that was removed.
    package static let removed = GRPCStatus(
        .permissionDenied, "the member has been permanently removed from the cluster")

    private static func hex(_ number: UInt64) -> String { String(number, radix: 16) }
}

/// One stream of a peer.
private final class PeerInbox: ServerCallEvents {
    /// A call holds on to its events until it is over, so this goes, too.
    private let call: ServerCall
    private weak var host: (any PeerHost)?
    private var hello: PeerHello?

    init(_ call: ServerCall, host: any PeerHost) {
        self.call = call
        self.host = host
    }

    func received(_ message: [UInt8]) {
        do throws(PeerFormatError) {
            try take(message)
        } catch {
            call.finish(GRPCStatus(.invalidArgument, "\(error)"))
        }
    }

    private func take(_ message: [UInt8]) throws(PeerFormatError) {
        guard let host else { return call.finish(GRPCStatus(.unavailable, "the member stops")) }
        guard let hello else {
            let hello = try PeerHello(message)
            guard !refuses(hello, host) else { return }
            self.hello = hello
            return
        }
        // Removed since it greeted.
        guard !host.isRemoved(hello.from) || !refuses(hello, host) else { return }
        var reader = MessageReader(message)
        var messages: [Message] = []
        while !reader.isAtEnd { messages.append(try reader.message(from: hello.from, to: hello.to)) }
        host.receive(messages)
    }

    private func refuses(_ hello: PeerHello, _ host: any PeerHost) -> Bool {
        guard let refusal = PeerService.refusal(hello, by: host) else { return false }
        host.refused(hello, refusal)
        call.finish(refusal)
        return true
    }

    func receivedEnd() { call.finish() }
    func becameWritable() {}
    func closed() {}
}
