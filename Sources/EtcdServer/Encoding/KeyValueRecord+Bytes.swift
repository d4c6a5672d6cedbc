// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

// mvccpb.KeyValue {key = 1, create revision = 2, mod revision = 3, version = 4, value = 5, lease = 6}
extension KeyValueRecord {
    /// Bytes of a record in another message beside its key and value, at most: its numbers, and the tags and lengths.
    static let maximumFramingBytes = 1 + 10 + 2 * (1 + 10) + 4 * (1 + 10)

    var encodedSize: Int { withContent { Self.size($0, $1, $2) } }

    private static func size(_ numbers: Numbers, _ key: RawSpan, _ value: RawSpan) -> Int {
        ProtobufSize.field(byteCount: key.byteCount) + ProtobufSize.field(numbers.createRevision)
            + ProtobufSize.field(numbers.modRevision) + ProtobufSize.field(numbers.version)
            + ProtobufSize.field(byteCount: value.byteCount) + ProtobufSize.field(numbers.lease.rawValue)
    }

    /// As a field of another message.
    func encode(field: UInt64, into bytes: inout [UInt8]) {
        withContent { numbers, key, value in
            bytes.append(tag: field, 2)
            Varint.append(UInt64(Self.size(numbers, key, value)), to: &bytes)
            bytes.append(field: 1, span: key)
            bytes.append(field: 2, signed: numbers.createRevision)
            bytes.append(field: 3, signed: numbers.modRevision)
            bytes.append(field: 4, signed: numbers.version)
            bytes.append(field: 5, span: value)
            bytes.append(field: 6, signed: numbers.lease.rawValue)
        }
    }
}
