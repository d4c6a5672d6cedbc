// SPDX-License-Identifier: Apache-2.0

/// What a removal does about groups that may still need an entry.
public enum ReferencePolicy: Hashable, Sendable, CaseIterable {
    /// Pending entries stay pending, without content.
    case keep
    /// They leave the lists of all groups.
    case delete
    /// Only entries that every group has passed and that none has pending are removed.
    case acknowledged
}

/// What became of an entry that was to be deleted.
public enum DeleteOutcome: Hashable, Sendable {
    /// Not there; or, for a group's acknowledgement, not pending.
    case notFound
    case deleted
    /// Still needed by a group.
    case kept
}

extension Stream {
    mutating func removeReferences(to ids: [StreamID]) {
        for place in groups.takenPlaces where groups.withValue(at: place, { $0.pendingCount }) > 0 {
            _ = groups[row: place].value.acknowledge(ids)
        }
    }

    /// Deletes entries by name; answers how many there were.
    public mutating func delete(_ ids: [StreamID]) -> Int {
        var count = 0
        for id in ids where remove(id) { count += 1 }
        return count
    }

    /// Deletes entries by name, with regard to groups. One outcome for each ID.
    public mutating func delete(_ ids: [StreamID], _ policy: ReferencePolicy) -> [DeleteOutcome] {
        ids.map { id in
            guard log.contains(id) else {
                if policy == .delete { removeReferences(to: [id]) }
                return .notFound
            }
            return delete(existing: id, policy)
        }
    }

    private mutating func delete(existing id: StreamID, _ policy: ReferencePolicy) -> DeleteOutcome {
        if policy == .acknowledged, groups.need(id, prioritized) { return .kept }
        _ = remove(id)
        if policy == .delete { removeReferences(to: [id]) }
        return .deleted
    }

    /// Takes entries off a group's list and deletes them, with regard to other groups. One outcome for each ID;
    /// `notFound` for all where there is no such group.
    public mutating func acknowledgeAndDelete(
        _ ids: [StreamID], group name: [UInt8], _ policy: ReferencePolicy
    ) -> [DeleteOutcome] {
        guard let place = groups.place(of: name) else { return ids.map { _ in .notFound } }
        return ids.map { id in
            guard groups[row: place].value.removePending(id) != nil else { return .notFound }
            guard log.contains(id) else {
                if policy == .delete { removeReferences(to: [id]) }
                return .deleted
            }
            return delete(existing: id, policy)
        }
    }
}

extension NameTable<ConsumerGroup> {
    /// Whether a group has not passed the entry yet, or has it pending. Complexity: O(groups · log n).
    func need(_ id: StreamID, _ prioritized: PriorityIndex) -> Bool {
        contains { !$0.hasPassed(id, prioritized) || $0.isPending(id) }
    }
}
