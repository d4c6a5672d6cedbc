// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue

extension MemberStore {
    /// A lease of the wire's request: 0 asks for a positive one that is free.
    func leaseID(requested: Int64) -> LeaseID {
        guard requested == 0 else { return LeaseID(requested) }
        while true {
            let id = LeaseID(leaseIDs.next())
            if keyValue.leaseStatus(id, now: now, includingKeys: false) == nil { return id }
        }
    }
}
