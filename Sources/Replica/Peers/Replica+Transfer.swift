// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

extension Replica {
    mutating func transferLeadership(to target: MemberID?, for waiter: WaiterID, into effects: inout Effects) {
        var error = leadersRefusal
        let chosen = target ?? bestSuccessor
        if error == nil, chosen == nil || !node.configuration.staysVoter(chosen ?? configuration.member) {
            error = .badTransferee
        }
        guard error == nil, let chosen else {
            effects.transfers.append(.init(waiter: waiter, error: error ?? .badTransferee))
            return
        }
        if chosen == configuration.member {
            effects.transfers.append(.init(waiter: waiter, error: nil))
            return
        }
        do throws(RequestError) {
            try node.transferLeadership(to: chosen)
            transfers.append((waiter, chosen, ticks))
        } catch {
            effects.transfers.append(.init(waiter: waiter, error: .notLeader(nil)))
        }
    }

    /// The voter that has most of the log, of those who are there; among equals the one heard for longest.
    private var bestSuccessor: MemberID? {
        let election = node.settings.electionTicks
        var best: (member: MemberID, match: LogIndex, since: Int)?
        for peer in node.peers where node.configuration.staysVoter(peer.id) {
            guard let since = contacts.heardSince(peer.id, at: ticks, silence: election) else { continue }
            if let best, best.match > peer.match || best.match == peer.match && best.since <= since { continue }
            best = (peer.id, peer.match, since)
        }
        return best?.member
    }

    /// A leader is known.
    mutating func endTransfers(_ leader: MemberID, into effects: inout Effects) {
        guard !transfers.isEmpty, leader != configuration.member else { return }
        for transfer in transfers {
            let error: ReplicaError? = leader == transfer.target ? nil : .timedOut(.transfer)
            effects.transfers.append(.init(waiter: transfer.waiter, error: error))
        }
        transfers = []
    }

    /// A target that did not take over in time will not: Raft has given it up, or nobody leads for long.
    mutating func checkTransfers(into effects: inout Effects) {
        guard !transfers.isEmpty else { return }
        let underway = transfers
        transfers = []
        for transfer in underway {
            let isGivenUp = isLeader && node.transferTarget != transfer.target
            if !isGivenUp, ticks - transfer.began < configuration.requestTicks {
                transfers.append(transfer)
            } else {
                effects.transfers.append(.init(waiter: transfer.waiter, error: .timedOut(.transfer)))
            }
        }
    }
}
