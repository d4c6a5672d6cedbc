// SPDX-License-Identifier: Apache-2.0

import MartletBasics

/// Why a request was not taken. Nothing of it has happened; asking again is safe.
public enum RequestError: Error, Equatable, Sendable {
    case noLeader
    /// Leadership is being handed over.
    case transferring
    /// Too much is proposed but not committed.
    case tooMuchUncommitted
    /// One change of the configuration at a time, and none while it is joint or before this leader has committed in its
    /// term.
    case configurationChangePending
    case tooManyReads
}

/// Where a request went.
public enum ProposalOutcome: Equatable, Sendable {
    /// The entries follow each other from this one. They are committed if entries of this term come out with these
    /// indices, and lost if entries of another term do.
    case appended(EntryID)
    /// They are on their way to the leader, and may be lost without notice.
    case forwarded
}

extension RaftNode {
    /// Asks for `proposals` to become entries, all or none. Their bytes are shared, not copied.
    ///
    /// What is proposed before the next `takeOrders` goes out together.
    public mutating func propose(_ proposals: [Proposal]) throws(RequestError) -> ProposalOutcome {
        guard role == .leader else {
            guard let leader else { throw .noLeader }
            send(.proposal(proposals), to: leader)
            return .forwarded
        }
        guard transferTarget == nil else { throw .transferring }
        var bytes = 0
        var changes = 0
        var lastChange = 0
        for (offset, proposal) in proposals.enumerated() {
            bytes += proposal.data.count
            guard proposal.kind.changesConfiguration else { continue }
            changes += 1
            lastChange = offset
        }
        if changes > 0, changes > 1 || isConfigurationChanging {
            throw .configurationChangePending
        }
        if uncommittedBytes > 0, uncommittedBytes + bytes > settings.limits.uncommittedBytesMax {
            throw .tooMuchUncommitted
        }
        uncommittedBytes += bytes
        let first = log.last + 1
        if changes > 0 { pendingConfigurationIndex = first + lastChange }
        log.append(proposals, term: term)
        return .appended(EntryID(index: first, term: term))
    }

    /// Whether a change of the configuration would be taken now.
    public var mayChangeMembers: Bool {
        role == .leader && transferTarget == nil && !isConfigurationChanging
    }

    private var isConfigurationChanging: Bool {
        pendingConfigurationIndex > log.applied || configuration.isJoint
    }

    /// The asker learns of a refusal as of any loss: by its own time limit.
    mutating func takeForwarded(_ proposals: [Proposal]) {
        guard role == .leader, (try? propose(proposals)) != nil else {
            counters.unserved += 1
            return
        }
    }
}
