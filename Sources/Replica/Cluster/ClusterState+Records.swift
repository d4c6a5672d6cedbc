// SPDX-License-Identifier: Apache-2.0

public import MartletBasics
import MartletRaft

// For who reads or makes a member's tables without a replica: snapshots.
extension ClusterState {
    /// Where the tables hold it.
    public static var record: TableKey { key }

    /// A cluster that has applied nothing but the changes that made its members, and raised these alarms.
    public init(founding members: [MemberContext], alarms raised: [Alarm] = []) {
        self.init()
        for member in members { apply(MemberChange(.addVoter, member.member), member) }
        for alarm in raised { alarms.insert(alarm) }
    }

    /// `nil` if the bytes are not in the record's form.
    public init?(record bytes: RawSpan) {
        self.init(decoding: bytes)
    }

    public func add(to batch: inout TableBatch) {
        batch.put(Self.key) { encode(into: &$0) }
    }
}
