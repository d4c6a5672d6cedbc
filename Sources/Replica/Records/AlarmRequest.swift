// SPDX-License-Identifier: Apache-2.0

import MartletBasics
public import MartletRaft

/// A state of emergency that one member is in. It stands in the log and in the checkpoint until somebody lifts it.
public struct Alarm: Hashable, Sendable {
    /// The wire's number. Those that the protocol does not name are kept and refuse nothing.
    public struct Kind: RawRepresentable, Hashable, Sendable {
        public var rawValue: Int32

        public init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        /// In a question: all kinds.
        public static let none = Kind(rawValue: 0)
        /// The quota, or the disk, is used up.
        public static let noSpace = Kind(rawValue: 1)
        /// Members differ in what they hold.
        public static let corrupt = Kind(rawValue: 2)
    }

    public var member: MemberID
    public var kind: Kind

    public init(_ kind: Kind, of member: MemberID) {
        self.kind = kind
        self.member = member
    }
}

/// Source: etcd `AlarmRequest` {action = 1, member = 2, alarm = 3}.
public struct AlarmRequest: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        /// Whatever member is named: the alarms of all.
        case get
        case activate
        case deactivate
        /// A number that the protocol does not name: does nothing.
        case unrecognized
    }

    public var action: Action
    public var alarm: Alarm

    public init(_ action: Action, _ kind: Alarm.Kind = .none, of member: MemberID = MemberID(0)) {
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
