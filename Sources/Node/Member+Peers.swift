// SPDX-License-Identifier: Apache-2.0

import Logging
import MartletBasics
package import MartletRaft
import MartletReplica
import NIOCore

extension Member {
    /// Messages of another member, in the order in which they came.
    package func receive(_ messages: [Message]) {
        guard case .running = phase else { return }
        for message in messages { replica.step(.received(message), at: now, into: &effects) }
        endTurnSoon()
    }

    /// What was sent to a member may be lost.
    package func peerUnreachable(_ peer: MemberID) {
        guard case .running = phase else { return }
        step(.peerUnreachable(peer))
    }

    /// A member's process has ended.
    package func peerGone(_ peer: MemberID) {
        guard case .running = phase else { return }
        step(.peerGone(peer))
    }

    /// The other members have removed this one: it ends.
    package func leave() {
        fail(.replica(.removed))
    }

    /// Hands leadership to another member; nil: to whoever is best prepared. `answer` comes when another leads, or with
    /// what went wrong.
    package func transferLeadership(to target: MemberID?, then answer: @escaping ReadAnswer) {
        logger.info(
            "leadership transfer starting", metadata: ["transferee-member-id": "\(target.map { "\($0)" } ?? "any")"])
        let waiter = readers.insert(
            Reader { [weak self, logger] error in
                if let error {
                    logger.warning("leadership transfer failed", metadata: ["error": "\(error)"])
                } else {
                    let leader = self?.status.leader.map { "\($0)" } ?? ""
                    logger.info("leadership transfer finished", metadata: ["leader-member-id": "\(leader)"])
                }
                answer(error)
            })
        step(.transferLeadership(to: target, waiter: waiter))
    }
}
