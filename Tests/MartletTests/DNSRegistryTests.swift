// SPDX-License-Identifier: Apache-2.0

import Foundation
import Martlet
import MartletDNSCodec
import MartletTestPrograms
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite struct DNSRegistryTests {
    /// A name server on loopback that answers with what it is told to.
    private final class NameServer: Sendable {
        let services = Mutex<[(port: Int, priority: UInt16)]>([])
        /// Answers by datagram say that they are cut off.
        let truncates = Atomic(false)
        private let channels = Recorder<any Channel>()

        /// On a port that is free for datagrams and for streams.
        func start() async throws -> String {
            var attempts = 0
            while true {
                let datagrams = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(Datagrams(self))
                        }
                    }
                    .bind(host: "127.0.0.1", port: 0).get()
                let port = datagrams.localAddress?.port ?? 0
                await self.channels.add(datagrams)
                do {
                    await self.channels.add(try await streams(port))
                    return "127.0.0.1:\(port)"
                } catch let error as IOError {
                    attempts += 1
                    guard error.errnoCode == EADDRINUSE, attempts < 20 else { throw error }
                }
            }
        }

        private func streams(_ port: Int) async throws -> any Channel {
            try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Streams(self))
                    }
                }
                .bind(host: "127.0.0.1", port: port).get()
        }

        func stop() async { for channel in await self.channels.values { try? await channel.close() } }

        func answer(_ bytes: [UInt8], isDatagram: Bool) -> [UInt8] {
            guard var message = try? DNSMessage(bytes), let question = message.questions.first else { return [] }
            message.flags.isResponse = true
            message.additionals = []
            if isDatagram, self.truncates.load(ordering: .relaxed) {
                message.flags.isTruncated = true
                return message.encoded() ?? []
            }
            if question.name != DNSName("_test.nodes._tcp.example") {
                message.flags.responseCode = 3
                return message.encoded() ?? []
            }
            let alias = DNSName("elsewhere.example")
            message.answers = [DNSRecord(question.name, ttlSeconds: 5, .cname(alias))]
            message.answers += self.services.withLock { $0 }.map { service in
                DNSRecord(
                    alias, ttlSeconds: 5,
                    .srv(
                        priority: service.priority, weight: 3, port: UInt16(service.port),
                        target: DNSName("localhost")))
            }
            return message.encoded() ?? []
        }

        private final class Datagrams: ChannelInboundHandler {
            typealias InboundIn = AddressedEnvelope<ByteBuffer>
            typealias OutboundOut = AddressedEnvelope<ByteBuffer>
            let server: NameServer

            init(_ server: NameServer) { self.server = server }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                let envelope = self.unwrapInboundIn(data)
                let answer = self.server.answer([UInt8](envelope.data.readableBytesView), isDatagram: true)
                // Rubbish, and another's answer, come first: neither may be taken for it.
                let others: [UInt8] = [answer[0] ^ 1] + Array(answer.dropFirst())
                let packets: [[UInt8]] = [[1, 2, 3], others, answer]
                for bytes in packets {
                    context.writeAndFlush(
                        self.wrapOutboundOut(
                            AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: bytes))),
                        promise: nil)
                }
            }
        }

        private final class Streams: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            typealias OutboundOut = ByteBuffer
            let server: NameServer

            init(_ server: NameServer) { self.server = server }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                let bytes = [UInt8](self.unwrapInboundIn(data).readableBytesView)
                let answer = self.server.answer(Array(bytes.dropFirst(2)), isDatagram: false)
                var buffer = ByteBuffer()
                buffer.writeInteger(UInt16(answer.count))
                buffer.writeBytes(answer)
                context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
            }
        }
    }

    static func port(_ node: NodeRecord) -> Int { Int(node.address.split(separator: ":").last ?? "") ?? 0 }

    @Test(arguments: [false, true]) func servicesAreFoundByTheirRecordsAndFollowed(_ truncates: Bool) async throws {
        let hidden = InMemoryRegistry()
        let server = NameServer()
        server.truncates.store(truncates, ordering: .relaxed)
        let address = try await server.start()
        let registry = DNSRegistry {
            $0.domain = "example"
            $0.servers = [address]
            $0.timeout = .seconds(120)
            $0.refreshInterval = .milliseconds(50)
        }
        try await withServices([ClientTests.named("a", hidden), ClientTests.named("b", hidden)]) { nodes in
            server.services.withLock { $0 = [(Self.port(nodes[0]), 1), (1, 2)] }
            try await withMicroClient(
                registry: registry,
                configure: {
                    $0.timeout = .seconds(300)
                    $0.connectTimeout = .seconds(120)
                }
            ) { client in
                for _ in 0..<5 {
                    let name = try await ClientTests.ask(client)
                    #expect(name == "a", "the second record is of a higher priority number")
                }
                server.services.withLock { $0 = [(Self.port(nodes[1]), 1)] }
                #expect(try await eventually { try await ClientTests.ask(client) == "b" })
                let known = try await registry.services().flatMap(\.nodes)
                #expect(known.first?.metadata == ["weight": "3"])
                // A name that isn't there is said to be so.
                let error = await #expect(throws: MicroError.self) {
                    let _: Answer = try await client.call("test.other", "Who.Am", Question(name: ""))
                }
                #expect(error?.detail == "service test.other: not found; registry \"dns\" has no node of it")
            }
        }
        await server.stop()
    }

    @Test func hostsAreFoundByTheirAddresses() async throws {
        try await withService(ClientTests.named("a", InMemoryRegistry())) { node in
            let port = Self.port(node)
            // A service that is called by host and port is looked up as a host.
            try await withMicroClient(registry: .dns(), configure: patiently) { client in
                let answer: Answer = try await client.call(
                    "127.0.0.1:\(port)", "/test.nodes.Who/Am", Question(name: ""))
                #expect(answer.greeting == "a")
            }
            let registry = DNSRegistry {
                $0.port = port
                $0.domain = ""
            }
            let found = try await registry.services(named: "localhost").flatMap(\.nodes).map(\.address)
            #expect(found.contains("127.0.0.1:\(port)"), "\(found)")
            let named = try await registry.services(named: "127.0.0.1:77").flatMap(\.nodes).map(\.address)
            #expect(named == ["127.0.0.1:77"])
        }
    }

    @Test func aNameServerThatIsAwayIsSaidSo() async throws {
        let registry = DNSRegistry {
            $0.servers = ["127.0.0.1:1"]
            $0.timeout = .milliseconds(100)
        }
        try await withMicroClient(registry: registry, configure: { $0.timeout = .seconds(300) }) { client in
            let error = await #expect(throws: MicroError.self) { _ = try await ClientTests.ask(client) }
            #expect(error?.detail.contains("registry \"dns\" could not be asked") == true, "\(error?.detail ?? "")")
        }
    }

    @Test func theSystemsFileIsRead() {
        let text = """
            # a comment
            search example.org
            nameserver 192.0.2.1
            nameserver\t2001:db8::1
            nameserver
            options ndots:2
            nameserver 192.0.2.3
            nameserver 192.0.2.4
            """
        #expect(ResolverConfiguration(text).servers == ["192.0.2.1", "2001:db8::1", "192.0.2.3"])
    }
}
