// SPDX-License-Identifier: Apache-2.0

/// One entry of the bucket `alarm`.
package struct BackendAlarm: Hashable, Sendable {
    package var memberID: UInt64
    /// etcd's AlarmType: 1 NOSPACE, 2 CORRUPT.
    package var alarm: UInt64

    package init(memberID: UInt64, alarm: UInt64) {
        self.memberID = memberID
        self.alarm = alarm
    }

    var bucketKey: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(field: 1, Int64(bitPattern: memberID))
        bytes.append(field: 2, Int64(bitPattern: alarm))
        return bytes
    }

    init(_ entry: BucketEntry) throws(EtcdSnapshotError) {
        self.init(memberID: 0, alarm: 0)
        var fields = ProtobufFields(entry.key[...], in: .alarm)
        while let field = try fields.next() {
            guard case .varint(let number) = field.value else { continue }
            if field.number == 1 { memberID = number }
            if field.number == 2 { alarm = number }
        }
    }
}
