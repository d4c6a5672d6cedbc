// SPDX-License-Identifier: Apache-2.0

/// What probes are told of a member.
package struct MemberHealth: Sendable {
    package enum Alarm: String, Sendable {
        case noSpace = "NOSPACE"
        case corrupt = "CORRUPT"
    }

    /// The alarms that are raised, any member's.
    package var alarms: [Alarm] = []
    package var hasLeader = true
    package var isLearner = false
    /// Why a read of the member's own data fails; nil where it works.
    package var serializableReadFault: String?
    /// Why a read that asks the cluster fails; nil where it works.
    package var linearizableReadFault: String?

    package init() {}
}
