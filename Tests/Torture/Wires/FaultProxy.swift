// SPDX-License-Identifier: Apache-2.0

package import NIOCore
import NIOPosix

/// What stands before a member's peer port: the others know its address only, so that all they say goes through it.
package final class FaultProxy: Sendable {
    /// Who has opened a connection from the first port to the second.
    package typealias Origin = @Sendable (Int, Int, any EventLoop) -> EventLoopFuture<String?>

    /// On 127.0.0.1; the system chose it.
    package let port: Int
    private let listener: any Channel

    private init(_ listener: any Channel, port: Int) { (self.listener, self.port) = (listener, port) }

    /// - Parameters:
    ///   - name: Whose proxy it is.
    ///   - upstreamPort: Where that member listens, now or later.
    package static func start(
        to name: String, upstreamPort: Int, wires: FaultWires, group: any EventLoopGroup,
        origin: @escaping Origin
    ) async throws -> FaultProxy {
        let listener = try await ServerBootstrap(group: group)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { accepted in
                accepted.pipeline.addHandler(
                    Arrival { channel in join(channel, name, upstreamPort, wires, origin) })
            }
            .bind(host: "127.0.0.1", port: 0).get()
        guard let port = listener.localAddress?.port else { throw ChannelError.unknownLocalAddress }
        return FaultProxy(listener, port: port)
    }

    package func close() async { try? await listener.close() }

    /// Connects a caller with the member, and finds out who it is. In this order: where the member isn't there, callers
    /// come again ten times a second, and looking through the system's tables each time would take all of the machine.
    private static func join(
        _ accepted: any Channel, _ name: String, _ upstreamPort: Int, _ wires: FaultWires,
        _ origin: @escaping Origin
    ) {
        let ports = (accepted.remoteAddress?.port ?? 0, accepted.localAddress?.port ?? 0)
        ClientBootstrap(group: accepted.eventLoop).channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: upstreamPort)
            .flatMap { upstream in
                origin(ports.0, ports.1, accepted.eventLoop)
                    .flatMapThrowing { caller in try link(accepted, caller, upstream, name, wires) }
                    .flatMapErrorThrowing { error in
                        upstream.close(promise: nil)
                        throw error
                    }
            }
            .whenFailure { error in
                wires.noteFailure("\(name): \(error)")
                accepted.close(promise: nil)
            }
    }

    private struct Cut: Error {}

    /// Lets bytes pass both ways, as the wires allow.
    private static func link(
        _ accepted: any Channel, _ caller: String?, _ upstream: any Channel, _ name: String, _ wires: FaultWires
    ) throws {
        if caller == nil { wires.noteFailure("\(name): nobody knows who called") }
        if wires.rule(from: caller, to: name) == .cut || wires.rule(from: name, to: caller) == .cut { throw Cut() }
        guard accepted.isActive else { throw ChannelError.alreadyClosed }
        try upstream.pipeline.syncOperations.addHandler(
            LinkHandler(wires, from: name, to: caller, partner: accepted))
        try accepted.pipeline.syncOperations.addHandler(
            LinkHandler(wires, from: caller, to: name, partner: upstream))
    }
}

/// Does something once a connection is open; before, its addresses aren't known.
private final class Arrival: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    private let arrived: @Sendable (any Channel) -> Void

    init(_ arrived: @escaping @Sendable (any Channel) -> Void) { self.arrived = arrived }

    func channelActive(context: ChannelHandlerContext) { arrived(context.channel) }
}
