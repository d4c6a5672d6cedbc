// SPDX-License-Identifier: Apache-2.0

/// What is done to processes, and to the network between them.
package enum FaultKind: String, CaseIterable, Sendable {
    // Processes
    case killLeader = "kill-leader"
    case killOne = "kill-one"
    case killAll = "kill-all"
    case freeze
    case roll
    case replace
    case fill
    // The network
    case isolate
    case split
    case oneWay = "one-way"
    case slow
    case cut

    package var isNetwork: Bool {
        switch self {
        case .killLeader, .killOne, .killAll, .freeze, .roll, .replace, .fill: false
        case .isolate, .split, .oneWay, .slow, .cut: true
        }
    }

    /// How often it comes, against the others.
    var weight: Int {
        switch self {
        case .killLeader: 6
        case .killOne: 4
        case .killAll: 1
        case .freeze: 4
        case .roll: 1
        case .replace: 2
        case .fill: 2
        case .isolate: 4
        case .split: 2
        case .oneWay: 3
        case .slow: 3
        case .cut: 2
        }
    }
}
