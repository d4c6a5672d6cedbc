// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// How probes were answered.
package struct ProbeCounts: Sendable {
    /// One check of /livez or /readyz.
    package struct Check: Hashable, Comparable, Sendable {
        /// `livez` or `readyz`.
        var endpoint: String
        var name: String

        package static func < (left: Check, right: Check) -> Bool {
            (left.endpoint, left.name) < (right.endpoint, right.name)
        }
    }

    struct Results: Sendable {
        var passed: UInt64 = 0
        var failed: UInt64 = 0
        var didPassLast = false
    }

    /// Answers of /health.
    var healthy: UInt64 = 0
    var unhealthy: UInt64 = 0
    var checks: [Check: Results] = [:]

    package init() {}

    mutating func note(_ check: Check, passed: Bool) {
        var results = checks[check] ?? Results()
        if passed { results.passed += 1 } else { results.failed += 1 }
        results.didPassLast = passed
        checks[check] = results
    }
}

/// Where probes are counted. They are rare, and answered on any thread.
package final class ProbeCounter: Sendable {
    private let state = Mutex(ProbeCounts())

    package init() {}

    package var counts: ProbeCounts { state.withLock { $0 } }

    func change(_ body: (inout ProbeCounts) -> Void) { state.withLock { body(&$0) } }
}
