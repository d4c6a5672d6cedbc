// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
public import Martlet

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
    /// What the service's own client calls and publishes is counted, too; see
    /// ``Martlet/MicroClient/Configuration/measure(with:)``.
    ///
    /// - Parameter factory: Where metrics are made; `nil` is the one that is bootstrapped.
    public mutating func measure(with factory: (any MetricsFactory)? = nil) {
        let name = self.name
        let meters = CallMeters("martlet_server", factory)
        self.configuration.client.measure(with: factory)
        self.intercept { context, next in
            try await meters.endpoint(name, context.endpoint).measured { try await next(context) }
        }
        self.interceptSubscribers { context, next in
            let meter = meters.topic(name, context.topic)
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
}
