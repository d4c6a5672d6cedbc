// SPDX-License-Identifier: Apache-2.0

package import MartletKeyValue
package import MartletRaft

/// What members hold, by their hashes of one revision: which of them differ.
///
/// Members apply one log, so that those which have compacted to the same revision must have the same hash; others can't
/// be compared. What more than half of the members hold is right. Source: etcd `corruptionChecker`.
package struct HashComparison {
    private let memberCount: Int
    private let own: KeyValueHash
    private var hashes: [(member: MemberID, value: UInt32)]

    package init(_ own: KeyValueHash, of member: MemberID, memberCount: Int) {
        self.memberCount = memberCount
        self.own = own
        hashes = [(member, own.value)]
    }

    /// - Returns: Whether it can be compared.
    @discardableResult
    package mutating func add(_ hash: KeyValueHash, of member: MemberID) -> Bool {
        guard hash.revision == own.revision, hash.compactRevision == own.compactRevision else { return false }
        hashes.append((member, hash.value))
        return true
    }

    /// Those who hold something else than this member does.
    package var unlikeOwn: [MemberID] { hashes.filter { $0.value != own.value }.map(\.member) }

    /// Those who are wrong, in the order in which they were added; member 0, which stands for all, where no more than
    /// half of the members agree.
    package var wrong: [MemberID] {
        guard !unlikeOwn.isEmpty else { return [] }
        let right = hashes.first { candidate in
            hashes.count { $0.value == candidate.value } > memberCount / 2
        }
        guard let right else { return [MemberID(0)] }
        return hashes.filter { $0.value != right.value }.map(\.member)
    }
}
