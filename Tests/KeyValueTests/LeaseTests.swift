// SPDX-License-Identifier: Apache-2.0

import MartletBasics
import MartletKeyValue
import Testing

@Suite struct LeaseTests {
    @Test func grantsRaiseShortTermsAndRefuseBadOnes() throws {
        var store = KeyValueStore()
        #expect(try store.grantLease(id: LeaseID(77), ttlSeconds: 1, now: .zero) == 2)
        #expect(try store.grantLease(id: LeaseID(78), ttlSeconds: -3, now: .zero) == 2)
        #expect(try store.grantLease(id: LeaseID(-9), ttlSeconds: 60, now: .zero) == 60)
        #expect(try store.grantLease(id: LeaseID(5), ttlSeconds: 9_000_000_000, now: .zero) == 9_000_000_000)
        #expect(throws: KeyValueError.leaseExists) { try store.grantLease(id: LeaseID(77), ttlSeconds: 9, now: .zero) }
        #expect(throws: KeyValueError.leaseTTLTooLarge) {
            try store.grantLease(id: LeaseID(77), ttlSeconds: 9_000_000_001, now: .zero)
        }
        #expect(throws: KeyValueError.leaseNotFound) { try store.grantLease(id: .none, ttlSeconds: 9, now: .zero) }
        #expect(throws: KeyValueError.leaseNotFound) { try store.revokeLease(LeaseID(1)) }
        #expect(store.leaseIDs() == [LeaseID(77), LeaseID(78), LeaseID(-9), LeaseID(5)])
    }

    @Test func revokingDeletesTheKeysUnderOneRevision() throws {
        var store = KeyValueStore()
        _ = try store.grantLease(id: LeaseID(7), ttlSeconds: 10, now: .zero)
        for key in ["c", "a", "b", "gone", "moved", "freed"] { try store.put(key, "v", lease: 7) }
        _ = try store.grantLease(id: LeaseID(8), ttlSeconds: 10, now: .zero)
        try store.delete("gone")
        try store.put("moved", "v", lease: 8)
        try store.put("freed", "v")
        var keeps = PutRequest(key: bytes("a"), value: bytes("w"))
        keeps.ignoreLease = true
        _ = try store.put(keeps)
        let stream = store.openWatchStream()
        _ = try store.createWatch(WatchRequest(key: [], rangeEnd: [0]), on: stream)
        let before = store.revision
        let status = store.leaseStatus(LeaseID(7), now: .zero, includingKeys: true)
        #expect(status?.keys.map(text) == ["a", "b", "c"])
        #expect(store.leaseStatus(LeaseID(7), now: .zero, includingKeys: false)?.keys == [])
        let response = try store.revokeLease(LeaseID(7))
        #expect(response.revision == before + 1 && response.deleted == 3 && store.revision == before + 1)
        let events = store.drainWatchDeliveries().flatMap(\.events)
        #expect(events.map { text($0.record.key) } == ["a", "b", "c"])
        #expect(events.map(\.revision.sub) == [0, 1, 2])
        #expect(
            events.allSatisfy {
                $0.kind == .delete && $0.record == .tombstone(key: $0.record.key, modRevision: before + 1)
            })
        #expect(try store.read("\0", "\0").keys == ["freed", "moved"])
        _ = try store.grantLease(id: LeaseID(9), ttlSeconds: 10, now: .zero)
        #expect(try store.revokeLease(LeaseID(9)).revision == before + 1)
    }

    @Test func countsDownAndRenews() throws {
        var store = KeyValueStore()
        _ = try store.grantLease(id: LeaseID(7), ttlSeconds: 10, now: .seconds(100))
        #expect(store.leaseStatus(LeaseID(7), now: .seconds(101.5), includingKeys: false)?.remainingSeconds == 8)
        expect(store.keepAliveLease(LeaseID(7), now: .seconds(105)) == 10)
        #expect(store.leaseStatus(LeaseID(7), now: .seconds(105), includingKeys: false)?.remainingSeconds == 10)
        expect(store.keepAliveLease(LeaseID(8), now: .seconds(105)) == nil)
        #expect(store.leaseStatus(LeaseID(8), now: .seconds(105), includingKeys: true) == nil)
        expect(store.expiredLeases(now: .seconds(114.9), limit: 10, retryAfter: .seconds(3)) == [])
        expect(store.keepAliveLease(LeaseID(7), now: .seconds(115)) == nil)
        expect(store.expiredLeases(now: .seconds(115), limit: 10, retryAfter: .seconds(3)) == [LeaseID(7)])
        expect(store.expiredLeases(now: .seconds(117.9), limit: 10, retryAfter: .seconds(3)) == [])
        expect(store.expiredLeases(now: .seconds(118), limit: 10, retryAfter: .seconds(3)) == [LeaseID(7)])
        // Expiry alone ends nothing.
        #expect(store.leaseIDs() == [LeaseID(7)])
        store.promoteLeases(now: .seconds(200), extension: .seconds(1))
        expect(store.expiredLeases(now: .seconds(210.9), limit: 10, retryAfter: .seconds(3)) == [])
        expect(store.expiredLeases(now: .seconds(211), limit: 10, retryAfter: .seconds(3)) == [LeaseID(7)])
    }

    /// Random grants, renewals and revocations; a naive list says what is due.
    @Test func findsWhatIsDue() throws {
        var random = SeededRandom(seed: testSeed("findsWhatIsDue"))
        var store = KeyValueStore()
        var twin: [LeaseID: (ttl: Int64, expiry: Duration)] = [:]
        var now = Duration.zero
        for step in 0..<5000 {
            now += .milliseconds(Int.random(in: 0..<400, using: &random))
            let id = LeaseID(Int64.random(in: 1..<60, using: &random))
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let ttl = Int64.random(in: 2..<30, using: &random)
                if twin[id] == nil {
                    _ = try store.grantLease(id: id, ttlSeconds: ttl, now: now)
                    twin[id] = (ttl, now + .seconds(ttl))
                } else {
                    #expect(throws: KeyValueError.leaseExists) {
                        try store.grantLease(id: id, ttlSeconds: ttl, now: now)
                    }
                }
            case 2:
                let renewed = store.keepAliveLease(id, now: now)
                if let lease = twin[id], lease.expiry > now {
                    #expect(renewed == lease.ttl)
                    twin[id]?.expiry = now + .seconds(lease.ttl)
                } else {
                    #expect(renewed == nil)
                }
            default:
                if twin.removeValue(forKey: id) != nil { _ = try store.revokeLease(id) }
            }
            guard step % 10 == 0 else { continue }
            let due = store.expiredLeases(now: now, limit: 100, retryAfter: .zero + .nanoseconds(1))
            #expect(Set(due) == Set(twin.filter { $0.value.expiry <= now }.keys))
            for id in due {
                _ = try store.revokeLease(id)
                twin[id] = nil
            }
            #expect(
                store.leaseIDs() == twin.sorted { ($0.value.expiry, $0.key) < ($1.value.expiry, $1.key) }.map(\.key))
        }
    }

    /// Terms from seconds to centuries, clocks that jump as far, promotions between: what is due is found, not earlier
    /// and all of it.
    @Test func findsWhatIsDueFarAway() throws {
        var random = SeededRandom(seed: testSeed("findsWhatIsDueFarAway"))
        for _ in 0..<40 {
            var store = KeyValueStore()
            var twin: [LeaseID: (ttl: Int64, left: Int64, expiry: Duration)] = [:]
            var now = Duration.seconds(Int64.random(in: 0..<1_000_000, using: &random))
            func magnitude(_ greatest: Int64) -> Int64 {
                min(greatest, 1 << Int64.random(in: 0..<34, using: &random)) + Int64.random(in: 0..<3, using: &random)
            }
            for step in 0..<200 {
                let id = LeaseID(Int64.random(in: 1..<40, using: &random))
                switch Int.random(in: 0..<9, using: &random) {
                case 0...4:
                    let ttl = 2 + magnitude(8_000_000_000)
                    guard twin[id] == nil else { break }
                    _ = try store.grantLease(id: id, ttlSeconds: ttl, now: now)
                    twin[id] = (ttl, 0, now + .seconds(ttl))
                case 5:
                    guard let lease = twin[id] else { break }
                    let isAlive = lease.expiry > now
                    expect(store.keepAliveLease(id, now: now) == (isAlive ? lease.ttl : nil))
                    if isAlive { twin[id]?.expiry = now + .seconds(lease.ttl) }
                case 6:
                    guard let lease = twin[id] else { break }
                    let left = Int64.random(in: 1...lease.ttl, using: &random)
                    store.noteLeaseRemaining(id, seconds: left)
                    twin[id]?.left = left
                case 7 where step % 3 == 0:
                    let grace = Duration.seconds(Int64.random(in: 0..<5, using: &random))
                    store.promoteLeases(now: now, extension: grace)
                    for (id, lease) in twin {
                        twin[id]?.expiry = now + grace + .seconds(lease.left > 0 ? lease.left : lease.ttl)
                    }
                default:
                    // Short and long jumps, and jumps to the moment at which something is due, and just before it.
                    // No clock runs for 292 years, and no term ends behind that.
                    if now < .seconds(1_000_000_000) { now += .milliseconds(magnitude(3_000_000_000)) }
                    let next = twin.values.map(\.expiry).filter { $0 > now && $0 < .seconds(1_000_000_000) }.min()
                    if let next, Bool.random(using: &random) { now = next - .nanoseconds(1) }
                    if let next, Bool.random(using: &random) { now = next }
                }
                var due: Set<LeaseID> = []
                repeat {
                    due.formUnion(store.expiredLeases(now: now, limit: 3, retryAfter: .seconds(1)))
                } while store.isLeaseScanDue(now: now)
                let expected = Set(twin.filter { $0.value.expiry <= now }.keys)
                #expect(due.isSubset(of: expected))
                for id in expected.union(due) {
                    let status = store.leaseStatus(id, now: now, includingKeys: false)
                    #expect((status?.remainingSeconds ?? 1) <= 0)
                    // What was offered and is not offered again yet is revoked now.
                    _ = try store.revokeLease(id)
                    twin[id] = nil
                    #expect(due.contains(id))
                }
                let order = twin.sorted { ($0.value.expiry, $0.key) < ($1.value.expiry, $1.key) }.map(\.key)
                #expect(store.leaseIDs() == order)
            }
        }
    }

    /// Many leases that run out together are named in bounded scans, each once, while other work goes on.
    @Test func manyRunOutTogether() throws {
        var store = KeyValueStore()
        let count = 20_000
        for number in 1...count {
            _ = try store.grantLease(id: LeaseID(Int64(number)), ttlSeconds: 60, now: .milliseconds(number / 20))
        }
        // Renewed once each, so that no deadline stands where it was filed first.
        for number in 1...count {
            expect(store.keepAliveLease(LeaseID(Int64(number)), now: .milliseconds(30_000 + number / 20)) == 60)
        }
        var seen: Set<LeaseID> = []
        let now = Duration.seconds(91.5)
        expect(!store.isLeaseScanDue(now: .zero) && store.isLeaseScanDue(now: now))
        var scans = 0
        while store.isLeaseScanDue(now: now) {
            let due = store.expiredLeases(now: now, limit: 300, retryAfter: .seconds(3))
            #expect(due.count <= 300)
            scans += 1
            for id in due {
                #expect(seen.insert(id).inserted)
                if id.rawValue % 2 == 0 { _ = try store.revokeLease(id) }
            }
        }
        #expect(seen.count == count && scans >= count / 300)
        // Those that were not revoked are offered again.
        var again = 0
        let later = now + .seconds(3)
        while store.isLeaseScanDue(now: later) {
            again += store.expiredLeases(now: later, limit: 1000, retryAfter: .seconds(3)).count
        }
        #expect(again == count / 2)
    }

    /// One lease, many keys: all go, and keys that moved on stay.
    @Test func aLeaseHoldsAnyNumberOfKeys() throws {
        var store = KeyValueStore()
        _ = try store.grantLease(id: LeaseID(7), ttlSeconds: 10, now: .zero)
        func keys() -> [String] {
            store.leaseStatus(LeaseID(7), now: .zero, includingKeys: true)?.keys.map(text) ?? []
        }
        #expect(keys() == [])
        try store.put("b", "", lease: 7)
        try store.put("b", "", lease: 7)
        #expect(keys() == ["b"])
        for number in 100..<300 { try store.put("k\(number)", "", lease: 7) }
        try store.delete("k100", "k290")
        #expect(keys() == ["b"] + (290..<300).map { "k\($0)" })
        try store.delete("\0", "\0")
        #expect(keys() == [])
        try store.put("c", "", lease: 7)
        try store.put("c", "")
        #expect(keys() == [])
    }
}
