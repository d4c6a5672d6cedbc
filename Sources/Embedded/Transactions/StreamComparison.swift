// SPDX-License-Identifier: Apache-2.0

internal import Foundation
internal import MartletEtcdAPI

/// A condition of a transaction on a stream. One that doesn't exist has no entries and the last ID 0-0; of a group that
/// doesn't exist nothing is true.
public struct StreamComparison: Sendable {
    let wire: Martlet_V1_StreamCompare

    private init(
        _ stream: String, _ relation: EtcdComparison.Relation, _ fill: (inout Martlet_V1_StreamCompare) -> Void
    ) {
        var wire = Martlet_V1_StreamCompare()
        wire.stream = Data(stream.utf8)
        wire.relation =
            switch relation {
            case .equal: .equal
            case .notEqual: .notEqual
            case .greater: .greater
            case .less: .less
            }
        fill(&wire)
        self.wire = wire
    }

    /// The greatest ID that an entry had.
    public static func lastID(
        of stream: String, _ relation: EtcdComparison.Relation, _ id: RedisStreamID
    ) -> StreamComparison {
        StreamComparison(stream, relation) { $0.lastID = id.wire }
    }

    /// How many entries there are.
    public static func length(
        of stream: String, _ relation: EtcdComparison.Relation, _ length: Int
    ) -> StreamComparison {
        StreamComparison(stream, relation) { $0.length = UInt64(max(length, 0)) }
    }

    /// Where a group stands: the ID that it was handed last.
    public static func position(
        of group: String, in stream: String, _ relation: EtcdComparison.Relation, _ id: RedisStreamID
    ) -> StreamComparison {
        StreamComparison(stream, relation) {
            var position = Martlet_V1_StreamCompare.Position()
            position.group = Data(group.utf8)
            position.id = id.wire
            $0.position = position
        }
    }

    /// An entry is pending to a consumer.
    public static func isPending(
        _ id: RedisStreamID, of stream: String, group: String, consumer: String
    ) -> StreamComparison {
        StreamComparison(stream, .equal) { $0.pending = pending(id, group, consumer) }
    }

    /// An entry of a group that exists is pending to nobody or to another consumer.
    public static func isNotPending(
        _ id: RedisStreamID, of stream: String, group: String, consumer: String
    ) -> StreamComparison {
        StreamComparison(stream, .notEqual) { $0.pending = pending(id, group, consumer) }
    }

    private static func pending(
        _ id: RedisStreamID, _ group: String, _ consumer: String
    ) -> Martlet_V1_StreamCompare.Pending {
        var pending = Martlet_V1_StreamCompare.Pending()
        pending.group = Data(group.utf8)
        pending.consumer = Data(consumer.utf8)
        pending.id = id.wire
        return pending
    }
}
