// SPDX-License-Identifier: Apache-2.0

public import CoreMetrics
public import Martlet

extension MicroClient.Configuration {
    /// Counts and times every call that a client makes, and every message that it publishes.
    ///
    /// | metric | dimensions | |
    /// |---|---|---|
    /// | `martlet_client_calls` | `service`, `endpoint`, `code` | ended calls, by go-micro's code; 200 is success |
    /// | `martlet_client_call_duration` | `service`, `endpoint` | how long they took, all attempts together |
    /// | `martlet_client_active_calls` | `service`, `endpoint` | calls under way |
    /// | `martlet_client_failed_attempts` | `service`, `endpoint` | attempts that failed, the last ones included |
    /// | `martlet_published_messages` | `topic`, `outcome` | messages by outcome: `taken` or `failed` |
    ///
    /// Calls to more than a thousand endpoints, and messages to more than a thousand topics, share the name `other`.
    ///
    /// - Parameter factory: Where metrics are made; `nil` is the one that is bootstrapped.
    public mutating func measure(with factory: (any MetricsFactory)? = nil) {
        let meters = CallMeters("martlet_client", countsAttempts: true, factory)
        self.intercept { context, next in
            let meter = meters.endpoint(context.service, context.endpoint)
            context.onFailedAttempt { _ in meter.failedAttempts?.increment() }
            try await meter.measured { try await next(context) }
        }
        self.interceptPublishing { context, next in
            let meter = meters.published(context.topic)
            do {
                try await next(context)
                meter.taken.increment()
            } catch {
                meter.failed.increment()
                throw error
            }
        }
    }
}
