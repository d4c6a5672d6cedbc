// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

/// What is left of a lease's term when its record is written, so that the next member that counts time down does not
/// begin anew. 0: the term is whole, for the lease was renewed.
///
/// Records hold several. Source: etcd `LeaseCheckpointRequest` {checkpoints = 1 {ID = 1, remaining TTL = 2}}.
public struct LeaseRemainder: Hashable, Sendable {
    public var lease: LeaseID
    public var seconds: Int64

    public init(_ lease: LeaseID, seconds: Int64) {
        self.lease = lease
        self.seconds = seconds
    }
}

extension LeaseRemainder {
    static func encode(_ remainders: [LeaseRemainder], into bytes: inout [UInt8]) {
        for remainder in remainders {
            var inner: [UInt8] = []
            inner.append(field: 1, signed: remainder.lease.rawValue)
            inner.append(field: 2, signed: remainder.seconds)
            bytes.append(choice: 1, bytes: inner)
        }
    }

    static func decode(_ bytes: [UInt8], _ range: Range<Int>) throws(RecordError) -> [LeaseRemainder] {
        var remainders: [LeaseRemainder] = []
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            if number == 1 { remainders.append(try LeaseRemainder(bytes, value.range())) }
        }
        return remainders
    }

    private init(_ bytes: [UInt8], _ range: Range<Int>) throws(RecordError) {
        self.init(.none, seconds: 0)
        var reader = FieldReader(bytes, range)
        while let (number, value) = try reader.field() {
            switch number {
            case 1: lease = LeaseID(try value.signed())
            case 2: seconds = try value.signed()
            default: continue
            }
        }
    }
}
