// SPDX-License-Identifier: Apache-2.0

public import MartletKeyValue

/// etcd's RangeRequest as a client sends it.
public struct RangeQuery: Hashable, Sendable {
    public let request: RangeRequest
    /// The client is content with what this member has now.
    public let isSerializable: Bool

    public init(wire bytes: [UInt8]) throws(RecordError) {
        request = try RequestDecoder(bytes).range(0..<bytes.count)
        var isSerializable = false
        var reader = FieldReader(bytes)
        while let (number, value) = try reader.field() {
            if number == 7 { isSerializable = try value.flag() }
        }
        self.isSerializable = isSerializable
    }
}
