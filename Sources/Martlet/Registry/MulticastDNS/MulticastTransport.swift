// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix
internal import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Sends packets to everybody on a link, oneself included, and receives what others send.
package protocol MulticastTransport: Sendable {
    /// Begins to receive. Packets come until ``close()``.
    func open(_ receive: @escaping @Sendable ([UInt8]) -> Void) async throws
    func send(_ packet: [UInt8])
    func close() async
}

/// Multicast on a UDP socket that joins every interface's group.
package actor SocketMulticastTransport: MulticastTransport {
    /// Source: RFC 6762 §3.
    package static let standardGroup = "224.0.0.251"
    package static let standardPort = 5353

    private let group: String
    private let port: Int
    private let outbound: Outbound

    package init(group: String = standardGroup, port: Int = standardPort) {
        self.group = group
        self.port = port
        self.outbound = Outbound()
    }

    package func open(_ receive: @escaping @Sendable ([UInt8]) -> Void) async throws {
        let target = try SocketAddress(ipAddress: self.group, port: self.port)
        let channel = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.socketOption(.so_reuseaddr), value: 1)
            .channelOption(.socketOption(NIOBSDSocket.Option(rawValue: SO_REUSEPORT)), value: 1)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 9216))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Receiver(receive))
                }
            }
            .bind(host: "0.0.0.0", port: self.port).get()
        guard let multicast = channel as? any MulticastChannel else {
            try await channel.close()
            throw MicroError(.notImplemented, "no multicast on this system")
        }
        // Every interface that takes part; one that doesn't is no reason to fail.
        var joined = 0
        for device in (try? System.enumerateDevices()) ?? [] where device.multicastSupported || Self.isLoopback(device)
        {
            guard device.address?.protocol == .inet else { continue }
            if (try? await multicast.joinGroup(target, device: device).get()) != nil { joined += 1 }
        }
        if joined == 0 { try? await multicast.joinGroup(target).get() }
        self.outbound.set(channel, target)
    }

    private static func isLoopback(_ device: NIONetworkDevice) -> Bool {
        device.address?.ipAddress?.hasPrefix("127.") ?? false
    }

    package nonisolated func send(_ packet: [UInt8]) { self.outbound.send(packet) }

    package func close() async { await self.outbound.close() }

    /// Where packets go out.
    private final class Outbound: Sendable {
        private let state = Mutex<(any Channel, SocketAddress)?>(nil)

        func set(_ channel: any Channel, _ target: SocketAddress) {
            self.state.withLock { $0 = (channel, target) }
        }

        func send(_ packet: [UInt8]) {
            guard let (channel, target) = self.state.withLock({ $0 }) else { return }
            let envelope = AddressedEnvelope(remoteAddress: target, data: ByteBuffer(bytes: packet))
            channel.writeAndFlush(envelope, promise: nil)
        }

        func close() async {
            let channel = self.state.withLock { state in
                defer { state = nil }
                return state?.0
            }
            try? await channel?.close()
        }
    }

    private final class Receiver: ChannelInboundHandler {
        typealias InboundIn = AddressedEnvelope<ByteBuffer>

        private let receive: @Sendable ([UInt8]) -> Void

        init(_ receive: @escaping @Sendable ([UInt8]) -> Void) { self.receive = receive }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.receive([UInt8](self.unwrapInboundIn(data).data.readableBytesView))
        }

        // A link that is down for a moment is no reason to close.
        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}
