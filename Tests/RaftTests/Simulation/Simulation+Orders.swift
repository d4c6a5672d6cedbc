// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletRaft

extension Simulation {
    /// Checks a member that something was done to, and most of the time takes its orders.
    mutating func touched(_ member: Int, takesOrders: Bool = false) {
        checks.check(&members[member])
        guard takesOrders || random.chance(3, in: 4) else { return }
        let hadOrders = members[member].node!.hasOrders
        members[member].takeOrders()
        if hadOrders == members[member].orders.isEmpty {
            checks.violation = checks.violation ?? "hasOrders is \(hadOrders), orders: \(members[member].orders)"
        }
        checks.taken(members[member])
        coverage.add(members[member])
        for message in members[member].orders.messages { enqueue(Packet(message: message)) }
        for peer in members[member].orders.snapshotsToSend { sendSnapshot(from: member, to: peer) }
    }

    private mutating func sendSnapshot(from member: Int, to peer: MemberID) {
        let image = members[member].disk.durable
        let isSent = image.mark.last.index >= members[member].node!.log.base.index && !random.chance(1, in: 8)
        if isSent {
            let message = members[member].node!.snapshotMessage(to: peer, mark: image.mark)
            enqueue(Packet(message: message, state: image.state))
        }
        members[member].node!.snapshotSent(to: peer, upTo: isSent ? image.mark.last.index : nil)
    }

    private mutating func enqueue(_ packet: Packet) {
        guard !isCut[Int(packet.message.from.rawValue) - 1][Int(packet.message.to.rawValue) - 1] else { return }
        if packets.count >= Self.packetsMax { packets.remove(at: random.below(packets.count)) }
        packets.append(packet)
    }
}
