// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace

extension Replica {
    /// Whether commands that may make the keyspace grow are refused.
    ///
    /// Records are counted at their size until they reach the quota; then the keyspace is measured, which takes a
    /// while, so that it is done once a second at most.
    mutating func isKeyspaceFull(at moment: Moment) -> Bool {
        guard let quota = configuration.keyspaceQuotaBytes, keyspaceProgress.measuredBytes >= quota else {
            return false
        }
        if moment.monotonic >= keyspaceProgress.nextMeasure {
            keyspaceProgress.measuredBytes = keyspace.memoryBytes()
            keyspaceProgress.nextMeasure = moment.monotonic + .seconds(1)
        }
        return keyspaceProgress.measuredBytes >= quota
    }

    /// Source: Redis.
    static let fullText: StaticString = "OOM command not allowed when used memory > 'maxmemory'."
}

extension CommandEntry {
    var mayGrow: Bool { flags.contains(.denyOOM) }
}
