// SPDX-License-Identifier: Apache-2.0

import Logging
import Martlet
import MartletRedis
import MartletRedisClient
import MartletRedisPeers
import MartletTestPrograms
import Synchronization
import Testing

struct Order: Codable, Sendable, Equatable {
    var number: Int
}

struct Failure: Error {}

/// What a subscriber saw.
final class Seen: Sendable {
    private let values = Mutex<[String]>([])

    func add(_ value: String) { values.withLock { $0.append(value) } }
    var all: [String] { values.withLock { $0 } }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A broker that is patient.
func patientBroker(
    _ peer: RedisPeer, configure: (inout RedisBroker.Configuration) -> Void = { _ in }
) -> RedisBroker {
    .redis(peer.address) {
        $0.client.logger = quiet
        $0.client.timeout = patience
        $0.claimAfter = .seconds(120)
        $0.claimInterval = .milliseconds(50)
        configure(&$0)
    }
}

/// Runs `body` beside a service that subscribes.
func withSubscriber(
    _ broker: RedisBroker, _ configure: (inout MicroService) -> Void, _ body: (MicroClient) async throws -> Void
) async throws {
    let ready = Seen()
    var service = MicroService("subscriber", version: "1", registry: InMemoryRegistry(), broker: broker) {
        $0.address = "127.0.0.1:0"
        $0.logger = quiet
        $0.drainDelay = .zero
        $0.afterStart = { _ in ready.add("") }
    }
    configure(&service)
    let running = Task { [service] in try await service.run() }
    let client = MicroClient(registry: InMemoryRegistry()) {
        $0.broker = broker
        $0.logger = quiet
    }
    let result: Result<Void, any Error>
    do {
        #expect(try await eventually { !ready.all.isEmpty })
        try await body(client)
        result = .success(())
    } catch {
        result = .failure(error)
    }
    running.cancel()
    try await running.value
    await client.close()
    try result.get()
}

/// What a broker says to a subscription that it refuses; one that it takes ends at once, and is `nil`.
func refusal(
    of broker: RedisBroker, queue: String? = "q", _ configure: (inout SubscriptionOptions) -> Void
) async throws -> MicroError? {
    var options = SubscriptionOptions()
    configure(&options)
    do {
        let subscription = try await broker.subscribe("t", queue: queue, options: options) { _ in .acknowledge }
        await subscription.end(limit: .zero)
        return nil
    } catch let error as MicroError {
        return error
    }
}

/// What a broker says to a message that it refuses; `nil` where it takes it.
func publishRefusal(
    of broker: RedisBroker, _ configure: (inout BrokerMessage.Terms) -> Void
) async throws -> MicroError? {
    var message = BrokerMessage(body: Array(#"{"number":0}"#.utf8))
    configure(&message.terms)
    do {
        try await broker.publish(message, to: "t")
        return nil
    } catch let error as MicroError {
        return error
    }
}
