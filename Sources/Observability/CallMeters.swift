// SPDX-License-Identifier: Apache-2.0

package import CoreMetrics
internal import Martlet
internal import Synchronization

/// The meters of a service or of a client. They are made once for each endpoint, topic and code.
package final class CallMeters: Sendable {
    /// Beyond so many endpoints, or topics, further ones share their meters: a client is told their names, and each
    /// costs memory here and wherever the metrics are kept.
    static let maximumNames = 1000
    private static let other = "other"

    private struct Endpoint: Hashable {
        var service: String
        var name: String
    }

    private let prefix: String
    private let countsAttempts: Bool
    private let factory: (any MetricsFactory)?
    private let endpoints = MadeOnce<Endpoint, EndpointMeters>(
        maximum: CallMeters.maximumNames, other: Endpoint(service: CallMeters.other, name: CallMeters.other))
    private let topics = MadeOnce<Endpoint, TopicMeters>(
        maximum: CallMeters.maximumNames, other: Endpoint(service: CallMeters.other, name: CallMeters.other))
    private let publications = MadeOnce<String, PublicationMeters>(
        maximum: CallMeters.maximumNames, other: CallMeters.other)

    /// - Parameters:
    ///   - prefix: What the names of metrics begin with.
    ///   - countsAttempts: Whether calls have attempts that may fail: a client's.
    ///   - factory: Where metrics are made; `nil` is the one that is bootstrapped.
    package init(_ prefix: String, countsAttempts: Bool = false, _ factory: (any MetricsFactory)?) {
        self.prefix = prefix
        self.countsAttempts = countsAttempts
        self.factory = factory
    }

    private var maker: any MetricsFactory { self.factory ?? MetricsSystem.factory }

    package func endpoint(_ service: String, _ name: String) -> EndpointMeters {
        self.endpoints.value(Endpoint(service: service, name: name)) { kept in
            EndpointMeters(
                self.prefix, countsAttempts: self.countsAttempts,
                [("service", kept.service), ("endpoint", kept.name)], self.maker)
        }
    }

    func topic(_ service: String, _ name: String) -> TopicMeters {
        self.topics.value(Endpoint(service: service, name: name)) { kept in
            TopicMeters([("service", kept.service), ("topic", kept.name)], self.maker)
        }
    }

    func published(_ topic: String) -> PublicationMeters {
        self.publications.value(topic) { PublicationMeters([("topic", $0)], self.maker) }
    }
}

/// Values by name, each made when it is first asked for, up to a number; further names share one.
///
/// Nothing is made under the lock: factories are the user's. Of two that are made at the same time one is kept.
private final class MadeOnce<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let maximum: Int
    private let other: Key
    private let values = Mutex<[Key: Value]>([:])

    init(maximum: Int, other: Key) {
        self.maximum = maximum
        self.other = other
    }

    func value(_ key: Key, _ make: (Key) -> Value) -> Value {
        let (known, kept) = self.values.withLock { values -> (Value?, Key) in
            if let known = values[key] { return (known, key) }
            let kept = values.count < self.maximum ? key : self.other
            return (values[kept], kept)
        }
        if let known { return known }
        let made = make(kept)
        return self.values.withLock { values in
            if let first = values[kept] { return first }
            values[kept] = made
            return made
        }
    }
}

package final class EndpointMeters: Sendable {
    /// Codes that handlers make up share one counter beyond so many.
    private static let maximumCodes = 32

    /// Of a client only.
    let failedAttempts: Counter?
    private let duration: Timer
    private let active: Meter
    private let label: String
    private let dimensions: [(String, String)]
    private let factory: any MetricsFactory
    /// Those beyond are counted by code 0.
    private let codes = MadeOnce<Int32, Counter>(maximum: EndpointMeters.maximumCodes, other: 0)

    init(
        _ prefix: String, countsAttempts: Bool, _ dimensions: [(String, String)], _ factory: any MetricsFactory
    ) {
        self.label = "\(prefix)_calls"
        self.dimensions = dimensions
        self.factory = factory
        self.duration = Timer(label: "\(prefix)_call_duration", dimensions: dimensions, factory: factory)
        self.active = Meter(label: "\(prefix)_active_calls", dimensions: dimensions, factory: factory)
        self.failedAttempts =
            countsAttempts
            ? Counter(label: "\(prefix)_failed_attempts", dimensions: dimensions, factory: factory) : nil
    }

    /// Runs a call, and counts and times it.
    package func measured(_ call: () async throws -> Void) async throws {
        let start = ContinuousClock.now
        self.active.increment()
        defer {
            self.active.decrement()
            self.duration.recordNanoseconds((ContinuousClock.now - start).clampedNanoseconds)
        }
        do {
            try await call()
            self.ended(200)
        } catch {
            self.ended(Self.code(of: error))
            throw error
        }
    }

    /// go-micro's code of an error; 499 of a call whose caller has left. Source: nginx, for want of another.
    private static func code(of error: any Error) -> Int32 {
        switch CallFailure.error(for: error) {
        case let error as MicroError: error.code.rawValue
        case is CancellationError: 499
        default: 500
        }
    }

    private func ended(_ code: Int32) {
        let counter = self.codes.value(code) { kept in
            Counter(
                label: self.label, dimensions: self.dimensions + [("code", kept == 0 ? "other" : "\(kept)")],
                factory: self.factory)
        }
        counter.increment()
    }
}

struct TopicMeters: Sendable {
    let duration: Timer
    let acknowledged: Counter
    let failed: Counter

    init(_ dimensions: [(String, String)], _ factory: any MetricsFactory) {
        self.duration = Timer(label: "martlet_message_duration", dimensions: dimensions, factory: factory)
        self.acknowledged = Counter(
            label: "martlet_messages", dimensions: dimensions + [("outcome", "acknowledged")], factory: factory)
        self.failed = Counter(
            label: "martlet_messages", dimensions: dimensions + [("outcome", "failed")], factory: factory)
    }
}

struct PublicationMeters: Sendable {
    let taken: Counter
    let failed: Counter

    init(_ dimensions: [(String, String)], _ factory: any MetricsFactory) {
        let label = "martlet_published_messages"
        self.taken = Counter(label: label, dimensions: dimensions + [("outcome", "taken")], factory: factory)
        self.failed = Counter(label: label, dimensions: dimensions + [("outcome", "failed")], factory: factory)
    }
}

extension Duration {
    var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        guard seconds < 9_000_000_000 else { return .max }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
