// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletGRPCWire
import MartletGreeterFixture
import MartletTestPrograms
import NIOCore
import NIOPosix
import SwiftProtobuf
import Synchronization
import Testing

/// go-micro's HTTP broker, both ways, by its captured bytes.
@Suite(.timeLimit(.minutes(30))) struct HTTPBrokerTests {
    static func broker(_ registry: InMemoryRegistry) -> HTTPBroker {
        HTTPBroker(registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
            $0.postTimeout = .seconds(300)
        }
    }

    /// A subscriber of go-micro's, as far as a publisher sees it.
    final class GoSubscriber: Sendable {
        let requests = Mutex<[HTTP1Request]>([])
        let status = Mutex(200)
        let server: WireServer
        let record: ServiceRecord

        init(_ topic: String, queue: String?, id: String, registry: InMemoryRegistry) async throws {
            var configuration = WireServerConfiguration()
            let box = Box()
            configuration.http1 = { box.answer($0) }
            let server = try WireServer(
                router: GRPCRouter(), configuration: configuration, logger: Logger(label: "test"))
            let bound = try await server.bind(.hostPort("127.0.0.1", 0))
            let record = HTTPBroker.record(
                topic: topic, queue: queue, id: id, address: "127.0.0.1:\(bound.port ?? 0)")
            self.server = server
            self.record = record
            box.owner.withLock { $0 = self }
            try await registry.register(record, options: RegistrationOptions())
        }

        private final class Box: Sendable {
            let owner = Mutex<GoSubscriber?>(nil)
            func answer(_ request: HTTP1Request) -> HTTP1Response {
                guard let owner = self.owner.withLock({ $0 }) else { return HTTP1Response(status: 503) }
                owner.requests.withLock { $0.append(request) }
                return HTTP1Response(status: owner.status.withLock { $0 })
            }
        }
    }

    @Test func recordsAreThoseOfGoMicro() {
        let id = "go.micro.topic-010c9ce4-a866-4b97-9285-a9a69e434b73"
        let single = HTTPBroker.record(topic: "go.micro.topic", queue: nil, id: id, address: "[fd00::2]:40079")
        #expect(
            String(decoding: single.jsonBytes, as: UTF8.self)
                == #"{"name":"go.micro.http.broker","version":"ff.http.broadcast","metadata":null,"endpoints":null,"#
                + #""nodes":[{"id":"go.micro.topic-010c9ce4-a866-4b97-9285-a9a69e434b73","address":"[fd00::2]:40079","#
                + #""metadata":{"broker":"http","secure":"false","topic":"go.micro.topic"}}]}"#)
        let queued = HTTPBroker.record(topic: "go.micro.topic", queue: "q1", id: id, address: "[fd00::2]:37511")
        #expect(queued.version == "q1")
    }

    @Test func envelopeIsThatOfGoMicro() throws {
        let text =
            #"{"Header":{":topic":"go.micro.topic","Content-Type":"application/grpc+proto","#
            + #""Micro-From-Service":"go.micro.server","Micro-Topic":"go.micro.topic","X-Trace-Id":"t1"},"#
            + #""Body":"CgJoaQ=="}"#
        let message = BrokerMessage(
            headers: [
                "X-Trace-Id": "t1", "Micro-Topic": "go.micro.topic", ":topic": "go.micro.topic",
                "Content-Type": "application/grpc+proto", "Micro-From-Service": "go.micro.server",
            ], body: [0x0A, 2, 0x68, 0x69])
        #expect(String(decoding: HTTPEnvelope.encode(message), as: UTF8.self) == text)
        #expect(try HTTPEnvelope.decode(Array(text.utf8)) == message)
        for text in [#"{"Header":null,"Body":null}"#, "{}", #"{"More":[1],"Header":{}}"#] {
            #expect(try HTTPEnvelope.decode(Array(text.utf8)) == BrokerMessage(body: []))
        }
        for text in ["", "{", "[]", #"{"Header":3}"#, #"{"Body":"%%%"}"#] {
            #expect(throws: HTTPEnvelope.Malformed.self) { try HTTPEnvelope.decode(Array(text.utf8)) }
        }
    }

    @Test func publishPostsWhatGoMicroPosts() async throws {
        let registry = InMemoryRegistry()
        let broker = Self.broker(registry)
        let all = try await GoSubscriber("go.micro.topic", queue: nil, id: "go.micro.topic-swift", registry: registry)
        let first = try await GoSubscriber("go.micro.topic", queue: "q1", id: "go.micro.topic-a", registry: registry)
        let second = try await GoSubscriber("go.micro.topic", queue: "q1", id: "go.micro.topic-b", registry: registry)
        let other = try await GoSubscriber("other", queue: nil, id: "other-a", registry: registry)
        try await withMicroClient(
            registry: registry,
            configure: {
                patiently(&$0)
                $0.broker = broker
                $0.serviceName = "go.micro.server"
            }
        ) { client in
            for _ in 0..<5 {
                try await client.publish("go.micro.topic", ChatMessage.with { $0.text = "hi" }) {
                    $0.metadata = ["X-Trace-Id": "t1"]
                    $0.messageID = "id-1"
                }
            }
        }
        func count(_ subscriber: GoSubscriber) -> Int { subscriber.requests.withLock { $0.count } }
        #expect(count(all) == 5)
        #expect(count(first) + count(second) == 5)
        #expect(count(first) >= 2 && count(second) >= 2)
        #expect(count(other) == 0)
        let request = try #require(all.requests.withLock { $0.first })
        #expect(request.method == "POST")
        #expect(request.uri == "/_sub?id=go.micro.topic-swift")
        #expect(request.header("content-type") == "application/json")
        #expect(request.header("content-length") == "\(request.body.count)")
        #expect(request.header("host") == all.record.nodes[0].address)
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"Header":{":topic":"go.micro.topic","Content-Type":"application/grpc+proto","#
                + #""Micro-From-Service":"go.micro.server","Micro-Id":"id-1","Micro-Topic":"go.micro.topic","#
                + #""X-Trace-Id":"t1"},"Body":"CgJoaQ=="}"#)
        for subscriber in [all, first, second, other] { await subscriber.server.close() }
    }

    @Test func nodeOfAQueueThatFailsIsReplacedByAnother() async throws {
        let registry = InMemoryRegistry()
        let broker = Self.broker(registry)
        let good = try await GoSubscriber("t", queue: "q", id: "t-a", registry: registry)
        let bad = try await GoSubscriber("t", queue: "q", id: "t-b", registry: registry)
        let gone = try await GoSubscriber("t", queue: "q", id: "t-c", registry: registry)
        bad.status.withLock { $0 = 500 }
        await gone.server.close()
        for _ in 0..<6 { try await broker.publish(BrokerMessage(body: [1]), to: "t") }
        #expect(good.requests.withLock { $0.count } == 6)
        good.status.withLock { $0 = 429 }
        do {
            try await broker.publish(BrokerMessage(body: [1]), to: "t")
            Issue.record("nobody took the message")
        } catch let error as MicroError {
            #expect(error.code == .tooManyRequests)
        }
        for subscriber in [good, bad] { await subscriber.server.close() }
        // Nobody listens to this one: nothing is wrong with that.
        try await broker.publish(BrokerMessage(body: [1]), to: "nobody")
    }

    /// The envelope of a message is a third longer than the message: the limit is about the message.
    @Test func messagesAreBoundedAndNotTheirEnvelopes() async throws {
        let registry = InMemoryRegistry()
        let subscriber = HTTPBroker(registry: registry) {
            $0.address = "127.0.0.1:0"
            $0.drainDelay = .milliseconds(1)
            $0.maximumMessageBytes = 1000
        }
        let got = Recorder<Int>()
        let subscription = try await subscriber.subscribe("t", queue: "q", options: SubscriptionOptions()) {
            await got.add($0.message.body.count)
            return .acknowledge
        }
        let publisher = Self.broker(registry)
        try await publisher.publish(BrokerMessage(body: [UInt8](repeating: 1, count: 1000)), to: "t")
        let error = await EndpointLimitsTests.failure {
            try await publisher.publish(BrokerMessage(body: [UInt8](repeating: 1, count: 1001)), to: "t")
        }
        #expect(error?.code.rawValue == 413 && error?.detail == "queue q takes no message so large")
        #expect(try await eventually { await got.values == [1000] })
        await subscription.end(limit: .seconds(300))
    }

    @Test func servicesHearOneAnotherOverHTTP() async throws {
        let registry = InMemoryRegistry()
        let broker = Self.broker(registry)
        let got = Recorder<String>()
        var service = MicroService("go.micro.server", registry: registry, broker: broker)
        service.subscribe("go.micro.topic", queue: "q1") {
            $0.redeliveryDelay = .milliseconds(1)
        } _: { (message: ChatMessage, context) in
            await got.add("\(message.text) \(context.deliveryCount) \(context.metadata["x-trace-id"] ?? "")")
            if context.deliveryCount < 2 { throw MicroError(.unavailable, "again") }
        }
        try await withService(service) { _ in
            let found = try await registry.services(named: "go.micro.http.broker")
            #expect(found.first?.version == "q1")
            #expect(found.first?.nodes.first?.metadata?["topic"] == "go.micro.topic")
            let record = try await registry.services(named: "go.micro.server").first
            #expect(record?.nodes.first?.metadata?["broker"] == "http")
            #expect(record?.endpoints?.last?.metadata == ["subscriber": "true", "topic": "go.micro.topic"])
            try await withMicroClient(
                registry: registry,
                configure: {
                    patiently(&$0)
                    $0.broker = Self.broker(registry)
                }
            ) { client in
                try await client.publish("go.micro.topic", ChatMessage.with { $0.text = "hi" }) {
                    $0.metadata = ["X-Trace-Id": "t1"]
                }
                let isThere = try await eventually { await got.values == ["hi 1 t1", "hi 2 t1"] }
                #expect(isThere)
            }
        }
        #expect(try await registry.services().isEmpty)
    }

    /// What curl and Go's client post by hand, and what go-micro's broker answers.
    @Test func handMadePosts() async throws {
        let registry = InMemoryRegistry()
        let broker = Self.broker(registry)
        let got = Recorder<BrokerMessage>()
        let subscription = try await broker.subscribe("go.micro.topic", queue: nil, options: SubscriptionOptions()) {
            await got.add($0.message)
            return .acknowledge
        }
        let node = try #require(try await registry.services(named: "go.micro.http.broker").first?.nodes.first)
        func send(_ method: String, _ uri: String, _ body: String) async throws -> (status: String, body: String) {
            let text =
                "\(method) \(uri) HTTP/1.1\r\nHost: x\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n"
                + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
                + "Connection: close\r\n\r\n\(body)"
            let answer = try await Self.exchange(node.address, text)
            let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false)
            return (String(lines.first ?? ""), String(lines.last ?? ""))
        }
        let good = try await send(
            "POST", "/_sub?id=\(node.id)",
            #"{"Header":{":topic":"go.micro.topic","Micro-Topic":"go.micro.topic","X-From":"curl"},"Body":"Zm9v"}"#)
        #expect(good.status == "HTTP/1.1 200 OK")
        #expect(good.body == "")
        #expect(try await eventually { await got.values.count == 1 })
        #expect(await got.values.first?.body == Array("foo".utf8))
        #expect(await got.values.first?.headers["X-From"] == "curl")

        let get = try await send("GET", "/_sub?id=\(node.id)", "")
        #expect(get.status == "HTTP/1.1 405 Method Not Allowed")
        #expect(
            get.body == #"{"id":"go.micro.broker","code":400,"detail":"Method not allowed","status":"Bad Request"}"#)
        let empty = try await send("POST", "/_sub?id=\(node.id)", "")
        #expect(empty.status == "HTTP/1.1 500 Internal Server Error")
        #expect(
            empty.body
                == #"{"id":"go.micro.broker","code":500,"detail":"Error parsing request body: "#
                + #"unexpected end of JSON input","status":"Internal Server Error"}"#)
        let stranger = try await send("POST", "/_sub?id=nobody", #"{"Header":{":topic":"x"},"Body":""}"#)
        #expect(stranger.status == "HTTP/1.1 404 Not Found")
        await subscription.end(limit: .seconds(300))
        #expect(try await registry.services().isEmpty)
        await #expect(throws: (any Error).self) { try await Self.exchange(node.address, "GET / HTTP/1.1\r\n\r\n") }
    }

    /// Sends bytes to an address and returns all that comes back until the other side closes.
    static func exchange(_ address: String, _ text: String) async throws -> String {
        guard let target = WireAddress(address), case .hostPort(let host, let port) = target.kind else { return "" }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var answer = ByteBuffer()
            for try await var part in inbound { answer.writeBuffer(&part) }
            return String(buffer: answer)
        }
    }
}
