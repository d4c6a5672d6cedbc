// SPDX-License-Identifier: Apache-2.0

import MartletEtcdClient

/// The client of whichever member is in a slot: it goes down and comes back with the member there.
struct SlotClient {
    private let cluster: TortureCluster
    private let slot: Int
    /// Whether disks fill up: then writes may be refused for want of space.
    private let mayBeFull: Bool
    private var made: (member: String, client: EtcdClient)?

    /// Long enough for an election, and short enough that a client doesn't spend the run on one call.
    private static let callLimit = Duration.seconds(3)

    init(_ cluster: TortureCluster, slot: Int, mayBeFull: Bool) {
        (self.cluster, self.slot, self.mayBeFull) = (cluster, slot, mayBeFull)
    }

    /// That of the member who is there now.
    mutating func current() async throws -> EtcdClient {
        let member = cluster.member(slot)
        if let made, made.member == member.name { return made.client }
        await close()
        let new = try TortureCluster.client([member.endpoint], timeout: Self.callLimit)
        made = (member.name, new)
        return new
    }

    mutating func close() async {
        await made?.client.close()
        made = nil
    }

    /// Whether a request may fail like this while members die and disks fill up.
    func isToBeExpected(_ error: EtcdError) -> Bool {
        switch error.code {
        case .unavailable, .timeout, .closed, .overloaded, .other: true
        case .noSpace: mayBeFull
        default: false
        }
    }
}
