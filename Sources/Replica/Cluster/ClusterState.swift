// SPDX-License-Identifier: Apache-2.0

import MartletKeyspace
public import MartletRaft

/// What the log says of the cluster itself, at one index.
public struct ClusterState: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        public var id: MemberID
        public var isLearner = false
        public var peerURLs: [String] = []
        /// `nil` until the member has published itself.
        public var attributes: MemberAttributes?
    }

    /// Ascending.
    public internal(set) var members: [Member] = [] {
        didSet { noteReaders() }
    }
    /// Whether every member reads the latest form of records: known beforehand, as it is asked at every command.
    private(set) var allReadLatest = true
    /// Members that vote as long as a joint configuration lasts, the one for the voters it leaves, the other for those
    /// to come.
    public struct Replacement: Hashable, Sendable {
        public var old: MemberID
        public var new: MemberID
    }

    /// Under way: both are among the members, as voters.
    public internal(set) var replacement: Replacement?
    /// Those who were members once, ascending.
    public internal(set) var removed: [MemberID] = []
    /// Empty until it was set.
    public internal(set) var version = ""
    public internal(set) var downgrade = DowngradeInfo()
    public internal(set) var alarms = AlarmTable()
    /// The highest stamp of the entries applied.
    public internal(set) var stamp: UInt64 = 0

    public init() {}

    /// Called where members change; an initializer that sets them calls it itself, as observers see nothing of that.
    mutating func noteReaders() { allReadLatest = members.allSatisfy { $0.reads(.latest) } }

    public func member(_ id: MemberID) -> Member? { members.first { $0.id == id } }

    public var configuration: Configuration {
        let voters = members.filter { !$0.isLearner }.map(\.id)
        let learners = members.filter(\.isLearner).map(\.id)
        guard let replacement else { return Configuration(voters: voters, learners: learners) }
        return Configuration(
            voters: voters.filter { $0 != replacement.old }, learners: learners,
            outgoing: voters.filter { $0 != replacement.new })
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
public struct AlarmTable: Hashable, Sendable {
    public private(set) var all: [Alarm] = []
    public private(set) var hasNoSpace = false
    public private(set) var hasCorrupt = false

    public init() {}

    /// - Parameter kind: `.none` asks for all.
    public func alarms(_ kind: Alarm.Kind) -> [Alarm] {
        kind == .none ? all : all.filter { $0.kind == kind }
    }

    public func contains(_ alarm: Alarm) -> Bool { all.contains(alarm) }

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
