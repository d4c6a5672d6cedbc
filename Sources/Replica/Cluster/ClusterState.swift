// SPDX-License-Identifier: Apache-2.0

package import MartletRaft

/// What the log says of the cluster itself, at one index.
package struct ClusterState: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        package var id: MemberID
        package var isLearner = false
        package var peerURLs: [String] = []
        /// `nil` until the member has published itself.
        package var attributes: MemberAttributes?
    }

    /// Ascending.
    package internal(set) var members: [Member] = []
    /// Those who were members once, ascending.
    package internal(set) var removed: [MemberID] = []
    /// Empty until it was set.
    package internal(set) var version = ""
    package internal(set) var downgrade = DowngradeInfo()
    package internal(set) var alarms = AlarmTable()
    /// The highest stamp of the entries applied.
    package internal(set) var stamp: UInt64 = 0

    package init() {}

    package func member(_ id: MemberID) -> Member? { members.first { $0.id == id } }

    package var configuration: Configuration {
        Configuration(
            voters: members.filter { !$0.isLearner }.map(\.id), learners: members.filter(\.isLearner).map(\.id))
    }

    /// Without effect where the member is unknown: it may be removed by now.
    mutating func apply(_ attributes: MemberAttributes) {
        guard let place = members.firstIndex(where: { $0.id.rawValue == attributes.member }) else { return }
        members[place].attributes = attributes
    }
}

/// The alarms that are raised, in the order of kinds, then members.
///
/// Asked at every write whether it may be made, so the two questions are answered beforehand.
package struct AlarmTable: Hashable, Sendable {
    package private(set) var all: [Alarm] = []
    package private(set) var hasNoSpace = false
    package private(set) var hasCorrupt = false

    package init() {}

    /// - Parameter kind: `.none` asks for all.
    package func alarms(_ kind: Alarm.Kind) -> [Alarm] {
        kind == .none ? all : all.filter { $0.kind == kind }
    }

    package func contains(_ alarm: Alarm) -> Bool { all.contains(alarm) }

    /// What the request is answered with: those asked for, the alarm that is now raised, be it new or not, or the one
    /// that was lifted, if it was there. Source: etcd v3alarm `AlarmStore`.
    mutating func apply(_ request: AlarmRequest) -> [Alarm] {
        switch request.action {
        case .get: return alarms(request.alarm.kind)
        case .activate:
            if request.alarm.kind == .none { return [] }
            insert(request.alarm)
            return [request.alarm]
        case .deactivate:
            guard let place = all.firstIndex(of: request.alarm) else { return [] }
            all.remove(at: place)
            note()
            return [request.alarm]
        case .unrecognized: return []
        }
    }

    /// Without effect where it is raised already.
    mutating func insert(_ alarm: Alarm) {
        let place = all.firstIndex { ($0.kind.rawValue, $0.member) >= (alarm.kind.rawValue, alarm.member) }
        if let place, all[place] == alarm { return }
        all.insert(alarm, at: place ?? all.count)
        note()
    }

    private mutating func note() {
        hasNoSpace = all.contains { $0.kind == .noSpace }
        hasCorrupt = all.contains { $0.kind == .corrupt }
    }
}
