// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

// mvccpb.KeyValue {key = 1, create revision = 2, mod revision = 3, version = 4, value = 5, lease = 6}
extension KeyValueRecord {
    var encodedSize: Int {
        ProtobufSize.field(byteCount: keySlice.count) + ProtobufSize.field(createRevision)
            + ProtobufSize.field(modRevision) + ProtobufSize.field(version)
            + ProtobufSize.field(byteCount: valueSlice.count) + ProtobufSize.field(lease.rawValue)
    }

    func encode(into bytes: inout [UInt8]) {
        bytes.append(field: 1, slice: keySlice)
        bytes.append(field: 2, signed: createRevision)
        bytes.append(field: 3, signed: modRevision)
        bytes.append(field: 4, signed: version)
        bytes.append(field: 5, slice: valueSlice)
        bytes.append(field: 6, signed: lease.rawValue)
    }

    /// As a field of another message.
    func encode(field: UInt64, into bytes: inout [UInt8]) {
        bytes.append(tag: field, 2)
        Varint.append(UInt64(encodedSize), to: &bytes)
        encode(into: &bytes)
    }
}
