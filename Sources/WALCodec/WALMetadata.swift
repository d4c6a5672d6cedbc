// SPDX-License-Identifier: Apache-2.0

/// Whose log it is: protobuf {member = 1, cluster = 2}, both always written. Every segment bears the same.
///
/// Source: etcd etcdserverpb.Metadata
public struct WALMetadata: Hashable, Sendable {
    public var memberID: UInt64
    public var clusterID: UInt64

    public init(memberID: UInt64, clusterID: UInt64) {
        self.memberID = memberID
        self.clusterID = clusterID
    }

    public var encoded: [UInt8] {
        var bytes = LogBytes()
        bytes.append(field: 1, varint: memberID)
        bytes.append(field: 2, varint: clusterID)
        return bytes.array
    }

    /// Nil if the bytes are no metadata.
    public init?(_ bytes: [UInt8]) {
        var reader = ProtoReader(bytes, 0..<bytes.count)
        var fields: (member: UInt64?, cluster: UInt64?)
        do throws(ProtoReader.Malformed) {
            while let (number, value) = try reader.field() {
                switch number {
                case 1: fields.member = try value.number()
                case 2: fields.cluster = try value.number()
                default: return nil
                }
            }
        } catch { return nil }
        guard let member = fields.member, let cluster = fields.cluster else { return nil }
        self.init(memberID: member, clusterID: cluster)
    }
}
