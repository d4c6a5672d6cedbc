// SPDX-License-Identifier: Apache-2.0

import MartletAuth
import MartletBasics
import MartletReplica

/// Makes messages of martlet.v1, field by field.
enum StoreWire {
    typealias Bytes = [UInt8]

    static func message(_ fields: (UInt64, Bytes)...) -> Bytes {
        var bytes: Bytes = []
        for (number, content) in fields { bytes.append(choice: number, bytes: content) }
        return bytes
    }

    static func number(_ field: UInt64, _ value: UInt64) -> Bytes {
        var bytes: Bytes = []
        bytes.append(choice: field, number: value)
        return bytes
    }

    static func id(_ milliseconds: UInt64, _ sequence: UInt64 = 0) -> Bytes {
        number(1, milliseconds) + number(2, sequence)
    }

    // MARK: Conditions

    /// That a key was written so often; 0: it isn't there.
    static func version(_ key: String, _ version: UInt64) -> Bytes {
        message((1, number(2, 0) + message((3, bytes(key))) + number(4, version)))
    }

    static func stream(_ name: String, _ target: Bytes, relation: UInt64 = 0) -> Bytes {
        message((2, message((1, bytes(name))) + number(2, relation) + target))
    }

    static func lastID(_ id: Bytes) -> Bytes { message((3, id)) }
    static func length(_ length: UInt64) -> Bytes { number(4, length) }
    static func position(_ group: String, _ id: Bytes) -> Bytes { message((5, message((1, bytes(group)), (2, id)))) }
    static func pending(_ group: String, _ consumer: String, _ id: Bytes) -> Bytes {
        message((6, message((1, bytes(group)), (2, bytes(consumer)), (3, id))))
    }

    // MARK: Operations

    static func get(_ key: String) -> Bytes { message((1, message((1, bytes(key))))) }
    static func put(_ key: String, _ value: String, lease: UInt64 = 0) -> Bytes {
        message((2, message((1, bytes(key)), (2, bytes(value))) + number(3, lease)))
    }
    static func keep(_ key: String) -> Bytes { message((2, message((1, bytes(key))) + number(5, 1))) }
    static func delete(_ key: String) -> Bytes { message((3, message((1, bytes(key))))) }
    static func inner(_ transaction: Bytes) -> Bytes { message((4, transaction)) }

    static func append(_ stream: String, _ value: String, id: Bytes? = nil, mustExist: Bool = false) -> Bytes {
        var content = message((1, bytes(stream)), (2, message((1, bytes("f")), (2, bytes(value)))))
        if let id { content += message((3, id)) }
        return message((5, content + number(4, mustExist ? 1 : 0)))
    }
    static func acknowledge(_ stream: String, _ group: String, _ ids: Bytes...) -> Bytes {
        message((6, ids.reduce(message((1, bytes(stream)), (2, bytes(group)))) { $0 + message((3, $1)) }))
    }
    static func giveBack(_ stream: String, _ group: String, _ id: Bytes, mode: UInt64 = 1) -> Bytes {
        message((7, message((1, bytes(stream)), (2, bytes(group)), (3, id)) + number(4, mode)))
    }
    static func trim(_ stream: String, to length: UInt64) -> Bytes {
        message((8, message((1, bytes(stream))) + number(2, length)))
    }
    static func deleteEntries(_ stream: String, _ ids: Bytes...) -> Bytes {
        message((9, ids.reduce(message((1, bytes(stream)))) { $0 + message((2, $1)) }))
    }

    static func transaction(_ conditions: [Bytes] = [], then: [Bytes], otherwise: [Bytes] = []) -> Bytes {
        var bytes: Bytes = []
        for condition in conditions { bytes.append(choice: 1, bytes: condition) }
        for operation in then { bytes.append(choice: 2, bytes: operation) }
        for operation in otherwise { bytes.append(choice: 3, bytes: operation) }
        return bytes
    }
}

extension TestMember {
    typealias StoreOutcome = Result<StoreTransactionResponse, ReplicaError>

    /// What a transaction over keys and streams is answered.
    mutating func transact(
        _ conditions: [[UInt8]] = [], then: [[UInt8]], otherwise: [[UInt8]] = [],
        as identity: AuthIdentity = .anonymous
    ) throws -> StoreOutcome? {
        try propose(conditions, then: then, otherwise: otherwise, as: identity)
        settle()
        return storeOutcome
    }

    mutating func propose(
        _ conditions: [[UInt8]] = [], then: [[UInt8]], otherwise: [[UInt8]] = [],
        as identity: AuthIdentity = .anonymous
    ) throws {
        replies.removeAll { $0.waiter == WaiterID(.max) }
        let request = try StoreRequest(
            wire: StoreWire.transaction(conditions, then: then, otherwise: otherwise), identity: identity)
        replica.transact(request, for: WaiterID(.max), at: moment, into: &effects)
        step(.turnEnded)
    }

    var storeOutcome: StoreOutcome? {
        guard let reply = replies.last(where: { $0.waiter == WaiterID(.max) }) else { return nil }
        return reply.result.map { response in
            guard case .transact(let response) = response else { preconditionFailure("\(response)") }
            return response
        }
    }
}
