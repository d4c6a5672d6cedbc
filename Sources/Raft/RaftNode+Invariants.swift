// SPDX-License-Identifier: Apache-2.0

import MartletBasics

extension RaftNode {
    /// What must hold after every call, as far as one member can see it; each violation in words.
    public func violatedInvariants() -> [String] {
        var result: [String] = []
        func check(_ holds: Bool, _ words: @autoclosure () -> String) {
            if !holds { result.append(words()) }
        }
        check(log.base.index <= log.applied, "base \(log.base.index) is not applied: \(log.applied)")
        check(log.applied <= log.applying, "applied \(log.applied) is beyond applying \(log.applying)")
        check(log.applying <= log.settled, "applying \(log.applying) is not settled: \(log.settled)")
        check(log.settled <= log.committed, "settled \(log.settled) is not committed: \(log.committed)")
        check(log.committed <= log.last, "committed \(log.committed) is beyond the last \(log.last)")
        check(log.base.index <= log.synced, "base \(log.base.index) is not synced: \(log.synced)")
        check(log.synced <= log.written, "synced \(log.synced) was not written: \(log.written)")
        check(log.written <= log.last, "written \(log.written) is beyond the last \(log.last)")
        check(log.lastID.term <= term, "the last entry \(log.lastID) is of a later term than \(term)")
        check(log.applyingBytes >= 0, "applying \(log.applyingBytes) bytes")
        check(persistedWrite <= lastWrite, "write \(persistedWrite) is durable but was not ordered: \(lastWrite)")
        check(held.allSatisfy { $0.message.term == term }, "messages of an earlier term are held")
        check(held.allSatisfy { $0.write > persistedWrite }, "a message is held for a durable write")
        checkConfiguration(check)
        check(peers.allSatisfy { $0.id != id && configuration.contains($0.id) }, "peers are not the configuration's")
        switch role {
        case .leader:
            check(leader == id && vote == id, "a leader follows \(String(describing: leader))")
            check(configuration.isVoter(id), "a leader is no voter")
            check(peers.allSatisfy { $0.match < $0.next }, "a peer's match is not below next")
            check(peers.allSatisfy { $0.match <= log.last }, "a peer's match is beyond the last entry")
            check(peers.allSatisfy { $0.next <= log.last + 1 }, "a peer's next is beyond the end")
        case .candidate:
            check(vote == id && leader == nil, "a candidate voted for \(String(describing: vote))")
        case .preCandidate:
            check(leader == nil, "a pre-candidate follows \(String(describing: leader))")
        case .follower:
            check(leader != id, "a follower follows itself")
        }
        check(role == .leader || reads.count == 0, "reads wait for a follower")
        return result
    }

    private func checkConfiguration(_ check: (Bool, @autoclosure () -> String) -> Void) {
        let halves = Set(configuration.voters).union(configuration.outgoing)
        check(halves.isDisjoint(with: configuration.learners), "a voter is a learner: \(configuration)")
        check(
            configuration.nextLearners.allSatisfy {
                configuration.outgoing.contains($0) && !configuration.voters.contains($0)
            }, "who is to be a learner doesn't go: \(configuration)")
        guard configuration.isJoint, !isInstalling, log.applied < log.last else { return }
        check(!configuration.voters.isEmpty, "a joint configuration without voters to come")
        var index = log.applied + 1
        while index <= log.last {
            let entry = log[index]
            if entry.kind.changesConfiguration {
                let leaves = entry.kind == .jointChange && entry.data == JointChange.leavingData
                check(leaves, "a joint configuration is changed by \(entry.id) before it is left")
                return
            }
            index = index + 1
        }
    }
}
