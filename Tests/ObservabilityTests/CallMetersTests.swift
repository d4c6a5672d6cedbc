// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import MartletObservability
import MetricsTestKit
import Synchronization
import Testing

@Suite struct CallMetersTests {
    /// A factory that comes back for meters while it makes one: a lock held around it would never be had.
    private final class CuriousFactory: MetricsFactory {
        let inner = TestMetrics()
        let ask = Mutex<(@Sendable () -> Void)?>(nil)

        private func look() {
            let ask = self.ask.withLock { ask in
                // Once: what it asks for is made here, too.
                defer { ask = nil }
                return ask
            }
            ask?()
        }

        func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
            self.look()
            return self.inner.makeCounter(label: label, dimensions: dimensions)
        }

        func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
            self.look()
            return self.inner.makeMeter(label: label, dimensions: dimensions)
        }

        func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
            self.inner.makeRecorder(label: label, dimensions: dimensions, aggregate: aggregate)
        }

        func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
            self.look()
            return self.inner.makeTimer(label: label, dimensions: dimensions)
        }

        func destroyCounter(_ handler: any CounterHandler) {}
        func destroyMeter(_ handler: any MeterHandler) {}
        func destroyRecorder(_ handler: any RecorderHandler) {}
        func destroyTimer(_ handler: any TimerHandler) {}
    }

    @Test func nothingIsMadeUnderALock() async throws {
        let factory = CuriousFactory()
        let meters = CallMeters("test", factory)
        let asked = Mutex(0)
        // The same one, another one, and of the same one a code.
        factory.ask.withLock {
            $0 = {
                _ = meters.endpoint("s", "A.B")
                _ = meters.endpoint("s", "C.D")
                asked.withLock { $0 += 1 }
            }
        }
        let first = meters.endpoint("s", "A.B")
        #expect(asked.withLock { $0 } == 1)
        // Whoever was first is everybody's.
        #expect(meters.endpoint("s", "A.B") === first)
        #expect(meters.endpoint("s", "C.D") !== first)
        factory.ask.withLock { $0 = { asked.withLock { $0 += 1 } } }
        try await first.measured {}
        #expect(asked.withLock { $0 } == 2)
        let counted = try factory.inner.expectCounter(
            "test_calls", [("service", "s"), ("endpoint", "A.B"), ("code", "200")])
        #expect(counted.values == [1])
    }

    @Test func namesBeyondTheLimitShareOne() throws {
        let metrics = TestMetrics()
        let meters = CallMeters("test", metrics)
        let first = meters.endpoint("s", "E.0")
        for number in 0..<1000 { _ = meters.endpoint("s", "E.\(number)") }
        let beyond = meters.endpoint("s", "E.1000")
        #expect(meters.endpoint("t", "E.1001") === beyond)
        #expect(meters.endpoint("s", "E.0") === first && first !== beyond)
        _ = try metrics.expectTimer("test_call_duration", [("service", "other"), ("endpoint", "other")])
    }
}
