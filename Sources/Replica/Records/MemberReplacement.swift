// SPDX-License-Identifier: Apache-2.0

import MartletBasics
public import MartletRaft

/// The data of an entry that enters or leaves a joint configuration: etcd's `ConfChangeV2` {transition = 1, changes =
/// 2 {kind = 1, member = 2}}, the transition always written. There is one such change: a voter makes room for a
/// learner.
public enum MemberReplacement: Hashable, Sendable {
    case begin(old: MemberID, new: MemberID)
    /// As Raft proposes it by itself.
    case end

    public var change: JointChange {
        switch self {
        case .begin(let old, let new):
            .enter([ConfigurationChange(.addVoter, new), ConfigurationChange(.remove, old)])
        case .end: .leave
        }
    }

    public func encoded() -> [UInt8] {
        guard case .enter(let changes) = change else { return JointChange.leavingData }
        var bytes: [UInt8] = []
        // It is left without being asked to.
        bytes.append(choice: 1, number: 0)
        for change in changes {
            bytes.append(choice: 2) { bytes in
                bytes.append(choice: 1, number: UInt64(change.kind.rawValue))
                bytes.append(choice: 2, number: change.member.rawValue)
            }
        }
        return bytes
    }

    public init(_ bytes: [UInt8]) throws(RecordError) {
        var changes: [ConfigurationChange] = []
        var reader = FieldReader(bytes)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: if try value.number() != 0 { throw .malformed }
            case 2: changes.append(try Self.change(bytes, value.range()))
            default: continue
            }
        }
        if changes.isEmpty {
            self = .end
            return
        }
        guard changes.map(\.kind) == [.addVoter, .remove], changes[0].member != changes[1].member,
            changes.allSatisfy({ $0.member.rawValue != 0 })
        else { throw .malformed }
        self = .begin(old: changes[1].member, new: changes[0].member)
    }

    private static func change(_ bytes: [UInt8], _ range: Range<Int>) throws(RecordError) -> ConfigurationChange {
        var change = ConfigurationChange(.addVoter, MemberID(0))
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1:
                let number = try value.number()
                guard let known = UInt8(exactly: number).flatMap(ConfigurationChange.Kind.init(rawValue:)) else {
                    throw .unknownRequest(number)
                }
                change.kind = known
            case 2: change.member = MemberID(try value.number())
            default: continue
            }
        }
        return change
    }
}
