// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension RaftNode {
    /// A committed entry that changes the configuration is being applied: from here on this member counts by the new
    /// one. Called once for each such entry, in order, before it is reported applied. While a newer state waits to be
    /// installed nothing happens: its configuration counts already.
    ///
    /// A leader that is no longer a voter steps down.
    ///
    /// - Returns: the new configuration, to be kept with the applied state.
    /// Source: Raft thesis §4.1, §4.2.2; etcd applies, rather than appends, a change before it counts.
    @discardableResult
    public mutating func apply(_ change: ConfigurationChange) -> Configuration {
        count { $0.apply(change) }
    }

    /// The same of an entry that enters a joint configuration or leaves it. Source: Raft §6; thesis §4.3.
    @discardableResult
    public mutating func apply(_ change: JointChange) -> Configuration {
        count { $0.apply(change) }
    }

    private mutating func count(_ change: (inout Configuration) -> Void) -> Configuration {
        // It was handed out before a state that is newer than it.
        guard !isInstalling else { return configuration }
        let old = configuration
        change(&configuration)
        guard configuration != old else { return configuration }
        rebuildPeers()
        guard role == .leader else { return configuration }
        guard configuration.isVoter(id) else {
            // The others must learn that its removal is committed, for it may be shut down now.
            sendAppends()
            becomeFollower(term: term, leader: nil)
            return configuration
        }
        if let target = transferTarget, !configuration.staysVoter(target) { transferTarget = nil }
        // Fewer voters may agree on more.
        advanceCommit()
        releaseReads()
        return configuration
    }

    /// Whether a joint configuration is to be left: what led into it is applied here, and committed with that, and
    /// nobody is about to take over. A leader that finds itself in one waits for its own first entry.
    var isLeavingDue: Bool {
        role == .leader && configuration.isJoint && pendingConfigurationIndex <= log.applied && transferTarget == nil
    }

    /// Proposes to leave; none of the limits on proposals stand in the way of two bytes that everything waits for.
    mutating func leaveJointConfiguration() {
        guard isLeavingDue else { return }
        log.append(CollectionOfOne(Proposal(kind: .jointChange, data: JointChange.leavingData)), term: term)
        uncommittedBytes += JointChange.leavingData.count
        pendingConfigurationIndex = log.last
    }

    /// Keeps what is known of peers that stay.
    mutating func rebuildPeers() {
        let members = (configuration.allVoters + configuration.learners).filter { $0 != id }.sorted()
        peers = members.map { member in
            if let known = progress(of: member) { return known }
            var new = Progress(id: member, next: log.last + 1)
            // Else the next check could find no majority before the newcomer had a chance to answer.
            new.isActive = true
            return new
        }
        snapshotsToSend.removeAll { !configuration.contains($0) }
    }
}
