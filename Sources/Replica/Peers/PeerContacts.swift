// SPDX-License-Identifier: Apache-2.0

import MartletRaft

/// When other members were heard of, in ticks.
struct PeerContacts: Sendable {
    /// In the order of their first sign: a handful.
    private var contacts: [(member: MemberID, since: Int, last: Int)] = []

    /// - Parameter silence: who was silent for longer was gone meanwhile.
    mutating func note(_ member: MemberID, at tick: Int, silence: Int) {
        guard let place = contacts.firstIndex(where: { $0.member == member }) else {
            contacts.append((member, tick, tick))
            return
        }
        if tick - contacts[place].last > silence { contacts[place].since = tick }
        contacts[place].last = tick
    }

    /// Since when the member is heard; `nil` if it is silent.
    func heardSince(_ member: MemberID, at tick: Int, silence: Int) -> Int? {
        guard let contact = contacts.first(where: { $0.member == member }), tick - contact.last <= silence else {
            return nil
        }
        return contact.since
    }

    mutating func forget(_ member: MemberID) {
        contacts.removeAll { $0.member == member }
    }
}
