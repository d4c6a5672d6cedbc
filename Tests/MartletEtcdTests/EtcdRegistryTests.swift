// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import Martlet
import MartletEtcd
import MartletEtcdClient
import MartletTestPrograms
import Synchronization
import Testing

/// The registry in a real etcd.
@Suite(.enabled(if: EtcdProcess.binary != nil, "no etcd on this machine"), .serialized)
struct EtcdRegistryTests {
    static let record = ServiceRecord(
        name: "go.micro.server", version: "myVersion",
        endpoints: [
            EndpointRecord(
                name: "Greeter.Hello", request: ValueRecord(name: "R", type: "R"),
                response: ValueRecord(name: "S", type: "S"))
        ],
        nodes: [
            NodeRecord(
                id: "go.micro.server-1", address: "127.0.0.1:9101",
                metadata: ["protocol": "grpc", "registry": "etcd", "server": "grpc", "transport": "grpc"])
        ])
    static let key = "/micro/registry/go.micro.server/go.micro.server-1"

    static func run(_ body: (EtcdRegistry, EtcdClient, EtcdProcess) async throws -> Void) async throws {
        try await EtcdProcess.with { server in
            let client = try EtcdClient.patient(server.endpoint)
            let registry = EtcdRegistry.patient(server.endpoint)
            try await body(registry, client, server)
            await client.close()
        }
    }

    /// Of two that say they are the same node, one that ends leaves the other's record where it is.
    @Test func anotherNodesRecordStays() async throws {
        try await Self.run { (registry, client, server) async throws in
            try await registry.register(Self.record, options: RegistrationOptions(interval: .seconds(3600)))
            let other = EtcdRegistry.patient(server.endpoint)
            try await client.delete(.key(Self.key))
            try await other.register(Self.record, options: RegistrationOptions(interval: .seconds(3600)))
            let stored = try #require(try await client.get(.key(Self.key)).keyValues.first)
            try await registry.deregister(Self.record)
            let left = try #require(try await client.get(.key(Self.key)).keyValues.first)
            #expect(left.leaseID == stored.leaseID)
            try await other.deregister(Self.record)
            #expect(try await client.get(.prefix("/micro")).keyValues.isEmpty)
        }
    }

    /// Two processes that were given one id: the log of each names the other.
    @Test func nodesWithOneIDAreToldOfEachOther() async throws {
        try await EtcdProcess.with { server in
            let log = LogLines()
            func registry(_ name: String) -> EtcdRegistry {
                EtcdRegistry(endpoints: [server.endpoint]) {
                    $0.timeout = patience
                    $0.logger = Logger(label: name) { LinesHandler(name: $0, lines: log) }
                }
            }
            var record = Self.record
            let (one, two) = (registry("one"), registry("two"))
            try await one.register(record, options: Self.fast)
            record.nodes[0].address = "127.0.0.1:9102"
            try await two.register(record, options: Self.fast)
            func has(_ name: String, _ level: Logger.Level, _ address: String) -> Bool {
                log.all.contains { $0.hasPrefix("\(name) \(level) ") && $0.hasSuffix(" \(address)") }
            }
            #expect(has("two", .notice, "127.0.0.1:9101"), "\(log.all)")
            #expect(try await eventually { has("one", .warning, "127.0.0.1:9102") })
            #expect(try await eventually { has("two", .warning, "127.0.0.1:9101") })
            let warning = try #require(log.all.first { $0.hasPrefix("one warning") })
            #expect(warning.contains("another process registers under the same node id"))
            try await Task.sleep(for: .milliseconds(700))
            // Once is enough, however often they overwrite each other.
            #expect(log.all.count { $0.contains(" warning ") } == 2, "\(log.all)")
            try await one.deregister(record)
            try await two.deregister(record)
        }
    }

    static var fast: RegistrationOptions { RegistrationOptions(ttl: .seconds(300), interval: .milliseconds(200)) }

    @Test func keysAndValuesAreGoMicros() async throws {
        try await Self.run { registry, client, _ in
            try await registry.register(Self.record, options: RegistrationOptions())
            let stored = try #require(try await client.get(.prefix("/micro")).keyValues.first)
            #expect(stored.keyText == Self.key)
            #expect(
                stored.valueText
                    == #"{"name":"go.micro.server","version":"myVersion","metadata":null,"endpoints":["#
                    + #"{"name":"Greeter.Hello","request":{"name":"R","type":"R","values":null},"#
                    + #""response":{"name":"S","type":"S","values":null},"metadata":{}}],"#
                    + #""nodes":[{"id":"go.micro.server-1","address":"127.0.0.1:9101","#
                    + #""metadata":{"protocol":"grpc","registry":"etcd","server":"grpc","transport":"grpc"}}]}"#)
            #expect(try await client.leaseStatus(stored.leaseID).grantedSeconds == 15)
            #expect(try await registry.services(named: "go.micro.server") == [Self.record])
            #expect(try await registry.services().map(\.name) == ["go.micro.server"])

            try await registry.deregister(Self.record)
            #expect(try await client.get(.prefix("/micro")).keyValues.isEmpty)
            #expect(try await client.leases().isEmpty)
            #expect(try await registry.services().isEmpty)
        }
    }

    @Test func recordsMayBeThoseOfGRPCsResolver() async throws {
        try await Self.run { _, client, server in
            let registry = EtcdRegistry(endpoints: [server.endpoint], layout: .grpcNaming(prefix: "services/")) {
                $0.timeout = patience
            }
            let changes = Mutex<[RegistryChange]>([])
            let watch = Task { try await registry.watch { change in changes.withLock { $0.append(change) } } }
            #expect(try await eventually { changes.withLock { $0 } == [.snapshot([])] })
            try await registry.register(Self.record, options: RegistrationOptions())
            let key = "services/go.micro.server/127.0.0.1:9101"
            let stored = try #require(try await client.get(.prefix("services/")).keyValues.first)
            #expect(stored.keyText == key)
            #expect(
                stored.valueText
                    == #"{"Op":0,"Addr":"127.0.0.1:9101","Metadata":{"protocol":"grpc","registry":"etcd","#
                    + #""server":"grpc","transport":"grpc","version":"myVersion"}}"#)
            let expected = ServiceRecord(
                name: "go.micro.server", version: "myVersion",
                nodes: [
                    NodeRecord(
                        id: "127.0.0.1:9101", address: "127.0.0.1:9101", metadata: Self.record.nodes[0].metadata)
                ])
            #expect(try await registry.services(named: "go.micro.server") == [expected])

            // What etcd's own library writes, and what isn't a node.
            try await client.put("services/other/b", #"{"Op":0,"Addr":"h:2","Metadata":null}"#)
            try await client.put("services/other/c", "rubbish")
            try await client.put("services/other/d", #"{"Op":0,"Addr":"h:3","Metadata":["anything"]}"#)
            #expect(try await registry.services(named: "other").flatMap(\.nodes).map(\.address) == ["h:2", "h:3"])
            try await registry.deregister(Self.record)
            #expect(try await client.get(.key(key)).keyValues.isEmpty)
            #expect(
                try await eventually {
                    changes.withLock { $0.last } == .remove(service: "go.micro.server", nodeID: "127.0.0.1:9101")
                })
            #expect(changes.withLock { $0.contains(.put(expected)) })
            watch.cancel()
            _ = await watch.result
        }
    }

    /// A node that registers gets its share of calls at once, one whose process ends without a word none when its
    /// lease has run out.
    @Test func newNodesAreCalledAndLostOnesAreForgotten() async throws {
        try await EtcdProcess.with { server in
            func service(_ name: String) -> MicroService {
                let registry = EtcdRegistry.patient(server.endpoint)
                var service = MicroService("test.steady", version: name, registry: registry) {
                    $0.address = "127.0.0.1:0"
                    $0.drainDelay = .milliseconds(1)
                    $0.registration = RegistrationOptions(ttl: .seconds(300))
                }
                service.handle("Steady.Answer") { (request: String, context) in name }
                return service
            }
            let first = Task { [service = service("a")] in try await service.run() }
            try await withMicroClient(
                registry: EtcdRegistry.patient(server.endpoint),
                configure: {
                    patiently(&$0)
                    // A node that had no turn for a while isn't put out for that.
                    $0.ejection = nil
                }
            ) { client in
                func call() async throws -> String { try await client.call("test.steady", "Steady.Answer", "x") }
                #expect(try await eventually { (try? await call()) == "a" })
                let second = Task { [service = service("b")] in try await service.run() }
                #expect(try await eventually { try await call() == "b" })
                var counts: [String: Int] = [:]
                for _ in 0..<20 { counts[try await call(), default: 0] += 1 }
                #expect(counts == ["a": 10, "b": 10])

                // A node that is registered and never was: refused connections cost no call.
                let store = try EtcdClient.patient(server.endpoint)
                let lease = try await store.grantLease(ttlSeconds: 900).id
                let dead = ServiceRecord(
                    name: "test.steady", version: "dead", nodes: [NodeRecord(id: "dead", address: "127.0.0.1:1")])
                try await store.put(
                    "/micro/registry/test.steady/dead".utf8, dead.jsonBytes, lease: lease)
                for _ in 0..<20 { _ = try await call() }
                let registry = EtcdRegistry(client: store)
                #expect(try await registry.services(named: "test.steady").count == 3)
                // To whoever watches the same as its end.
                try await store.revokeLease(lease)
                #expect(
                    try await eventually {
                        _ = try await call()
                        return try await registry.services(named: "test.steady").count == 2
                    })
                await store.close()
                second.cancel()
                try await second.value
                #expect(try await call() == "a")
            }
            first.cancel()
            try await first.value
        }
    }

    @Test func mendsItself() async throws {
        try await Self.run { registry, client, _ in
            try await registry.register(Self.record, options: Self.fast)
            func stored() async throws -> EtcdKeyValue? { try await client.get(.key(Self.key)).keyValues.first }
            let first = try #require(try await stored())

            // Untouched, the key isn't written again: no event for anybody.
            try await Task.sleep(for: .milliseconds(700))
            #expect(try await stored()?.modRevision == first.modRevision)

            try await client.delete(.key(Self.key))
            #expect(try await eventually { try await stored()?.value == first.value })
            #expect(try await stored()?.leaseID == first.leaseID)

            try await client.revokeLease(first.leaseID)
            #expect(try await eventually { try await stored() != nil })
            let second = try #require(try await stored())
            #expect(second.leaseID != first.leaseID)

            try await client.put(Self.key, "rubbish")
            #expect(try await eventually { try await stored()?.value == first.value })

            var changed = Self.record
            changed.version = "2"
            try await registry.register(changed, options: Self.fast)
            #expect(try await registry.services(named: "go.micro.server").map(\.version) == ["2"])
            try await registry.deregister(changed)
            try await Task.sleep(for: .milliseconds(500))
            #expect(try await stored() == nil)
        }
    }

    @Test func watchMirrorsEveryChangeOfATransaction() async throws {
        try await Self.run { registry, client, _ in
            let changes = Mutex<[RegistryChange]>([])
            let watch = Task { try await registry.watch { change in changes.withLock { $0.append(change) } } }
            #expect(try await eventually { changes.withLock { $0 } == [.snapshot([])] })
            var others: [EtcdOperation] = []
            for id in ["a", "b", "c"] {
                let record = ServiceRecord(name: "s", version: "1", nodes: [NodeRecord(id: id, address: "h:1")])
                others.append(
                    .put(key: [UInt8](RegistryKey.node(service: "s", id: id).utf8), value: record.jsonBytes))
            }
            try await client.transaction(then: others)
            try await client.put("/micro/registry/s/foreign", "no record")
            try await client.delete(.prefix(RegistryKey.service("s")))
            #expect(try await eventually { changes.withLock { $0.count } == 8 })
            let seen = changes.withLock { $0 }
            let puts = seen.compactMap { if case .put(let record) = $0 { record.nodes[0].id } else { nil } }
            #expect(puts == ["a", "b", "c"])
            #expect(seen.suffix(4).contains(.remove(service: "s", nodeID: "b")))
            watch.cancel()
            await #expect(throws: CancellationError.self) { try await watch.value }
        }
    }

    @Test func requestsEndWhileTheStoreIsStopped() async throws {
        try await EtcdProcess.with { server in
            let registry = EtcdRegistry(endpoints: [server.endpoint]) { $0.timeout = .seconds(4) }
            // Where both cores are taken four seconds may be too short for a store that answers.
            let isRegistered = try await eventually {
                (try? await registry.register(Self.record, options: Self.fast)) != nil
            }
            #expect(isRegistered)
            server.freeze()
            let start = ContinuousClock.now
            await #expect(throws: EtcdError.self) { try await registry.deregister(Self.record) }
            await #expect(throws: EtcdError.self) { _ = try await registry.services() }
            #expect(start.duration(to: .now) < patience)
            // A service that starts meanwhile is registered as soon as the store is back.
            await #expect(throws: EtcdError.self) { try await registry.register(Self.record, options: Self.fast) }
            server.thaw()
            #expect(try await eventually { (try? await registry.services(named: "go.micro.server").count) == 1 })
        }
    }

    @Test func deregisteringEndsARegistrationThatIsUnderWay() async throws {
        try await EtcdProcess.with { server in
            let registry = EtcdRegistry.patient(server.endpoint)
            server.freeze()
            let registering = Task { try await registry.register(Self.record, options: Self.fast) }
            try await Task.sleep(for: .milliseconds(200))
            let deregistering = Task { try await registry.deregister(Self.record) }
            try await Task.sleep(for: .milliseconds(200))
            server.thaw()
            _ = await registering.result
            try await deregistering.value
            // Longer than the upkeep's interval.
            try await Task.sleep(for: .milliseconds(600))
            #expect(try await registry.services().isEmpty)
        }
    }

    @Test func malformedEndpointsAreSaidSo() async throws {
        await #expect(throws: EtcdError.self) { try await EtcdRegistry(endpoints: ["a:b:c"]).services().count }
    }

    /// The store is stopped until the records' leases have run out, then comes back and ends them: no call fails.
    ///
    /// `MARTLET_SOAK` stops it for a minute under the default time to live.
    @Test func callsGoOnWhileTheStoreIsStopped() async throws {
        let isSoak = ProcessInfo.processInfo.environment["MARTLET_SOAK"] != nil
        try await EtcdProcess.with { server in
            var service = MicroService("test.steady", registry: .etcd(server.endpoint) { $0.timeout = .seconds(1) }) {
                $0.address = "127.0.0.1:0"
                $0.drainDelay = .milliseconds(1)
                if !isSoak { $0.registration = RegistrationOptions(ttl: .seconds(2), interval: .milliseconds(500)) }
            }
            service.handle("Steady.Answer") { (request: String, context) in request }
            let running = service
            let task = Task { try await running.run() }
            try await withMicroClient(registry: EtcdRegistry.patient(server.endpoint), configure: patiently) { client in
                func call() async throws -> String { try await client.call("test.steady", "Steady.Answer", "x") }
                func callFor(_ time: Duration) async throws {
                    let end = ContinuousClock.now + time
                    while ContinuousClock.now < end {
                        let answer = try await call()
                        #expect(answer == "x")
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                #expect(try await eventually { (try? await call()) == "x" })
                let store = try EtcdClient.patient(server.endpoint)
                let before = try await store.leases()
                server.freeze()
                try await callFor(isSoak ? .seconds(60) : .seconds(4))
                server.thaw()
                try await callFor(isSoak ? .seconds(15) : .seconds(1))
                // The lease does run out, and the record comes again.
                let isBack = try await eventually {
                    try await callFor(.milliseconds(200))
                    let after = try await store.leases()
                    let records = try await store.get(.prefix("/micro/registry/test.steady/"))
                    return Set(before).isDisjoint(with: after) && records.count == 1
                }
                #expect(isBack)
                await store.close()
            }
            task.cancel()
            try await task.value
        }
    }
}

private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { self.lines.withLock { $0.append(line) } }
    var all: [String] { self.lines.withLock { $0 } }
}

/// Keeps `name level message other-address`.
private struct LinesHandler: LogHandler {
    let name: String
    let lines: LogLines
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let address = event.metadata?["other address"].map { "\($0)" } ?? ""
        self.lines.add("\(self.name) \(event.level) \(event.message) \(address)")
    }
}
