// SPDX-License-Identifier: Apache-2.0

public import MartletBasics

extension RaftNode {
    // MARK: Leader

    /// The peer needs entries that are compacted. Only one that shows signs of life is worth a whole state.
    mutating func orderSnapshot(for peer: Int) {
        guard peers[peer].isActive else { return }
        peers[peer].becomeSnapshot()
        snapshotsToSend.append(peers[peer].id)
    }

    /// What tells `member` that the state up to `mark` has arrived. Send it when all of the state has.
    public func snapshotMessage(to member: MemberID, mark: SnapshotMark) -> Message {
        Message(from: id, to: member, term: term, body: .snapshot(mark))
    }

    /// Sending a state to `member` has ended: whole up to `index`, or, if `nil`, not whole. Appends go on from there
    /// after the next sign of life.
    public mutating func snapshotSent(to member: MemberID, upTo index: LogIndex?) {
        guard role == .leader, let peer = peerOffset(member), peers[peer].state == .snapshot else { return }
        peers[peer].becomeProbe(next: min(index ?? .zero, log.last) + 1)
        peers[peer].isProbeSent = true
    }

    // MARK: Follower

    /// Source: Raft §7.
    mutating func takeSnapshot(from sender: MemberID, _ mark: SnapshotMark) {
        guard mark.last.index > log.committed else {
            sendWhenPersisted(.appendAccepted(match: log.committed), to: sender)
            return
        }
        if log.contains(mark.last) {
            // All of it is here already, only not known to be committed.
            log.commit(upTo: mark.last.index)
            sendWhenPersisted(.appendAccepted(match: mark.last.index), to: sender)
            return
        }
        // The state may be from before this member joined: its own entry then comes with the log.
        log.restore(mark.last)
        configuration = mark.configuration
        rebuildPeers()
        snapshotToInstall = mark
        sendWhenPersisted(.appendAccepted(match: mark.last.index), to: sender)
    }
}
