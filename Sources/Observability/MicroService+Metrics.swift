// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
public import Martlet
internal import Synchronization

extension MicroService {
    /// Counts and times every call, and every message that a subscriber handles.
    ///
    /// | metric | dimensions | |
    /// |---|---|---|
    /// | `martlet_server_calls` | `service`, `endpoint`, `code` | ended calls, by go-micro's code; 200 is success |
    /// | `martlet_server_call_duration` | `service`, `endpoint` | how long they took |
    /// | `martlet_server_active_calls` | `service`, `endpoint` | calls under way |
    /// | `martlet_messages` | `service`, `topic`, `outcome` | messages by outcome: `acknowledged` or `failed` |
    /// | `martlet_message_duration` | `service`, `topic` | how long they took |
    ///
    /// - Parameter factory: Where metrics are made; `nil` is the one that is bootstrapped.
    public mutating func measure(with factory: (any MetricsFactory)? = nil) {
        let name = self.name
        let meters = ServiceMeters(service: name, factory: factory)
        self.intercept { context, next in
            let meter = meters.endpoint(context.endpoint)
            let start = ContinuousClock.now
            meter.active.increment()
            defer {
                meter.active.decrement()
                meter.duration.recordNanoseconds((ContinuousClock.now - start).clampedNanoseconds)
            }
            do {
                try await next(context)
                meter.ended(200)
            } catch {
                meter.ended(Self.code(of: error))
                throw error
            }
        }
        self.interceptSubscribers { context, next in
            let meter = meters.topic(context.topic)
            let start = ContinuousClock.now
            defer { meter.duration.recordNanoseconds((ContinuousClock.now - start).clampedNanoseconds) }
            do {
                try await next(context)
                meter.acknowledged.increment()
            } catch {
                meter.failed.increment()
                throw error
            }
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
}

/// The meters of one service. They are made once for each endpoint, topic and code: their names are the service's own,
/// so their number is bounded by what its code declares.
private final class ServiceMeters: Sendable {
    private let service: String
    private let factory: (any MetricsFactory)?
    private let endpoints = Mutex<[String: EndpointMeters]>([:])
    private let topics = Mutex<[String: TopicMeters]>([:])

    init(service: String, factory: (any MetricsFactory)?) {
        self.service = service
        self.factory = factory
    }

    func endpoint(_ name: String) -> EndpointMeters {
        self.endpoints.withLock { meters in
            if let known = meters[name] { return known }
            let made = EndpointMeters(
                [("service", self.service), ("endpoint", name)], self.factory ?? MetricsSystem.factory)
            meters[name] = made
            return made
        }
    }

    func topic(_ name: String) -> TopicMeters {
        self.topics.withLock { meters in
            if let known = meters[name] { return known }
            let made = TopicMeters([("service", self.service), ("topic", name)], self.factory ?? MetricsSystem.factory)
            meters[name] = made
            return made
        }
    }
}

private final class EndpointMeters: Sendable {
    /// Codes that handlers make up share one counter beyond so many.
    private static let maximumCodes = 32

    let duration: Timer
    let active: Meter
    private let dimensions: [(String, String)]
    private let factory: any MetricsFactory
    private let codes = Mutex<[Int32: Counter]>([:])

    init(_ dimensions: [(String, String)], _ factory: any MetricsFactory) {
        self.dimensions = dimensions
        self.factory = factory
        self.duration = Timer(label: "martlet_server_call_duration", dimensions: dimensions, factory: factory)
        self.active = Meter(label: "martlet_server_active_calls", dimensions: dimensions, factory: factory)
    }

    func ended(_ code: Int32) {
        let counter = self.codes.withLock { codes in
            let key = codes[code] != nil || codes.count < Self.maximumCodes ? code : 0
            if let known = codes[key] { return known }
            let made = Counter(
                label: "martlet_server_calls", dimensions: self.dimensions + [("code", key == 0 ? "other" : "\(key)")],
                factory: self.factory)
            codes[key] = made
            return made
        }
        counter.increment()
    }
}

private struct TopicMeters: Sendable {
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

extension Duration {
    fileprivate var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        guard seconds < 9_000_000_000 else { return .max }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}
