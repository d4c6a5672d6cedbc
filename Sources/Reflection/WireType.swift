// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import SwiftProtobuf

/// How many bytes a value takes on the wire, as its tag says. Source: protobuf, encoding.
enum WireType: UInt64 {
    case varint = 0
    case eightBytes = 1
    case lengthDelimited = 2
    case startGroup = 3
    case endGroup = 4
    case fourBytes = 5

    init(_ kind: FieldShape.Kind) {
        self =
            switch kind {
            case .double, .fixed64, .sfixed64: .eightBytes
            case .float, .fixed32, .sfixed32: .fourBytes
            case .string, .bytes, .message: .lengthDelimited
            case .group: .startGroup
            case .int32, .int64, .uint32, .uint64, .sint32, .sint64, .bool, .enum: .varint
            }
    }

    func append(_ number: UInt64, to bytes: inout [UInt8]) { Varint.append(number << 3 | self.rawValue, to: &bytes) }
}
