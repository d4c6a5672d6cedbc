// SPDX-License-Identifier: Apache-2.0

import MartletBasics

// Fields as protobuf 3 writes them: what is zero or empty is left out, but for members of a choice.
extension [UInt8] {
    mutating func append(tag field: UInt64, _ type: UInt64) {
        Varint.append(field << 3 | type, to: &self)
    }

    mutating func append(choice field: UInt64, number: UInt64) {
        append(tag: field, 0)
        Varint.append(number, to: &self)
    }

    mutating func append(choice field: UInt64, bytes: [UInt8]) {
        append(tag: field, 2)
        Varint.append(UInt64(bytes.count), to: &self)
        append(contentsOf: bytes)
    }

    mutating func append(field: UInt64, number: UInt64) {
        if number != 0 { append(choice: field, number: number) }
    }

    mutating func append(field: UInt64, signed: Int64) {
        append(field: field, number: UInt64(bitPattern: signed))
    }

    mutating func append(field: UInt64, flag: Bool) {
        if flag { append(choice: field, number: 1) }
    }

    mutating func append(field: UInt64, bytes: [UInt8]) {
        if !bytes.isEmpty { append(choice: field, bytes: bytes) }
    }
}
