// SPDX-License-Identifier: Apache-2.0

internal import CoreMetrics
internal import Martlet
internal import Synchronization

/// The meters of a service or of a client. They are made once for each endpoint, topic and code.
final class CallMeters: Sendable {
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
    private let endpoints = Mutex<[Endpoint: EndpointMeters]>([:])
    private let topics = Mutex<[Endpoint: TopicMeters]>([:])
    private let publications = Mutex<[String: PublicationMeters]>([:])

    /// - Parameters:
    ///   - prefix: What the names of metrics begin with.
    ///   - countsAttempts: Whether calls have attempts that may fail: a client's.
    ///   - factory: Where metrics are made; `nil` is the one that is bootstrapped.
    init(_ prefix: String, countsAttempts: Bool = false, _ factory: (any MetricsFactory)?) {
        self.prefix = prefix
        self.countsAttempts = countsAttempts
        self.factory = factory
    }

    private var maker: any MetricsFactory { self.factory ?? MetricsSystem.factory }

    func endpoint(_ service: String, _ name: String) -> EndpointMeters {
        let wanted = Endpoint(service: service, name: name)
        return self.endpoints.withLock { meters in
            if let known = meters[wanted] { return known }
            let isFull = meters.count >= Self.maximumNames
            let kept = isFull ? Endpoint(service: Self.other, name: Self.other) : wanted
            if let known = meters[kept] { return known }
            let dimensions = [("service", kept.service), ("endpoint", kept.name)]
            let made = EndpointMeters(
                self.prefix, countsAttempts: self.countsAttempts, dimensions, self.maker)
            meters[kept] = made
            return made
        }
    }

    func topic(_ service: String, _ name: String) -> TopicMeters {
        self.topics.withLock { meters in
            let key = Endpoint(service: service, name: name)
            if let known = meters[key] { return known }
            let made = TopicMeters([("service", service), ("topic", name)], self.maker)
            meters[key] = made
            return made
        }
    }

    func published(_ topic: String) -> PublicationMeters {
        self.publications.withLock { meters in
            let kept = meters[topic] == nil && meters.count >= Self.maximumNames ? Self.other : topic
            if let known = meters[kept] { return known }
            let made = PublicationMeters([("topic", kept)], self.maker)
            meters[kept] = made
            return made
        }
    }
}

final class EndpointMeters: Sendable {
    /// Codes that handlers make up share one counter beyond so many.
    private static let maximumCodes = 32

    /// Of a client only.
    let failedAttempts: Counter?
    private let duration: Timer
    private let active: Meter
    private let label: String
    private let dimensions: [(String, String)]
    private let factory: any MetricsFactory
    private let codes = Mutex<[Int32: Counter]>([:])

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
    func measured(_ call: () async throws -> Void) async throws {
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
        switch error {
        case let error as MicroError: error.code.rawValue
        case is CancellationError: 499
        default: 500
        }
    }

    private func ended(_ code: Int32) {
        let counter = self.codes.withLock { codes in
            let key = codes[code] != nil || codes.count < Self.maximumCodes ? code : 0
            if let known = codes[key] { return known }
            let made = Counter(
                label: self.label, dimensions: self.dimensions + [("code", key == 0 ? "other" : "\(key)")],
                factory: self.factory)
            codes[key] = made
            return made
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
