// SPDX-License-Identifier: Apache-2.0

public import MartletStreams

/// What a transaction over keys and streams asks of a stream, which is a key of database 0, before it decides.
///
/// A stream that isn't there has no entries and the last ID 0-0. Nothing is true of a group that isn't there, whatever
/// the relation, as nothing is true of the value of a missing key.
public struct StreamCompare: Hashable, Sendable {
    public enum Relation: Hashable, Sendable {
        case equal, greater, less, notEqual
    }

    public enum Target: Hashable, Sendable {
        case lastID(StreamID)
        case length(UInt64)
        /// Where a group stands: the ID that it was handed last.
        case position(group: [UInt8], StreamID)
        /// Whether an entry is pending to a consumer; only `equal` and `notEqual` have a meaning.
        case pending(group: [UInt8], consumer: [UInt8], StreamID)
    }

    public var stream: [UInt8]
    public var relation: Relation
    public var target: Target

    public init(_ target: Target, of stream: [UInt8], is relation: Relation = .equal) {
        self.stream = stream
        self.relation = relation
        self.target = target
    }

    /// Whether the relation has a meaning for what is compared.
    public var isMeaningful: Bool {
        guard case .pending = target else { return true }
        return relation == .equal || relation == .notEqual
    }

    private func holds<Value: Comparable>(_ present: Value, _ wanted: Value) -> Bool {
        switch relation {
        case .equal: present == wanted
        case .notEqual: present != wanted
        case .greater: present > wanted
        case .less: present < wanted
        }
    }

    fileprivate func holds(for stream: Stream?) -> Bool {
        switch target {
        case .lastID(let wanted): return holds(stream?.lastID ?? .zero, wanted)
        case .length(let wanted): return holds(UInt64(stream?.length ?? 0), wanted)
        case .position(let name, let wanted):
            guard let group = stream?.group(named: name) else { return false }
            return holds(group.lastDeliveredID, wanted)
        case .pending(let name, let consumer, let id):
            guard let group = stream?.group(named: name) else { return false }
            let holder = group.pendingEntry(id)?.consumer
            let isPending = holder.map { group.name(of: $0) == consumer } ?? false
            return isPending == (relation == .equal)
        }
    }
}

extension Keyspace {
    /// Whether a condition holds now. Needs no blocks.
    public func holds(_ compare: StreamCompare, now: Int64) throws(StreamRefusal) -> Bool {
        compare.holds(for: try stream(named: compare.stream, now: now).map { streams[$0] })
    }

    func stream(named name: [UInt8], now: Int64) throws(StreamRefusal) -> Int? {
        guard let place = place(name, in: StreamOperation.database, now: now) else { return nil }
        guard case .stream(let stream) = databases[StreamOperation.database][place].value else {
            throw .wrongType(name)
        }
        return stream
    }
}
