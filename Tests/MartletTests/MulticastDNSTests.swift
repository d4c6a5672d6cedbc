// SPDX-License-Identifier: Apache-2.0

import Foundation
import Martlet
import MartletDNSCodec
import MartletTestPrograms
import Synchronization
import Testing

@Suite struct MulticastCoreTests {
    static let record = ServiceRecord(
        name: "go.micro.server", version: "myVersion",
        endpoints: [
            EndpointRecord(
                name: "Greeter.Hello", request: ValueRecord(name: "R", type: "R"),
                response: ValueRecord(name: "S", type: "S"))
        ],
        nodes: [
            NodeRecord(id: "go.micro.server-1", address: "192.0.2.7:9101", metadata: ["protocol": "grpc"])
        ])
    static let second: UInt64 = 1_000_000_000

    static func core() -> MulticastCore { MulticastCore(domain: "micro", host: "box") }

    /// Lets every packet of one reach the other and back, until nobody has anything to say.
    static func exchange(
        _ packets: [[UInt8]], _ cores: inout [MulticastCore], now: UInt64
    ) -> [[RegistryChange]] {
        var changes: [[RegistryChange]] = cores.map { _ in [] }
        var waiting = packets
        while !waiting.isEmpty {
            let packet = waiting.removeFirst()
            for index in cores.indices {
                let effects = cores[index].receive(packet, nowNanoseconds: now)
                changes[index] += effects.changes
                waiting += effects.packets
            }
        }
        return changes
    }

    @Test func aNodeIsAnnouncedAskedForAndTakenBack() throws {
        var cores = [Self.core(), Self.core()]
        let announced = try cores[0].register(
            Self.record, ttlSeconds: 15, intervalNanoseconds: 5 * Self.second, nowNanoseconds: 0)
        #expect(announced.changes == [.put(Self.record)])
        let heard = Self.exchange(announced.packets, &cores, now: 0)
        #expect(heard == [[], [.put(Self.record)]])

        // Who comes later asks.
        cores.append(Self.core())
        #expect(cores[2].records.isEmpty)
        let packets = cores[2].query("go.micro.server").packets
        #expect(Self.exchange(packets, &cores, now: Self.second) == [[], [], [.put(Self.record)]])
        #expect(cores[2].records(of: "go.micro.server") == [Self.record])

        let goodbye = cores[0].deregister(Self.record)
        let gone = RegistryChange.remove(service: "go.micro.server", nodeID: "go.micro.server-1")
        #expect(goodbye.changes == [gone])
        #expect(Self.exchange(goodbye.packets, &cores, now: Self.second) == [[], [gone], [gone]])
        #expect(Self.exchange(cores[2].query("go.micro.server").packets, &cores, now: Self.second) == [[], [], []])
    }

    @Test func servicesAreListed() throws {
        var (one, two) = (Self.core(), Self.core())
        _ = try one.register(Self.record, ttlSeconds: 15, intervalNanoseconds: 1, nowNanoseconds: 0)
        let question = try #require(two.query(nil).packets.first)
        let answer = try #require(one.receive(question, nowNanoseconds: 0).packets.first)
        #expect(two.listedServices(answer) == ["go.micro.server"])
        #expect(two.receive(answer, nowNanoseconds: 0).changes.isEmpty)
    }

    /// What go-micro's own multicast packets hold, as facts about it tell.
    @Test func theRecordsAreGoMicros() throws {
        var core = Self.core()
        let packets = try core.register(Self.record, ttlSeconds: 15, intervalNanoseconds: 1, nowNanoseconds: 0).packets
        let message = try DNSMessage(try #require(packets.first))
        #expect(message.flags.isResponse)
        let service = DNSName("go.micro.server.micro")
        let instance = DNSName("go.micro.server-1.go.micro.server.micro")
        #expect(message.answers.first == DNSRecord(service, ttlSeconds: 15, .ptr(instance)))
        var port: UInt16?
        var host: DNSName?
        var strings: [[UInt8]] = []
        for record in message.answers where record.name == instance {
            if case .srv(_, _, let p, let h) = record.content { (port, host) = (p, h) }
            if case .txt(let text) = record.content { strings = text }
        }
        #expect(port == 9101)
        #expect(message.answers.contains { $0.name == host && $0.content == .a([192, 0, 2, 7]) })
        let hex = String(decoding: strings.joined(), as: UTF8.self)
        // zlib's head of a window of 32 KiB at the usual level.
        #expect(hex.hasPrefix("789c"))
        #expect(strings.allSatisfy { $0.count <= 255 })
    }

    @Test func timeEndsWhatNobodyRenews() throws {
        var cores = [Self.core(), Self.core()]
        let packets = try cores[0].register(
            Self.record, ttlSeconds: 10, intervalNanoseconds: 3 * Self.second, nowNanoseconds: 0
        ).packets
        _ = Self.exchange(packets, &cores, now: 0)
        // It announces itself again by its interval.
        #expect(cores[0].tick(2 * Self.second).packets.isEmpty)
        #expect(cores[0].tick(3 * Self.second).packets.count == 1)
        // The other asks before the time is over, and forgets when nobody answers.
        #expect(cores[1].tick(7 * Self.second).packets.isEmpty)
        #expect(cores[1].tick(8 * Self.second).packets.count == 1)
        #expect(cores[1].tick(9 * Self.second).packets.isEmpty)
        #expect(
            cores[1].tick(10 * Self.second).changes
                == [.remove(service: "go.micro.server", nodeID: "go.micro.server-1")])
        #expect(cores[1].records.isEmpty)
    }

    @Test func addressesOfBothKindsTravelAndOthersAreRefused() throws {
        var record = Self.record
        record.nodes[0].address = "[2001:db8::5]:80"
        var cores = [Self.core(), Self.core()]
        let packets = try cores[0].register(record, ttlSeconds: 1, intervalNanoseconds: 1, nowNanoseconds: 0).packets
        _ = Self.exchange(packets, &cores, now: 0)
        #expect(cores[1].records.first?.nodes.first?.address == "[2001:db8:0:0:0:0:0:5]:80")
        record.nodes[0].address = "unix:/tmp/socket"
        #expect(throws: MicroError.self) {
            _ = try cores[0].register(record, ttlSeconds: 1, intervalNanoseconds: 1, nowNanoseconds: 0)
        }
    }

    @Test func damagedPacketsNeverTrap() throws {
        let seed = testSeed()
        var random = SplitMix(state: seed)
        var sender = Self.core()
        let good = try #require(
            try sender.register(Self.record, ttlSeconds: 9, intervalNanoseconds: 1, nowNanoseconds: 0).packets.first)
        var core = Self.core()
        for _ in 0..<3000 {
            var packet = good
            for _ in 0...random.next(3) {
                if random.next(2) == 0 {
                    packet[random.next(packet.count)] = UInt8(random.next(256))
                } else {
                    packet = Array(packet.prefix(1 + random.next(packet.count)))
                }
            }
            _ = core.receive(packet, nowNanoseconds: 0)
            _ = core.listedServices(packet)
        }
        _ = core.receive(good, nowNanoseconds: 0)
        #expect(core.records.contains(Self.record))
    }
}

@Suite struct MulticastDNSRegistryTests {
    /// A link inside the process.
    private final class Link: Sendable {
        let receivers = Mutex<[@Sendable ([UInt8]) -> Void]>([])
    }

    private final class Station: MulticastTransport {
        let link: Link

        init(_ link: Link) { self.link = link }

        func open(_ receive: @escaping @Sendable ([UInt8]) -> Void) async throws {
            self.link.receivers.withLock { $0.append(receive) }
        }

        func send(_ packet: [UInt8]) {
            // As on a real link, later and elsewhere.
            let receivers = self.link.receivers.withLock { $0 }
            Task { for receive in receivers { receive(packet) } }
        }

        func close() async {}
    }

    private static func registry(_ transport: any MulticastTransport) -> MulticastDNSRegistry {
        var configuration = MulticastDNSRegistry.Configuration()
        configuration.patience = .milliseconds(300)
        return MulticastDNSRegistry(configuration, transport)
    }

    private static func check(_ make: () -> any MulticastTransport) async throws {
        var service = MicroService("test.nodes", version: "a", registry: Self.registry(make()))
        service.handle("Who.Am") { (request: Question, context) in Answer(greeting: "a") }
        let watching = Self.registry(make())
        try await withService(service) { node in
            try await withMicroClient(registry: watching, configure: { $0.timeout = .seconds(60) }) { client in
                #expect(try await eventually { (try? await ClientTests.ask(client)) == "a" })
                // On a busy machine the answer may come later than the registry waits for any.
                var found: [ServiceRecord] = []
                let isFound = try await eventually {
                    found = try await watching.services()
                    return !found.isEmpty
                }
                #expect(isFound && found.map(\.name) == ["test.nodes"])
                #expect(found.first?.nodes == [node])
                #expect(found.first?.endpoints?.contains { $0.name == "Who.Am" } == true)
            }
        }
        #expect(try await eventually { try await watching.services(named: "test.nodes").isEmpty })
    }

    @Test func servicesFindEachOtherOnALink() async throws {
        let link = Link()
        try await Self.check { Station(link) }
    }

    /// Whether a packet to a multicast group comes back on this machine.
    private static func canMulticast() async -> Bool {
        let heard = Atomic(false)
        let transport = SocketMulticastTransport(port: 15_353)
        guard (try? await transport.open({ _ in heard.store(true, ordering: .relaxed) })) != nil else { return false }
        for _ in 0..<50 where !heard.load(ordering: .relaxed) {
            transport.send([1])
            try? await Task.sleep(for: .milliseconds(10))
        }
        await transport.close()
        return heard.load(ordering: .relaxed)
    }

    @Test(.enabled("no multicast on this machine") { await Self.canMulticast() })
    func servicesFindEachOtherOnSockets() async throws {
        let port = Int.random(in: 20_000...30_000)
        try await Self.check { SocketMulticastTransport(port: port) }
    }
}
