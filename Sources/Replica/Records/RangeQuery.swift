// SPDX-License-Identifier: Apache-2.0

package import MartletKeyValue

/// etcd's RangeRequest as a client sends it.
package struct RangeQuery: Hashable, Sendable {
    package let request: RangeRequest
    /// The client is content with what this member has now.
    package let isSerializable: Bool

    package init(wire bytes: [UInt8]) throws(RecordError) {
        request = try RequestDecoder(bytes).range(0..<bytes.count)
        var isSerializable = false
        var reader = FieldReader(bytes)
        while let (number, value) = try reader.field() {
            if number == 7 { isSerializable = try value.flag() }
        }
        self.isSerializable = isSerializable
    }
}
