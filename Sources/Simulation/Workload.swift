// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import MartletReplica

/// What clients ask for: all kinds of requests, about few keys and leases so that they meet.
struct Workload {
    /// Leases that clients use.
    static let leases: ClosedRange<Int> = 1...4
    /// Longest term asked for, in seconds: a simulation ends when all leases have run out.
    static let longestTermSeconds = 6

    var random: SeededRandom
    let keys: Int

    /// They lie before all other keys, and so outside of all ranges.
    static let registers = (1...3).map { Array("a\($0)".utf8) }

    /// - Parameters:
    ///   - number: of the request; values bear it, so that each is written once.
    ///   - position: roughly where the store stands.
    ///   - known: what registers are known to hold.
    mutating func request(
        _ number: Int, at position: ModelStore.Position, _ known: [[UInt8]: RegisterHistory.Value]
    ) -> Operation.Request {
        if random.once(in: 4) { return register(number, known) }
        return switch random.number(1...100) {
        case 1...32: .write(.put(put(number)))
        case 33...39: .write(.deleteRange(deleteRange()))
        case 40...51: .write(.txn(txn(number, position, depth: 2)))
        case 52...55: .write(.compact(compaction(position), physical: random.once(in: 3)))
        case 56...61: .write(.leaseGrant(lease(), ttlSeconds: Int64(random.number(0...Self.longestTermSeconds))))
        case 62...63: .write(.leaseRevoke(lease()))
        case 64...78: .range(range(position), isSerializable: random.once(in: 3))
        case 79...82: .readTxn(readTxn(number, position))
        case 83...90: .keepAlive(lease())
        case 91...96: .leaseStatus(lease())
        default: .leases
        }
    }

    /// Of a register, or of some keys as they are now.
    mutating func read() -> Operation.Request {
        if random.flag() { return .range(RangeRequest(key: random.pick(Self.registers)), isSerializable: false) }
        return .range(RangeRequest(key: key(), rangeEnd: [0]), isSerializable: false)
    }

    private mutating func register(
        _ number: Int, _ known: [[UInt8]: RegisterHistory.Value]
    ) -> Operation.Request {
        let key = random.pick(Self.registers)
        var put = PutRequest(key: key)
        put.value = Array("\(number)".utf8)
        switch random.number(0...9) {
        case 0...2: return .write(.put(put))
        case 3: return .write(.deleteRange(DeleteRangeRequest(key: key)))
        case 4...6:
            let target: TxnCompare.Target = known[key].map { .value(Array("\($0)".utf8)) } ?? .createRevision(0)
            var txn = TxnRequest(compare: [TxnCompare(target, of: key, is: .equal)])
            txn.success = [.put(put)]
            return .write(.txn(txn))
        default: return .range(RangeRequest(key: key), isSerializable: false)
        }
    }

    mutating func key() -> [UInt8] { Array("k\(random.number(1...keys))".utf8) }

    mutating func rangeEnd() -> [UInt8] {
        switch random.number(0...3) {
        case 0...1: []
        case 2: [0]
        default: key()
        }
    }

    private mutating func lease() -> LeaseID { LeaseID(Int64(random.number(Self.leases))) }

    private mutating func value(_ number: Int) -> [UInt8] {
        var value = Array("v\(number).\(random.number(0...9))".utf8)
        // Some cross sectors, writes and segments; some hold sectors of zeroes.
        if random.once(in: 6) {
            value += repeatElement(random.flag() ? 0 : 7, count: random.pick([400, 1_500, 4_000]))
        }
        return value
    }

    private mutating func put(_ number: Int) -> PutRequest {
        var request = PutRequest(key: key())
        request.wantsPrevious = random.once(in: 3)
        request.ignoreValue = random.once(in: 10)
        request.ignoreLease = random.once(in: 10)
        if !request.ignoreValue { request.value = value(number) }
        if !request.ignoreLease, random.once(in: 3) { request.lease = lease() }
        return request
    }

    private mutating func deleteRange() -> DeleteRangeRequest {
        var request = DeleteRangeRequest(key: key(), rangeEnd: random.once(in: 3) ? rangeEnd() : [])
        request.wantsPrevious = random.once(in: 3)
        return request
    }

    private mutating func compaction(_ position: ModelStore.Position) -> CompactionRequest {
        let back = random.once(in: 4) ? random.number(-1...3) : random.number(0...40)
        return CompactionRequest(revision: position.revision - Int64(back))
    }

    private mutating func range(_ position: ModelStore.Position) -> RangeRequest {
        var request = RangeRequest(key: key(), rangeEnd: rangeEnd())
        if random.once(in: 4) { request.limit = Int64(random.number(-1...4)) }
        if random.once(in: 3) { request.revision = position.revision - Int64(random.number(-2...20)) }
        if random.once(in: 4) { request.sortOrder = random.pick([.ascend, .descend]) }
        if random.once(in: 6) { request.sortTarget = random.pick([.version, .createRevision, .modRevision, .value]) }
        request.keysOnly = random.once(in: 10)
        request.countOnly = random.once(in: 10)
        if random.once(in: 12) { request.minModRevision = max(0, position.revision - Int64(random.number(0...20))) }
        if random.once(in: 12) { request.maxCreateRevision = max(0, position.revision - Int64(random.number(0...20))) }
        return request
    }

    private mutating func compare(_ number: Int, _ position: ModelStore.Position) -> TxnCompare {
        let near = position.revision - Int64(random.number(0...4))
        let target: TxnCompare.Target =
            switch random.number(0...4) {
            case 0: .version(Int64(random.number(0...3)))
            case 1: .createRevision(random.flag() ? 0 : near)
            case 2: .modRevision(random.flag() ? 0 : near)
            case 3: .value(Array("v\(max(0, number - random.number(1...20)))".utf8))
            default: .lease(Int64(random.number(0...2)))
            }
        return TxnCompare(
            target, of: key(), rangeEnd: random.once(in: 5) ? rangeEnd() : [],
            is: random.pick([.equal, .equal, .notEqual, .greater, .less]))
    }

    private mutating func txn(_ number: Int, _ position: ModelStore.Position, depth: Int) -> TxnRequest {
        var request = TxnRequest()
        for _ in 0..<random.number(0...2) { request.compare.append(compare(number, position)) }
        for _ in 0..<random.number(0...3) { request.success.append(operation(number, position, depth)) }
        for _ in 0..<random.number(0...2) { request.failure.append(operation(number, position, depth)) }
        return request
    }

    private mutating func operation(
        _ number: Int, _ position: ModelStore.Position, _ depth: Int
    ) -> TxnRequest.Operation {
        switch random.number(0...9) {
        case 0...1: .range(range(position))
        case 2...7: .put(put(number))
        case 8 where depth > 0: .txn(txn(number, position, depth: depth - 1))
        default: .deleteRange(deleteRange())
        }
    }

    private mutating func readTxn(_ number: Int, _ position: ModelStore.Position) -> TxnRequest {
        var request = TxnRequest(compare: [compare(number, position)])
        for _ in 0..<random.number(1...3) { request.success.append(.range(range(position))) }
        request.failure = [.range(range(position))]
        return request
    }
}
