// SPDX-License-Identifier: Apache-2.0

import MartletRESPCodec
import MartletStreams

extension Keyspace {
    /// Pairs that `policy` writes.
    static func policyCount(_ group: ConsumerGroup) -> Int {
        let policy = group.policy
        let numbers = [policy.visibility, policy.maximumDeliveries, policy.idleConsumers].count { $0 != nil }
        return numbers + (policy.deadLetter == nil ? 0 : 1) + (policy.orderField == nil ? 0 : 2)
            + (policy.filter.isEmpty ? 0 : 1) + (policy.prefersUrgent ? 1 : 0)
    }

    /// What a group does of itself, where it does something.
    func policy(_ group: ConsumerGroup, _ reply: inout ReplyWriter) {
        let policy = group.policy
        func number(_ name: StaticString, _ number: Int64?) {
            guard let number else { return }
            reply.bulk(name)
            reply.integer(number)
        }
        number("visibility", policy.visibility)
        number("max-deliveries", policy.maximumDeliveries)
        if let key = policy.deadLetter {
            reply.bulk("dead-letter")
            reply.bulk(key)
        }
        number("idle-consumers", policy.idleConsumers)
        if let field = policy.orderField {
            reply.bulk("order-by")
            reply.bulk(field)
            number("parked", Int64(group.parkedCount))
        }
        if policy.prefersUrgent {
            reply.bulk("deliver")
            reply.bulk("priority")
        }
        if !policy.filter.isEmpty {
            reply.bulk("filter")
            reply.array(2 * policy.filter.count)
            for field in policy.filter {
                reply.bulk(field.name)
                reply.bulk(field.value)
            }
        }
    }
}
