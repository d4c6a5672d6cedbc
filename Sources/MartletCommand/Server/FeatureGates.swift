// SPDX-License-Identifier: Apache-2.0

/// The value of `--feature-gates`: names of features, each with a boolean.
enum FeatureGates {
    /// Those of etcd 3.6 and 3.7. Source: etcd server/features.
    private static let names: Set<String> = [
        "AllAlpha", "AllBeta", "CompactHashCheck", "FastLeaseKeepAlive", "InitialCorruptCheck", "LeaseCheckpoint",
        "LeaseCheckpointPersist", "PriorityRequest", "SetMemberLocalAddr", "StopGRPCServiceOnDefrag",
        "TxnModeWriteWithSharedBuffer",
    ]

    /// What is wrong with a value; nil for one that fits.
    static func fault(_ text: String) -> String? {
        for item in text.split(separator: ",") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = parts[0].trimmed
            guard parts.count == 2 else { return "missing bool value for \(name)" }
            let value = parts[1].trimmed
            guard FlagValue.boolean(value) != nil else {
                return "invalid value of \(name)=\(value), err: "
                    + "strconv.ParseBool: parsing \(value.goQuoted): invalid syntax"
            }
            guard names.contains(name) else { return "unrecognized feature gate: \(name)" }
        }
        return nil
    }

    /// What this server always does, whatever is said: a lease's remaining time is kept. Source: etcd lease
    /// `checkpointScheduledLeases`.
    private static let alwaysOn: Set<String> = ["LeaseCheckpoint", "LeaseCheckpointPersist"]
    /// Those that are followed.
    static let compactHashCheck = "CompactHashCheck"
    static let initialCorruptCheck = "InitialCorruptCheck"
    private static let followed: Set<String> = [compactHashCheck, initialCorruptCheck]
    /// Those that change how etcd does something, not what clients see.
    private static let internals: Set<String> = [
        "FastLeaseKeepAlive", "PriorityRequest", "TxnModeWriteWithSharedBuffer",
    ]

    /// The settings that this server doesn't follow, as they were written.
    static func withoutEffect(in text: String) -> [String] {
        text.split(separator: ",").compactMap { item in
            let parts = item.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = FlagValue.boolean(parts[1].trimmed) else { return nil }
            let name = parts[0].trimmed
            let isMet = internals.contains(name) || followed.contains(name) || value == alwaysOn.contains(name)
            return isMet ? nil : item.trimmed
        }
    }

    /// Whether a feature is named and switched on.
    static func isEnabled(_ name: String, in text: String) -> Bool {
        text.split(separator: ",").contains { item in
            let parts = item.split(separator: "=", maxSplits: 1)
            return parts.count == 2 && parts[0].trimmed == name && FlagValue.boolean(parts[1].trimmed) == true
        }
    }
}
