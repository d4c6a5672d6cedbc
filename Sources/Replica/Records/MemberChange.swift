// SPDX-License-Identifier: Apache-2.0

import MartletBasics
public import MartletRaft

/// The data of an entry that changes the members: etcd's `ConfChange` {ID = 1, kind = 2, member = 3, context = 4}, the
/// first three always written.
public struct MemberChange: Hashable, Sendable {
    public var id: UInt64
    public var kind: ConfigurationChange.Kind
    public var member: MemberID
    /// See `MemberContext`; empty in a removal.
    public var context: [UInt8]

    public init(_ kind: ConfigurationChange.Kind, _ member: MemberID, id: UInt64 = 0, context: [UInt8] = []) {
        self.kind = kind
        self.member = member
        self.id = id
        self.context = context
    }

    public var change: ConfigurationChange { ConfigurationChange(kind, member) }

    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(choice: 1, number: id)
        bytes.append(choice: 2, number: UInt64(kind.rawValue))
        bytes.append(choice: 3, number: member.rawValue)
        bytes.append(field: 4, bytes: context)
        return bytes
    }

    public init(_ bytes: [UInt8]) throws(RecordError) {
        self.init(.addVoter, MemberID(0))
        var reader = FieldReader(bytes)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: id = try value.number()
            case 2:
                let number = try value.number()
                guard let known = UInt8(exactly: number).flatMap(ConfigurationChange.Kind.init(rawValue:)) else {
                    throw .unknownRequest(number)
                }
                kind = known
            case 3: member = MemberID(try value.number())
            case 4: context = try reader.array(value)
            default: continue
            }
        }
        guard member.rawValue != 0 else { throw .malformed }
    }
}
