// SPDX-License-Identifier: Apache-2.0

import MartletBasics
package import MartletRaft

/// A state of emergency that one member is in. It stands in the log and in the checkpoint until somebody lifts it.
package struct Alarm: Hashable, Sendable {
    /// The wire's number. Those that the protocol does not name are kept and refuse nothing.
    package struct Kind: RawRepresentable, Hashable, Sendable {
        package var rawValue: Int32

        package init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        /// In a question: all kinds.
        package static let none = Kind(rawValue: 0)
        /// The quota, or the disk, is used up.
        package static let noSpace = Kind(rawValue: 1)
        /// Members differ in what they hold.
        package static let corrupt = Kind(rawValue: 2)
    }

    package var member: MemberID
    package var kind: Kind

    package init(_ kind: Kind, of member: MemberID) {
        self.kind = kind
        self.member = member
    }
}

/// Source: etcd `AlarmRequest` {action = 1, member = 2, alarm = 3}.
package struct AlarmRequest: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        /// Whatever member is named: the alarms of all.
        case get
        case activate
        case deactivate
        /// A number that the protocol does not name: does nothing.
        case unrecognized
    }

    package var action: Action
    package var alarm: Alarm

    package init(_ action: Action, _ kind: Alarm.Kind = .none, of member: MemberID = MemberID(0)) {
        self.action = action
        alarm = Alarm(kind, of: member)
    }
}

extension AlarmRequest {
    func encode(into bytes: inout [UInt8]) {
        switch action {
        case .get: break
        case .activate: bytes.append(field: 1, number: 1)
        case .deactivate: bytes.append(field: 1, number: 2)
        case .unrecognized: bytes.append(field: 1, number: 3)
        }
        bytes.append(field: 2, number: alarm.member.rawValue)
        // A negative number takes ten bytes, as the wire format has it.
        bytes.append(field: 3, signed: Int64(alarm.kind.rawValue))
    }

    init(_ bytes: [UInt8], _ range: Range<Int>) throws(RecordError) {
        self.init(.get)
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1:
                switch Int32(truncatingIfNeeded: try value.number()) {
                case 0: action = .get
                case 1: action = .activate
                case 2: action = .deactivate
                default: action = .unrecognized
                }
            case 2: alarm.member = MemberID(try value.number())
            case 3: alarm.kind = .init(rawValue: Int32(truncatingIfNeeded: try value.number()))
            default: continue
            }
        }
    }
}
